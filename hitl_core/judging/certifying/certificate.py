"""The certificate of a judge: how precise the verdicts are that it would accept, from labels drawn by design (pure).

Without a valid one a judge may advise and may lower a route, and never lets an output go out by itself.

Public: `JudgeCertificate`, `certify`, `certificate_state`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.policy_judging import Judging
from hitl_core.domain.records import LabelOrigin, Moment, Record
from hitl_core.judging.certifying.drawn import (
    SAME_CHANCE,
    by_design,
    digest_of,
    precision_of,
    refusal,
    share_of,
    would_accept,
)
from hitl_core.judging.certifying.drift import Spread, compare_spreads, spread_of
from hitl_core.judging.certifying.figures import Figure, JudgeFigures, judge_figures
from hitl_core.judging.opinion import CertificateState


class JudgeCertificate(Record):
    """What was measured, of whom, and when; a change of the fingerprint makes it worthless.

    `precision` is the weighted share of right outputs among the verdicts that would be accepted at `accept_at`; its
    `low` is a one-sided bound at `confidence`, exact (Clopper-Pearson) for equal inclusion probabilities and by betting
    (Waudby-Smith and Ramdas 2024) for unequal ones. `n` counts independent labels by design, `left_out` the others:
    labels of another origin, and all but one of a group. `unanswered` counts verdicts that would be accepted and whose
    label was asked for and is not there: they are wrong in the bound, and above an allowed share of them (by weight)
    the certificate is `refused`. `spread` is how the judge's probabilities were distributed. `attempt` counts the
    certifications that a stated chance of being wrong was divided among; `rows` is a digest of verdicts and labels.
    """

    judge: str
    project: str
    fingerprint: str
    identity: dict[str, Any] = Field(default_factory=dict)
    accept_at: float
    confidence: float
    n: int
    n_accepted: int
    left_out: int
    precision: Figure
    bound: Literal["clopper_pearson", "betting", "none"]
    figures: JudgeFigures
    spread: Spread
    certified_at: Moment
    unanswered: int = 0
    unanswered_share: float = 0.0
    refused: str = ""
    attempt: int = 1
    rows: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as they are stored."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> JudgeCertificate:
        """Return the certificate that `to_json` wrote."""
        return cls.model_validate(body)

    def valid_for(
        self,
        fingerprint: str,
        now: datetime,
        *,
        project: str,
        accept_at: float,
        min_precision: float,
        confidence: float,
        max_age_days: float,
        recent: Sequence[float | None] = (),
    ) -> tuple[bool, str]:
        """Return whether the judge's word may be taken, and why not.

        Args:
            fingerprint: of the judge as it would be asked now.
            now: the time.
            project: whose items it judges.
            accept_at: from which probability its word would be taken.
            min_precision: what the bound has to reach.
            confidence: the least confidence of the bound.
            max_age_days: after which it is stale.
            recent: p_correct of recent verdicts, None for abstentions; a drift makes it stale.
        """
        status, reason = self.standing(fingerprint, now, project, accept_at, max_age_days, recent)
        if status == "valid":
            status, reason = self.sufficiency(min_precision, confidence)
        return status == "valid", reason

    def standing(
        self,
        fingerprint: str,
        now: datetime,
        project: str,
        accept_at: float,
        days: float,
        recent: Sequence[float | None],
    ) -> tuple[str, str]:
        """Return "valid", "missing" or "stale" with the reason: is it of this judge, as it is, and still of now?"""
        if project != self.project:
            return "missing", f"it is of the project {self.project!r}, not of {project!r}"
        if fingerprint != self.fingerprint:
            return "stale", "the judge has changed: its model, prompt, rubric, examples or sampling is another"
        if abs(accept_at - self.accept_at) > SAME_CHANCE:
            return "stale", f"it is for acceptance at {self.accept_at:g}, the policy now says {accept_at:g}"
        if not timedelta(0) <= now - self.certified_at + timedelta(minutes=5):
            return "stale", "it is dated in the future"
        if now - self.certified_at > timedelta(days=days):
            return "stale", f"it is {(now - self.certified_at).days} days old, the policy allows {days:g}"
        drift = compare_spreads(self.spread, spread_of(recent))
        if drift.drifted:
            told = f"population stability index {drift.psi:.2f}, {drift.n} recent verdicts"
            return "stale", f"the judge's probabilities have drifted since ({told})"
        return "valid", ""

    def sufficiency(self, min_precision: float, confidence: float) -> tuple[str, str]:
        """Return "valid" or "insufficient" with the reason: is the bound of the precision high enough?"""
        low = self.precision.low
        if self.refused:
            return "insufficient", self.refused
        if confidence > self.confidence + SAME_CHANCE:
            return "insufficient", f"its bound holds at {self.confidence:g}, the policy asks for {confidence:g}"
        if low is None or not self.n_accepted:
            return "insufficient", f"none of the {self.n} labelled verdicts would have been accepted"
        if low < min_precision:
            told = f"at least {low:.4f} of {self.n_accepted} accepted verdicts are right, at {self.confidence:g}"
            return "insufficient", f"{told}; the policy asks for {min_precision:g}"
        return "valid", f"precision at least {low:.4f} (n {self.n_accepted})"


def certify(
    verdicts: Sequence[JudgeVerdict],
    labels: Sequence[bool | None],
    inclusion: Sequence[float | None],
    *,
    origins: Sequence[LabelOrigin | str] | None = None,
    groups: Sequence[str] | None = None,
    accept_at: float,
    confidence: float = 0.95,
    max_unanswered: float = 0.05,
    now: datetime,
    spread: Spread | None = None,
    attempt: int = 1,
    identity: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> JudgeCertificate:
    """Return the certificate of one judge in one project. It says what was measured, not whether that is enough.

    `accept_at` must be chosen before the labels are seen: a threshold picked by its own result has no such bound.

    Args:
        verdicts: of one fingerprint and project, one an item.
        labels: whether people found the output right, for each verdict; None where the label was asked for and is not
            there, which counts as wrong in the bound.
        inclusion: the probability with which each item was drawn for a label; rows without one are left out.
        origins: why each item has its label; only `design` counts. All are, where this is not given.
        groups: rows of one group (a question, a document) are dependent; one of each, drawn by a hash, counts, so that
            the precision is that of a random row of a random group.
        accept_at: from which p_correct an unflagged approval is accepted.
        confidence: of the one-sided bound.
        max_unanswered: the weighted share of accepted verdicts without a label above which the certificate is refused.
        now: when.
        spread: of the judge's probabilities among all it judged; by default among the labelled.
        attempt: which certification of the judge this is; see `JudgeCertificate`.
        identity: what the fingerprint was made of, for people to read.
        seed: of the draw within groups and of resampling.

    Raises:
        InputError: there are no verdicts, they are of several fingerprints or projects, or the lengths differ.
    """
    _require_one_judge(verdicts, labels, inclusion, origins, groups)
    chosen = by_design(verdicts, inclusion, origins, groups, seed)
    used = [verdicts[row] for row in chosen.rows]
    there = np.array([labels[row] is not None for row in chosen.rows], dtype=np.bool_)
    right = np.array([bool(labels[row]) for row in chosen.rows], dtype=np.float64)
    accepted = np.array([would_accept(each, accept_at) for each in used], dtype=np.bool_)
    precision, bound = precision_of(right, there, chosen, accepted, confidence)
    share = share_of(chosen.weight, accepted & ~there, accepted)
    answered = [each for each, known in zip(used, there, strict=True) if known]
    first = verdicts[0]
    return JudgeCertificate(
        judge=first.judge,
        project=first.project,
        fingerprint=first.fingerprint,
        identity=dict(identity or {"model": first.model, "prompt": first.prompt}),
        accept_at=accept_at,
        confidence=confidence,
        n=len(answered),
        n_accepted=int((accepted & there).sum()),
        left_out=len(verdicts) - len(used),
        precision=precision,
        bound=bound,
        figures=_figures(answered, right[there], None if chosen.equal else chosen.weight[there], seed),
        spread=spread or spread_of(each.p_correct for each in used),
        certified_at=now,
        unanswered=int((accepted & ~there).sum()),
        unanswered_share=share,
        refused=refusal(share, max_unanswered),
        attempt=attempt,
        rows=digest_of(verdicts, labels, inclusion, accept_at),
    )


def _figures(
    answered: Sequence[JudgeVerdict], right: NDArray[np.float64], weight: NDArray[np.float64] | None, seed: int
) -> JudgeFigures:
    return judge_figures(
        [None if each.verdict == "abstain" else each.verdict == "approve" for each in answered],
        right.astype(bool).tolist(),
        p_correct=[each.p_correct for each in answered],
        weights=weight,
        seed=seed,
    )


def certificate_state(
    certificate: JudgeCertificate | None,
    verdict: JudgeVerdict,
    judging: Judging,
    *,
    accept_at: float,
    now: datetime,
    artefact: str | None = None,
    recent: Sequence[float | None] = (),
) -> CertificateState:
    """Return whether a verdict may let an output go out, as the cascade asks it; no certificate is "missing".

    Args:
        certificate: the newest of this judge and project, None where there is none.
        verdict: its judge, fingerprint and project count.
        judging: the policy's section; its precision, confidence and age count.
        accept_at: of the tier.
        now: the time.
        artefact: id under which the certificate is stored.
        recent: p_correct of recent verdicts of this judge, None for abstentions.
    """
    if certificate is None or certificate.project != verdict.project or certificate.judge != verdict.judge:
        return CertificateState(status="missing", reason=f"{verdict.judge} has no certificate for {verdict.project}")
    status, reason = certificate.standing(
        verdict.fingerprint, now, verdict.project, accept_at, float(judging.certificate_max_age_days), recent
    )
    if status == "valid":
        status, reason = certificate.sufficiency(float(judging.min_precision), float(judging.certificate_confidence))
    return CertificateState.model_validate({"status": status, "certificate": artefact, "reason": reason})


def _require_one_judge(verdicts: Sequence[JudgeVerdict], *columns: Sequence[Any] | None) -> None:
    if not verdicts:
        raise InputError("there are no verdicts with labels; let people label a sample of what the judge has judged")
    if any(column is not None and len(column) != len(verdicts) for column in columns):
        raise InputError(
            f"there must be one label, inclusion probability and so on for each of {len(verdicts)} verdicts"
        )
    kinds = {(each.judge, each.fingerprint, each.project) for each in verdicts}
    if len(kinds) > 1 or not verdicts[0].fingerprint:
        raise InputError(
            f"a certificate is of one judge, fingerprint and project; got {len(kinds)} of them"
            if len(kinds) > 1
            else "the verdicts have no fingerprint, so nothing says which judge gave them"
        )
    if len({each.item_id for each in verdicts}) < len(verdicts):
        raise InputError("an item is there twice; give the newest verdict on each item")
