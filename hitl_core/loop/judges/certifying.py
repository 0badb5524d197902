"""Certificates of judges: from stored verdicts and labels by design to an artefact, and what one is worth now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.store import events
from hitl_core.store.judging import verdicts
from hitl_core.store.trust import artefacts
from hitl_core.store.trust.labelled import labelled_frame

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from hitl_core.domain.policy import Policy
    from hitl_core.domain.policy_judging import Judging
    from hitl_core.judging.certifying.certificate import JudgeCertificate
    from hitl_core.judging.certifying.drift import Drift
    from hitl_core.judging.opinion import CertificateState

KIND = "judge_certificate"
RECENT = 200
"""Newest verdicts that are held against the spread of a certificate."""
COMPARED = 1000
"""Verdicts whose spread a certificate keeps."""
YEAR = timedelta(days=365)
LEAST_DELTA = 1e-9


class Certified(NamedTuple):
    """A stored certificate, whether it counts now, and how far the judge's probabilities have moved since."""

    key: str
    version: int
    certificate: JudgeCertificate
    status: str
    reason: str
    drift: Drift


def newest_state(
    tx: sa.Connection, verdict: JudgeVerdict, judging: Judging, accept_at: float, now: datetime
) -> CertificateState:
    """Return whether the newest certificate of a verdict's judge and project covers it."""
    from hitl_core.judging.certifying.certificate import JudgeCertificate, certificate_state

    stored = artefacts.newest(tx, project=verdict.project, kind=KIND, name=verdict.judge)
    recent = verdicts.recent_probabilities(tx, verdict.fingerprint, verdict.project, limit=RECENT) if stored else []
    return certificate_state(
        JudgeCertificate.from_json(stored.body) if stored else None,
        verdict,
        judging,
        accept_at=accept_at,
        now=now,
        artefact=stored.key if stored else None,
        recent=recent,
    )


def certify_judge(
    tx: sa.Connection, judge: str, project: str, policy: Policy, *, author: str, now: datetime
) -> Certified:
    """Measure a judge of one project against people's labels and store the certificate with an event.

    Counted are its newest verdicts of its newest fingerprint on items that no rule sent to a person: those it could
    have accepted. The window ends where labels are still awaited, so that nobody's haste chooses the rows. The same
    verdicts and labels again are the same certificate. Otherwise the k-th certification of a year holds with a chance
    of 6/(pi k)^2 of `1 - certificate_confidence` of being wrong, so that all of them together hold at that confidence.

    Raises:
        InputError: no tier asks the judge, or nobody has labelled what it judged.
    """
    from hitl_core.judging.certifying.certificate import certify
    from hitl_core.judging.certifying.drift import spread_of

    judging = policy.judging
    accept_at = accept_at_of(judge, judging)
    rows = {row["item_key"]: row for row in _window(tx, project, policy, now).iter_rows(named=True)}
    said = _newest(verdicts.of_items(tx, list(rows)), judge)
    labels = [None if rows[key]["correct"] is None else bool(rows[key]["correct"]) for key, _ in said]
    if all(label is None for label in labels):
        raise InputError(f"nobody has labelled what {judge!r} judged in {project!r}; review some of it first")
    delta, attempt = _chance(tx, judge, project, judging, now)
    certificate = certify(
        [each for _, each in said],
        labels,
        [rows[key]["inclusion_probability"] for key, _ in said],
        origins=[rows[key]["origin"] for key, _ in said],
        groups=[rows[key]["group"] for key, _ in said],
        accept_at=accept_at,
        confidence=1 - delta,
        max_unanswered=float(policy.audit.max_unanswered),
        now=now,
        spread=spread_of(verdicts.recent_probabilities(tx, said[0][1].fingerprint, project, limit=COMPARED)),
        attempt=attempt,
    )
    before = artefacts.newest(tx, project=project, kind=KIND, name=judge)
    if before is not None and before.body.get("rows") == certificate.rows:
        return _certified(tx, before, judging, now)
    kept = artefacts.append(
        tx, project=project, kind=KIND, name=judge, body=certificate.to_json(), author=author, at=now
    )
    data = {"artefact": kept.key, "judge": judge, "version": kept.version, "n": certificate.n}
    events.append(tx, "judge.certified", at=now, actor=author, project=project, data=data)
    return _certified(tx, kept, judging, now)


