"""Certificates of judges: from stored verdicts and labels by design to an artefact, and what one is worth now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.store import events
from hitl_core.store.judging import verdicts
from hitl_core.store.trust import artefacts
from hitl_core.store.trust.labelled import labelled_frame

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hitl_core.domain.policy_judging import Judging
    from hitl_core.judging.certifying.certificate import JudgeCertificate
    from hitl_core.judging.opinion import CertificateState

KIND = "judge_certificate"
RECENT = 200


class Certified(NamedTuple):
    """A stored certificate and whether it counts now; `key` is the artefact's."""

    key: str
    version: int
    certificate: JudgeCertificate
    status: str
    reason: str


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
    tx: sa.Connection, judge: str, project: str, judging: Judging, *, author: str, now: datetime
) -> Certified:
    """Measure a judge of one project against people's labels and store the certificate with an event.

    Counted are its newest verdicts of its newest fingerprint on items that no rule sent to a person: those it could
    have accepted.

    Raises:
        InputError: no tier asks the judge, or nobody has labelled what it judged.
    """
    from hitl_core.judging.certifying.certificate import certify

    accept_at = accept_at_of(judge, judging)
    frame = labelled_frame(tx, now=now, project=project)
    usable = frame.filter(frame["correct"].is_not_null() & ~frame["forced_by_rule"] & ~frame["breaker"])
    rows = {row["item_key"]: row for row in usable.iter_rows(named=True)}
    said = _newest(verdicts.of_items(tx, list(rows)), judge)
    if not said:
        raise InputError(f"nobody has labelled what {judge!r} judged in {project!r}; review some of it first")
    keys = [key for key, _ in said]
    certificate = certify(
        [each for _, each in said],
        [bool(rows[key]["correct"]) for key in keys],
        [rows[key]["inclusion_probability"] for key in keys],
        origins=[rows[key]["origin"] for key in keys],
        groups=[rows[key]["group"] for key in keys],
        accept_at=accept_at,
        confidence=float(judging.certificate_confidence),
        now=now,
    )
    kept = artefacts.append(
        tx, project=project, kind=KIND, name=judge, body=certificate.to_json(), author=author, at=now
    )
    data = {"artefact": kept.key, "judge": judge, "version": kept.version, "n": certificate.n}
    events.append(tx, "judge.certified", at=now, actor=author, project=project, data=data)
    status, reason = _standing(certificate, judging, now)
    return Certified(kept.key, kept.version, certificate, status, reason)


def listed(tx: sa.Connection, judging: Judging, now: datetime, *, project: str | None = None) -> list[Certified]:
    """Return the newest certificate of each project and judge, and what it is worth under the policy."""
    from hitl_core.judging.certifying.certificate import JudgeCertificate

    found: dict[tuple[str, str], Certified] = {}
    for stored in artefacts.listing(tx, project=project, kind=KIND, limit=1000):
        if (stored.project, stored.name) not in found:
            certificate = JudgeCertificate.from_json(stored.body)
            status, reason = _standing(certificate, judging, now)
            found[stored.project, stored.name] = Certified(stored.key, stored.version, certificate, status, reason)
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


def _standing(
    certificate: JudgeCertificate, judging: Judging, now: datetime, recent: Sequence[float | None] = ()
) -> tuple[str, str]:
    try:
        accept_at = accept_at_of(certificate.judge, judging)
    except InputError as error:
        return "stale", str(error)
    status, reason = certificate.standing(
        certificate.fingerprint, now, certificate.project, accept_at, float(judging.certificate_max_age_days), recent
    )
    if status == "valid":
        return certificate.sufficiency(float(judging.min_precision), float(judging.certificate_confidence))
    return status, reason
