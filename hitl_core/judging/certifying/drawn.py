"""The rows that a certificate rests on, and the precision that they show (pure).

Public: `Design`, `by_design`, `would_accept`, `precision_of`, `share_of`, `refusal`, `digest_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import LabelOrigin, canonical_json
from hitl_core.judging.certifying.figures import Figure
from hitl_core.stats import clopper_pearson
from hitl_core.stats.eprocess import mean_upper_bound

# Inclusion probabilities that differ by less than this, relatively, are one.
SAME_CHANCE = 1e-9


class Design(NamedTuple):
    """Places of the rows that count, their weights, and whether those are all the same."""

    rows: NDArray[np.int64]
    weight: NDArray[np.float64]
    equal: bool


def by_design(
    verdicts: Sequence[JudgeVerdict],
    inclusion: Sequence[float | None],
    origins: Sequence[LabelOrigin | str] | None,
    groups: Sequence[str] | None,
    seed: int,
) -> Design:
    """Return the rows that count, in an order that does not depend on how they came, with their weights.

    Raises:
        InputError: an inclusion probability is none.
    """
    drawn: dict[str, tuple[str, int]] = {}
    for row, (verdict, chance) in enumerate(zip(verdicts, inclusion, strict=True)):
        if origins is not None and origins[row] != LabelOrigin.DESIGN:
            continue
        if chance is None:
            continue
        if not 0 < chance <= 1:
            raise InputError(
                f"inclusion probabilities lie above 0 and at most at 1; item {verdict.item_id!r} has {chance}"
            )
        place = hashlib.sha256(f"{seed}:{verdict.item_id}".encode()).hexdigest()
        name = groups[row] if groups is not None else str(row)
        drawn[name] = min(drawn.get(name, (place, row)), (place, row))
    rows = np.array([row for _, row in sorted(drawn.values())], dtype=np.int64)
    chances = np.array([float(inclusion[row] or 1) for row in rows], dtype=np.float64)
    equal = not chances.size or bool(np.ptp(chances) <= SAME_CHANCE * chances.max())
    return Design(rows, 1 / chances, equal)


def would_accept(verdict: JudgeVerdict, accept_at: float) -> bool:
    """Return whether a verdict would be taken: an unflagged approval that is sure enough."""
    sure = verdict.p_correct is not None and verdict.p_correct >= accept_at
    return verdict.verdict == "approve" and sure and not verdict.flags


def precision_of(
    right: NDArray[np.float64],
    there: NDArray[np.bool_],
    design: Design,
    accepted: NDArray[np.bool_],
    confidence: float,
) -> tuple[Figure, Literal["clopper_pearson", "betting", "none"]]:
    """Return the share of right ones among the answered, and the bound if all that are not answered were wrong."""
    n = int((accepted & there).sum())
    if not n:
        return Figure(value=None, n=0), "none"
    good, weight = right[accepted], design.weight[accepted]
    value = share_of(design.weight, accepted & there & (right > 0), accepted & there)
    if design.equal:
        low = clopper_pearson(float(good.sum()), float(good.size), confidence=confidence, side="lower").low
        return Figure(value=value, low=low, high=1.0, n=n), "clopper_pearson"
    largest = float(design.weight.max())
    wrong = mean_upper_bound(1 - good, weight, delta=1 - confidence, largest_weight=largest)
    return Figure(value=value, low=1 - wrong, high=1.0, n=n), "betting"


def share_of(weight: NDArray[np.float64], part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Return the weight of a part in a whole, 0 where the whole is empty."""
    return float(weight[part].sum() / weight[whole].sum()) if whole.any() else 0.0


def refusal(share: float, allowed: float) -> str:
    """Return why so many unanswered labels are too many, else nothing."""
    if share <= allowed:
        return ""
    return (
        f"{share:.0%} of the verdicts that would be accepted have no label yet, {allowed:.0%} may: "
        "who is labelled first is no accident"
    )


def digest_of(
    verdicts: Sequence[JudgeVerdict],
    labels: Sequence[bool | None],
    inclusion: Sequence[float | None],
    accept_at: float,
) -> str:
    """SHA-256 (hex) of what a certificate rests on, in an order that does not depend on how it came."""
    rows = sorted(
        [each.item_id, each.verdict, each.p_correct, list(each.flags), None if label is None else bool(label), chance]
        for each, label, chance in zip(verdicts, labels, inclusion, strict=True)
    )
    body = [verdicts[0].fingerprint, verdicts[0].project, accept_at, rows]
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()
