"""Publishing a finding: certificates, their price, the policy version and the events land together or not at all.

Public: `publish_finding`, `stored_certificates`, `certificates_named`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hitl_core.domain.errors import ConflictError, InputError, NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import Override
from hitl_core.domain.text import require_clean
from hitl_core.loop.standing import KIND, read_certificate, uncovered
from hitl_core.loop.trust.calibrating import FittedCalibrator
from hitl_core.loop.trust.finding import Finding, SegmentFinding, StoredCertificate
from hitl_core.loop.trust.ledger import expiry, issue, read_ledger
from hitl_core.loop.trust.thresholds import digest_of, population
from hitl_core.store import events, policies
from hitl_core.store.trust import artefacts

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hitl_core.calibration import DeltaLedger
    from hitl_core.loop.policy_book import LivePolicy, PolicyBook
    from hitl_core.store.trust.artefacts import Artefact

EVENT = "threshold.certified"


def publish_finding(
    book: PolicyBook,
    finding: Finding,
    fitted: FittedCalibrator | None,
    *,
    reason: str,
    actor: str,
    clock: Callable[[], datetime],
) -> LivePolicy:
    """Publish a finding; see `CalibrationRoom.publish`."""
    certified = [part for part in finding.parts if part.certificate is not None]
    if not certified:
        raise InputError(f"there is nothing to publish: {finding.summary[0]}")
    if not reason.strip():
        raise InputError("publishing a threshold needs a reason; say why it changes")
    require_clean(reason, "reason")

    def change(live: Policy) -> Policy:
        if digest_of(live) != finding.base:
            raise ConflictError(
                "another policy was published since this threshold was found; find it again under the policy that is "
                "live now"
            )
        return finding.policy.model_copy(update={"breakers": live.breakers})

    def certify(tx: sa.Connection, version: int) -> None:
        _certify(tx, finding, certified, fitted, version, reason=reason.strip(), actor=actor, now=clock())

    version = book.amend(change, author=actor, reason=reason.strip(), then=certify)
    assert version is not None
    return book.get(version)


def stored_certificates(
    tx: sa.Connection, policy: Policy, now: datetime, *, project: str | None, stale: Callable[[str], str]
) -> list[StoredCertificate]:
    """Return a project's certificates or all, newest first; `stale` says why a project's calibrator has ended."""
    found = artefacts.listing(tx, project=project, kind=KIND, limit=100_000)
    return _read(found, policy, now, stale)


def certificates_named(
    tx: sa.Connection, version: int, policy: Policy, now: datetime, *, stale: Callable[[str], str]
) -> list[StoredCertificate]:
    """Return the certificates that a policy version names, newest first.

    Raises:
        NotFoundError: the version was never published.
    """
    published = policies.load(tx, version)
    if published is None:
        raise NotFoundError(f"policy version {version} was never published; see: hitl policy list")
    named = [each.certificate for each in Policy.from_mapping(published.body).overrides if each.certificate]
    kept = [each for each in (artefacts.load(tx, key) for key in named) if each is not None and each.kind == KIND]
    return _read(sorted(kept, key=lambda each: (each.created_at, each.key), reverse=True), policy, now, stale)


def _certify(
    tx: sa.Connection,
    finding: Finding,
    certified: Iterable[SegmentFinding],
    fitted: FittedCalibrator | None,
    version: int,
    *,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Issue the certificates from the ledger as it stands in this transaction, and keep them."""
    project, policy = finding.scope.project, finding.policy
    ledger = read_ledger(tx, project, policy, now)
    for part in certified:
        options: dict[str, Any] = {"now": now, "expires_at": expiry(policy, fitted, now)}
        options |= {"digest": part.rows_digest, "calibrator": finding.calibrator}
        certificate, paid = issue(part.evidence, part.result, ledger, **options)
        body = {
            "certificate": json.loads(certificate.to_json()),
            "where": dict(part.scope.where),
            "paid": _price(ledger, paid),
            "policy_version": version,
            "population": population(policy, part.scope.selector()),
            "reason": reason,
        }
        name = part.scope.name
        artefacts.append(tx, project=project, kind=KIND, name=name, body=body, author=actor, at=now, key=part.key)
        data = {"artefact": part.key, "certificate": certificate.key, "version": version, "segment": name}
        data |= {"threshold": certificate.threshold, "delta": certificate.delta, "bound": certificate.bound}
        events.append(tx, EVENT, at=now, actor=actor, project=project, data=data)
        ledger = paid


def _price(before: DeltaLedger, after: DeltaLedger) -> dict[str, Any] | None:
    """Return the new entry; None where the same was published before and cost nothing."""
    return after.entries[-1]._asdict() if len(after.entries) > len(before.entries) else None


def _read(
    found: Iterable[Artefact], policy: Policy, now: datetime, stale: Callable[[str], str]
) -> list[StoredCertificate]:
    by_key = {each.certificate: each for each in policy.overrides if each.certificate}
    made = []
    for kept in found:
        certificate = read_certificate(kept)
        override = by_key.get(kept.key)
        state, detail = _state(kept, certificate, policy, override, now, stale(kept.project))
        made.append(
            StoredCertificate(
                key=kept.key,
                project=kept.project,
                author=kept.author,
                issued_at=kept.created_at,
                reason=str(kept.body.get("reason", "")),
                policy_version=int(kept.body.get("policy_version", 0)),
                certificate=certificate,
                where=dict(kept.body.get("where") or {}),
                state=state,
                detail=detail,
            )
        )
    return made


def _state(
    kept: Artefact, certificate: Any, policy: Policy, override: Override | None, now: datetime, stale: str
) -> tuple[str, str]:
    if certificate.expired(now):
        return "expired", f"it ended {certificate.expires_at.isoformat(timespec='minutes')}; find a threshold again"
    if override is None:
        return "unused", "the live policy does not name it"
    if why := uncovered(policy, override, kept, certificate):
        return "void", why
    if certificate.calibrator and stale:
        return "expired", f"its calibrator is no longer used: {stale}"
    if kept.body.get("population") != population(policy, override.when):
        return "changed", "rules or more telling overrides were published since: it decides about other items now"
    return "in force", ""
