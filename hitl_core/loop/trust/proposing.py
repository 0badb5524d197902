"""From labels to a threshold that can be certified, and the policy that would use it.

Public: `Question`, `propose`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_core.calibration import (
    DeltaLedger,
    LabelError,
    ThresholdCertificate,
    ThresholdResult,
    choose_threshold,
    choose_thresholds_by_segment,
    next_ramp_step,
    rows_digest,
)
from hitl_core.domain.errors import InputError
from hitl_core.domain.ids import new_id
from hitl_core.domain.policy import Policy
from hitl_core.loop.standing import Standing
from hitl_core.loop.trust.calibrating import FittedCalibrator, certifying_rows, compared
from hitl_core.loop.trust.evidence import SEGMENT_KEYS, Evidence, Scope, make_evidence
from hitl_core.loop.trust.finding import Finding, SegmentFinding
from hitl_core.loop.trust.ledger import expiry, issue
from hitl_core.loop.trust.saying import summarize
from hitl_core.loop.trust.thresholds import certified_now, digest_of, with_thresholds

if TYPE_CHECKING:
    import polars as pl

SEED = 0
MOST_SEGMENTS = 200


class Question(NamedTuple):
    """What is asked: a threshold for a scope, or for each of its segments, at a target and a confidence."""

    scope: Scope
    target_error: float = 0.05
    confidence: float = 0.95
    by: tuple[str, ...] = ()

    @property
    def delta(self) -> float:
        """The probability with which the answer may be wrong."""
        return round(1 - self.confidence, 12)

    def check(self) -> None:
        """Raise InputError where an option is out of range."""
        for name, value in (("target_error", self.target_error), ("confidence", self.confidence)):
            if isinstance(value, bool) or not (math.isfinite(value) and 0 < value < 1):
                example = "0.05" if name == "target_error" else "0.95"
                raise InputError(f"{name} must lie between 0 and 1, such as {example}; got {value!r}")
        if unknown := sorted(set(self.by) - set(SEGMENT_KEYS)):
            raise InputError(f"segments are made of {', '.join(SEGMENT_KEYS)}, not of {unknown[0]!r:.40}")
        if fixed := sorted(set(self.by) & set(self.scope.where)):
            raise InputError(f"{fixed[0]} has one value already; it makes no segments")


class Given(NamedTuple):
    """What an answer is made from.

    Attributes:
        rows, end: of the project, as `read_rows` returns them.
        policy: the live one, and the `standings` of its certificates.
        fitted: the calibrator asked for; `stale` says why it may not be used.
        ledger: of the project. now: the time.
    """

    rows: pl.DataFrame
    end: datetime
    policy: Policy
    fitted: FittedCalibrator | None
    ledger: DeltaLedger
    now: datetime
    standings: Mapping[str, Standing]
    stale: str = ""

    @property
    def calibrator(self) -> str:
        """The key of the calibrator, empty for confidences as they came."""
        return "" if self.fitted is None else self.fitted.artefact.key


def propose(question: Question, given: Given) -> Finding:
    """Return the thresholds that can be certified, and the policy that would use them.

    Raises:
        InputError: an option is out of range, or the thresholds do not go with the others of the policy.
    """
    question.check()
    scopes = _segments(question, given) if question.by else [question.scope]
    evidences = [make_evidence(given.rows, each, given.policy, end=given.end, decided=True) for each in scopes]
    refused = [given.stale or each.estimate.refused for each in evidences]
    results = _results(question, given, evidences, refused)
    parts = _parts(given, evidences, results, refused)
    certified = any(part.certificate is not None for part in parts)
    policy = with_thresholds(given.policy, parts, given.calibrator) if certified else given.policy
    return Finding(
        scope=question.scope,
        target_error=question.target_error,
        confidence=question.confidence,
        calibrator=given.calibrator,
        parts=parts,
        policy=policy,
        base=digest_of(given.policy),
        summary=summarize(parts, given.policy, given.ledger, given.calibrator),
    )


def _segments(question: Question, given: Given) -> list[Scope]:
    """Return a scope for each combination of values in the rows; items without a value cannot be selected."""
    import polars as pl

    everything = make_evidence(given.rows, question.scope, given.policy, end=given.end).rows
    kinds = everything.select(question.by).drop_nulls().unique().filter(pl.all_horizontal(pl.all() != ""))
    if not kinds.height:
        keys = " and ".join(question.by)
        raise InputError(f"no labelled item of {question.scope.name!r:.80} has a {keys}; ask without segments")
    if kinds.height > MOST_SEGMENTS:
        raise InputError(f"{kinds.height} segments are too many to certify at once; at most {MOST_SEGMENTS}")
    named = {scope.segment: scope for scope in (_part(question.scope, row) for row in kinds.iter_rows(named=True))}
    return [named[name] for name in sorted(named)]


def _part(scope: Scope, values: Mapping[str, str]) -> Scope:
    return replace(scope, where={**scope.where, **values})


def _results(
    question: Question, given: Given, evidences: Sequence[Evidence], refused: Sequence[str]
) -> list[ThresholdResult]:
    """Test every part that may be tested, right together with probability `confidence`."""
    delta, target = question.delta, question.target_error
    free = [place for place, why in enumerate(refused) if not why]
    nothing = choose_threshold([], [], target_error=target, delta=delta)
    results = [
        replace(nothing, labels=each.n, labels_needed=0 if each.n else nothing.labels_needed, method="none")
        for each in evidences
    ]
    if given.policy.calibration.ramp:
        share = delta / max(1, len(free))
        return [
            _next_step(given, each, target, share, results[place]) if place in free else results[place]
            for place, each in enumerate(evidences)
        ]
    if not question.by:
        whole = [
            choose_threshold(**_columns(given, each), target_error=target, delta=delta, seed=SEED) for each in evidences
        ]
        return whole if free else results
    for place, result in _by_segment(given, [(place, evidences[place]) for place in free], target, delta).items():
        results[place] = result
    return results


def _by_segment(
    given: Given, evidences: Sequence[tuple[int, Evidence]], target: float, delta: float
) -> dict[int, ThresholdResult]:
    import numpy as np

    if not evidences:
        return {}
    columns = [(place, _columns(given, each)) for place, each in evidences]
    joined: dict[str, Any] = {
        name: np.concatenate([each[name] for _, each in columns]) for name in ("confidence", "correct", "inclusion")
    }
    joined["groups"] = np.concatenate([each["groups"].astype(str) for _, each in columns])
    names = np.concatenate([np.full(each["correct"].size, str(place)) for place, each in columns])
    label_error = columns[0][1]["label_error"]
    chosen = choose_thresholds_by_segment(
        joined.pop("confidence"),
        joined.pop("correct"),
        names,
        target_error=target,
        delta=delta,
        small="review",
        label_error=label_error,
        seed=SEED,
        **joined,
    )
    share = delta / max(1, len(columns))
    few = {
        place: choose_threshold(**each, target_error=target, delta=share, seed=SEED)
        for place, each in columns
        if str(place) in chosen.to_review or not each["correct"].size
    }
    return few | {int(name): result for name, result in chosen.results.items()}


def _next_step(
    given: Given, evidence: Evidence, target: float, delta: float, nothing: ThresholdResult
) -> ThresholdResult:
    current = certified_now(given.policy, given.standings, evidence.scope, given.calibrator, given.now)
    step = next_ramp_step(
        **_columns(given, evidence),
        ramp=given.policy.calibration.ramp,
        current=current,
        target_error=target,
        delta=delta,
        seed=SEED,
    )
    return replace(nothing, method="ramp ended") if step.result is None else step.result


def _columns(given: Given, evidence: Evidence) -> dict[str, Any]:
    rows, labels = certifying_rows(evidence, given.fitted), given.policy.labels
    known = labels.missed is not None and labels.false_alarm is not None
    return {
        "confidence": compared(rows, given.fitted),
        "correct": rows["correct"].to_numpy(),
        "inclusion": rows["inclusion_probability"].to_numpy(),
        "groups": rows["group"].to_numpy(),
        "label_error": LabelError(*labels.missed, *labels.false_alarm) if known else None,  # type: ignore[misc]
    }


def _parts(
    given: Given, evidences: Sequence[Evidence], results: Sequence[ThresholdResult], refused: Sequence[str]
) -> tuple[SegmentFinding, ...]:
    """Put findings together; each certificate finds the ledger as the one before has left it."""
    ledger, parts = given.ledger, []
    for evidence, result, why in zip(evidences, results, refused, strict=True):
        columns = _columns(given, evidence)
        of_rows = {name: columns[name] for name in ("confidence", "correct", "inclusion", "groups")}
        digest, certificate = rows_digest(**of_rows), None
        if result.threshold is not None:
            certificate, ledger, why = _draft(given, evidence, result, ledger, digest)
        parts.append(SegmentFinding(new_id(), evidence.scope, evidence, result, certificate, why, digest))
    return tuple(parts)


def _draft(
    given: Given, evidence: Evidence, result: ThresholdResult, ledger: DeltaLedger, digest: str
) -> tuple[ThresholdCertificate | None, DeltaLedger, str]:
    ends = expiry(given.policy, given.fitted, given.now)
    options: dict[str, Any] = {"digest": digest, "now": given.now, "expires_at": ends, "calibrator": given.calibrator}
    try:
        return *issue(evidence, result, ledger, **options), ""
    except InputError as error:
        return None, ledger, str(error)