def listed(tx: sa.Connection, judging: Judging, now: datetime, *, project: str | None = None) -> list[Certified]:
    """Return the newest certificate of each project and judge, and what it is worth under the policy."""
    found: dict[tuple[str, str], Certified] = {}
    for stored in artefacts.listing(tx, project=project, kind=KIND, limit=1000):
        if (stored.project, stored.name) not in found:
            found[stored.project, stored.name] = _certified(tx, stored, judging, now)
    return list(found.values())


def accept_at_of(judge: str, judging: Judging) -> float:
    """Return from which probability a judge's word would be taken.

    Raises:
        InputError: no tier asks it.
    """
    for tier in judging.tiers:
        if tier.judge == judge:
            return float(tier.accept_at)
    asked = ", ".join(tier.judge for tier in judging.tiers) or "none"
    raise InputError(f"no tier of the live policy asks {judge!r}; tiers ask: {asked}")


def _newest(said: dict[str, list[JudgeVerdict]], judge: str) -> list[tuple[str, JudgeVerdict]]:
    """Return the newest verdict on each item by the judge as it was when it was last asked."""
    mine = [(key, each) for key, given in said.items() for each in given if each.judge == judge]
    if not mine:
        return []
    newest = max(mine, key=lambda pair: (_when(pair[1]), pair[1].id))[1].fingerprint
    last = {key: each for key, each in mine if each.fingerprint == newest}
    return sorted(last.items())


def _when(verdict: JudgeVerdict) -> float:
    return verdict.created_at.timestamp() if verdict.created_at else 0.0


def _window(tx: sa.Connection, project: str, policy: Policy, now: datetime) -> pl.DataFrame:
    """Return the design rows that a judge could have decided, up to where labels may still be on their way."""
    import polars as pl

    frame = labelled_frame(tx, now=now, project=project, cosmetic=policy.labels.cosmetic_reasons)
    frame = frame.filter(~pl.col("forced_by_rule") & ~pl.col("breaker"))
    due = max(policy.audit_due(), *policy.sla.targets().values(), timedelta(0))
    awaited = frame.filter(pl.col("correct").is_null() & (pl.col("decided_at") >= now - due))["decided_at"].min()
    return frame if awaited is None else frame.filter(pl.col("decided_at") < awaited)


def _chance(tx: sa.Connection, judge: str, project: str, judging: Judging, now: datetime) -> tuple[float, int]:
    """Return the chance of being wrong that the next certificate may have, and which of the year it is."""
    from hitl_core.calibration import DeltaLedger, LedgerEntry

    kept = artefacts.listing(tx, project=project, kind=KIND, name=judge, limit=10_000)
    spent = [LedgerEntry(each.key, 1 - float(each.body["confidence"])) for each in kept if now - each.created_at < YEAR]
    total = 1 - float(judging.certificate_confidence)
    delta = DeltaLedger(total, tuple(spent)).suggested()
    if delta < LEAST_DELTA:
        raise InputError(
            f"{len(spent)} certificates of {judge!r} in {project!r} within a year leave no chance of being wrong to a "
            f"new one at a confidence of {judging.certificate_confidence:g}"
        )
    return delta, len(spent) + 1


def _certified(tx: sa.Connection, stored: artefacts.Artefact, judging: Judging, now: datetime) -> Certified:
    """Return what a stored certificate is worth now: of the judge as it speaks now, at its age, with its drift."""
    from hitl_core.judging.certifying.certificate import JudgeCertificate
    from hitl_core.judging.certifying.drift import compare_spreads, spread_of

    held = JudgeCertificate.from_json(stored.body)
    recent = verdicts.recent_probabilities(tx, held.fingerprint, held.project, limit=RECENT)
    drift = compare_spreads(held.spread, spread_of(recent))
    current = verdicts.newest_fingerprint(tx, held.judge, held.project) or held.fingerprint
    try:
        accept_at = accept_at_of(held.judge, judging)
    except InputError as error:
        return Certified(stored.key, stored.version, held, "stale", str(error), drift)
    days = float(judging.certificate_max_age_days)
    status, reason = held.standing(current, now, held.project, accept_at, days, recent)
    if status == "valid":
        status, reason = held.sufficiency(float(judging.min_precision), float(judging.certificate_confidence))
    return Certified(stored.key, stored.version, held, status, reason, drift)
