"""What a project's certificates have spent of the chance of being wrong, read from the certificates themselves.

Public: `read_ledger`, `issue`, `expiry`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hitl_core.calibration import DeltaLedger, LedgerEntry, ThresholdCertificate, ThresholdResult, issue_certificate
from hitl_core.loop.standing import KIND
from hitl_core.store.trust import artefacts

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hitl_core.domain.policy import Policy
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.evidence import Evidence

YEAR = timedelta(days=365)
_ALL = 100_000


def read_ledger(tx: sa.Connection, project: str, policy: Policy, now: datetime) -> DeltaLedger:
    """Return the ledger of the year before now; a publication that cost nothing (the same again) is not in it."""
    kept = artefacts.listing(tx, project=project, kind=KIND, limit=_ALL)
    paid = (each.body.get("paid") for each in reversed(kept) if now - each.created_at < YEAR)
    entries = tuple(LedgerEntry(str(each["key"]), float(each["delta"])) for each in paid if each)
    return DeltaLedger(policy.calibration.yearly_delta, entries)


def expiry(policy: Policy, fitted: FittedCalibrator | None, now: datetime) -> datetime:
    """Return when a certificate issued now ends: with its calibrator, and at the latest at the age of one."""
    start = now if fitted is None else min(now, fitted.artefact.created_at)
    return start + timedelta(days=min(policy.calibration.max_age_days, 100_000))


def issue(
    evidence: Evidence,
    result: ThresholdResult,
    ledger: DeltaLedger,
    *,
    digest: str,
    now: datetime,
    expires_at: datetime,
    calibrator: str,
) -> tuple[ThresholdCertificate, DeltaLedger]:
    """Return the certificate of a part's result and the ledger that has paid for it.

    Raises:
        InputError: nothing was certified, the calibrator has ended, or the ledger has too little left.
    """
    return issue_certificate(
        result,
        ledger,
        rows_digest=digest,
        window_start=evidence.start,
        window_end=evidence.end,
        issued_at=now,
        expires_at=expires_at,
        calibrator=calibrator,
        segment=evidence.scope.name,
    )
