"""The record of a certified threshold: what was claimed, from which rows, at what price, and until when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.calibration.thresholds.exact_tests import Step
from hitl_core.calibration.thresholds.ledger import DeltaLedger
from hitl_core.calibration.thresholds.result import ThresholdResult
from hitl_core.domain.errors import InputError

FORMAT = "hitl-threshold-certificate"
VERSION = 1
TIMES = ("window_start", "window_end", "issued_at", "expires_at")


@dataclass(frozen=True)
class ThresholdCertificate:
    """A statement about a threshold, kept as JSON with the policy version that uses it.

    Attributes:
        key: digest of everything else; the name under which delta was taken from the ledger.
        segment: what the statement is about; "" for everything under the policy.
        claim: "error", or "disagreement with reviewers".
        threshold, target_error, delta, bound: the statement, and the bound achieved at the level spent there.
        n, errors, effective_n, labels, coverage: evidence, as in `ThresholdResult`.
        method: of the test.
        window_start, window_end: of the rows' decisions (UTC).
        calibrator: key of the calibrator whose confidences the threshold is about; "" for raw ones.
        rows_digest: `rows_digest` of the rows used.
        delta_spent, delta_total: of the ledger, after this publication.
        issued_at, expires_at: the statement is not used after its end, nor after its calibrator's.
        steps: tests made.
    """

    key: str
    segment: str
    claim: str
    threshold: float
    target_error: float
    delta: float
    bound: float
    n: int
    errors: int
    effective_n: float
    labels: int
    coverage: float
    method: str
    window_start: datetime
    window_end: datetime
    calibrator: str
    rows_digest: str
    delta_spent: float
    delta_total: float
    issued_at: datetime
    expires_at: datetime
    steps: tuple[Step, ...] = ()

    def expired(self, now: datetime) -> bool:
        """Return whether the statement may no longer be used."""
        return now >= self.expires_at

    def to_json(self) -> str:
        """Return the certificate as one line of JSON with sorted keys."""
        return json.dumps(self._content() | {"key": self.key}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ThresholdCertificate:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no certificate of this version, or was changed after it was issued.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            if content.pop("format") != FORMAT or content.pop("version") != VERSION:
                raise InputError(f'this JSON is no certificate of version {VERSION} ("format" must be "{FORMAT}")')
            content |= {name: datetime.fromisoformat(content[name]) for name in TIMES}
            read = cls(**content | {"steps": tuple(Step(*each) for each in content["steps"])})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this certificate cannot be read: {error}") from error
        if read.key != _key(read._content()):
            raise InputError("this certificate was changed after it was issued: its key does not match its content")
        return read

    def text(self) -> str:
        """Return the certificate in words, as `hitl policy certificate` prints it."""
        what = "wrong" if self.claim == "error" else "in disagreement with reviewers"
        lines = [
            f"Certificate {self.key[:12]}" + (f", segment {self.segment}" if self.segment else ""),
            f"Items with a confidence of {self.threshold:g} or more are {what} at most {self.target_error:.2%} of the",
            f"time, with {1 - self.delta:.1%} confidence (upper bound at the level spent there: {self.bound:.2%}).",
            f"Evidence     {self.errors} of {self.n} rows at or above the threshold, {self.labels} labelled in all",
            f"Coverage     {self.coverage:.1%} of items",
            f"Window       {self.window_start.isoformat()} to {self.window_end.isoformat()}",
            f"Method       {self.method}, {len(self.steps)} tests listed",
            f"Calibrator   {self.calibrator or 'none, raw confidences'}",
            f"Rows         sha256 {self.rows_digest}",
            f"Delta        {self.delta:g} here, {self.delta_spent:g} of {self.delta_total:g} spent in all",
            f"Issued       {self.issued_at.isoformat()}, expires {self.expires_at.isoformat()}",
        ]
        return "\n".join(lines)

    def _content(self) -> dict[str, Any]:
        content = asdict(self) | {name: getattr(self, name).isoformat() for name in TIMES}
        content["steps"] = [list(each) for each in self.steps]
        del content["key"]
        return content | {"format": FORMAT, "version": VERSION}


def issue_certificate(
    result: ThresholdResult,
    ledger: DeltaLedger,
    *,
    rows_digest: str,
    window_start: datetime,
    window_end: datetime,
    issued_at: datetime,
    expires_at: datetime,
    calibrator: str = "",
    segment: str = "",
) -> tuple[ThresholdCertificate, DeltaLedger]:
    """Return the certificate of a result and the ledger that has paid for it.

    Raises:
        InputError: nothing was certified, a time has no zone or the order is wrong, or the ledger has too little left.
    """
    if result.threshold is None or result.bound is None:
        raise InputError("nothing was certified, so there is no certificate; everything goes to review")
    times = (window_start, window_end, issued_at, expires_at)
    if any(each.tzinfo is None for each in times):
        raise InputError("a certificate's times need a time zone")
    if not (window_start <= window_end <= issued_at < expires_at):
        raise InputError("a certificate is issued after its data window and before it expires")
    fields: dict[str, Any] = {
        "segment": segment,
        "claim": result.claim,
        "threshold": result.threshold,
        "target_error": result.target_error,
        "delta": result.delta,
        "bound": result.bound,
        "n": result.n,
        "errors": result.errors,
        "effective_n": result.effective_n,
        "labels": result.labels,
        "coverage": result.coverage,
        "method": result.method,
        "window_start": window_start,
        "window_end": window_end,
        "calibrator": calibrator,
        "rows_digest": rows_digest,
        "delta_total": ledger.total,
        "issued_at": issued_at,
        "expires_at": expires_at,
        "steps": result.steps,
    }
    # The ledger knows the publication by what it states; the key, which covers the spending too, comes after.
    paid = ledger.spend(result.delta, _entry_key(fields))
    draft = ThresholdCertificate(key="", delta_spent=paid.spent, **fields)
    return ThresholdCertificate(key=_key(draft._content()), delta_spent=paid.spent, **fields), paid


def rows_digest(
    confidence: ArrayLike, correct: ArrayLike, *, inclusion: ArrayLike | None = None, groups: ArrayLike | None = None
) -> str:
    """Return the SHA-256, in hex, of the rows in an order that does not depend on how they came."""
    columns = [np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)]
    columns.append(np.ones_like(columns[0]) if inclusion is None else np.asarray(inclusion, dtype=np.float64))
    names = np.zeros(columns[0].size, dtype="U1") if groups is None else np.asarray(groups).astype(str)
    if any(each.shape != columns[0].shape for each in (*columns, names)):
        raise InputError("a digest needs one entry a row in every column")
    lines = sorted(
        f"{first!r} {second!r} {third!r} {name}"
        for first, second, third, name in zip(*(each.tolist() for each in (*columns, names)), strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _entry_key(fields: dict[str, Any]) -> str:
    stated = {name: fields[name] for name in ("segment", "threshold", "target_error", "delta", "rows_digest")}
    return _key(stated | {"calibrator": fields["calibrator"], "claim": fields["claim"]})[:16]


def _key(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
