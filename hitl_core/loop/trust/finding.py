"""What was found when a threshold was asked for, and what is kept of it once it is published.

Public: `Finding`, `SegmentFinding`, `StoredCertificate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hitl_core.domain.policy import Policy
from hitl_core.loop.trust.evidence import Evidence, Scope

if TYPE_CHECKING:
    from datetime import datetime

    from hitl_core.calibration import ThresholdCertificate, ThresholdResult


@dataclass(frozen=True)
class SegmentFinding:
    """What was found for one part of a project.

    Attributes:
        key: under which the certificate is kept once it is published.
        scope: the part.
        evidence: all its labels; `rows` says how many of them could certify.
        result: threshold, bound, n; its threshold is None where nothing could be certified.
        certificate: as it would be issued now; None where nothing was certified or the ledger has too little left.
        refused: why nothing may be certified whatever the rows say; empty where something may.
        rows_digest: of the rows the result rests on.
    """

    key: str
    scope: Scope
    evidence: Evidence
    result: ThresholdResult
    certificate: ThresholdCertificate | None
    refused: str
    rows_digest: str


@dataclass(frozen=True)
class Finding:
    """An answer to "from which confidence on may outputs go by themselves", ready to be published.

    Attributes:
        scope: what was asked about.
        target_error, confidence: as asked.
        calibrator: key of the calibrator whose confidences the thresholds are about; empty for those that came.
        parts: one for the scope, or one for each of its segments.
        policy: the live policy with the thresholds found; segments of several without one are sent to review.
        base: digest of the policy it was made from.
        summary: what it means, in sentences.
    """

    scope: Scope
    target_error: float
    confidence: float
    calibrator: str
    parts: tuple[SegmentFinding, ...]
    policy: Policy
    base: str
    summary: tuple[str, ...]

    @property
    def result(self) -> ThresholdResult:
        """Of the first part that was certified, else of the first part."""
        return self._shown.result

    @property
    def certificate(self) -> ThresholdCertificate | None:
        """Of the first part that was certified; None where none was: then there is nothing to publish."""
        return self._shown.certificate

    @property
    def evidence(self) -> Evidence:
        """Of the part that `result` is about."""
        return self._shown.evidence

    @property
    def refused(self) -> str:
        """Why the shown part may not be certified; empty where it may."""
        return self._shown.refused

    @property
    def _shown(self) -> SegmentFinding:
        return next((part for part in self.parts if part.certificate is not None), self.parts[0])


@dataclass(frozen=True)
class StoredCertificate:
    """A published certificate and how it stands under the live policy.

    Attributes:
        key: of the artefact; what an override of the policy names.
        project, author, issued_at, reason: of the publication.
        policy_version: the version published with it.
        certificate: the statement.
        where: values of domain, label or model that it is about; empty for the whole project.
        state: in force (the live policy uses it), changed (so it does, but what it decides about is no longer what was
            certified), unused (the live policy does not name it), expired, or void (the live policy names it and does
            something that it does not cover: such items go to review).
        detail: why it is not simply in force; empty where it is.
    """

    key: str
    project: str
    author: str
    issued_at: datetime
    reason: str
    policy_version: int
    certificate: ThresholdCertificate
    where: dict[str, str]
    state: str
    detail: str

    def mapping(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        import json

        plain = {name: getattr(self, name) for name in ("key", "project", "author", "reason", "policy_version")}
        plain |= {"where": self.where, "state": self.state, "detail": self.detail}
        return plain | {"issued_at": self.issued_at.isoformat(), "certificate": json.loads(self.certificate.to_json())}
