"""What a human label is: the one rule that says whether an output was right, from what reviewers decided.

`is_correct` reads one review, `settle` all opinions about one output. Everything that counts errors goes through here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from hitl_core.domain.records import Stage

COSMETIC = ("style",)


class Opinion(NamedTuple):
    """One review that was not taken back."""

    reviewer: str
    verdict: str
    reasons: tuple[str, ...] = ()
    stage: str = Stage.HUMAN.value


class Label(NamedTuple):
    """Whether the output was right, how many opinions that rests on, and whether they were evenly split."""

    correct: bool
    opinions: int
    contested: bool = False


def is_correct(verdict: str, reasons: Collection[str], cosmetic: Collection[str] = COSMETIC) -> bool:
    """Return whether one review says that the output was right.

    Approve says right, reject says wrong. An edit says wrong, unless it gives reasons and all of them are cosmetic:
    then the output was right and could be said better. An edit without a reason says wrong.
    """
    if verdict == "approve":
        return True
    return verdict == "edit" and bool(reasons) and all(reason in cosmetic for reason in reasons)


def settle(opinions: Sequence[Opinion], cosmetic: Collection[str] = COSMETIC) -> Label | None:
    """Return the label of one output, None where nobody gave an opinion.

    An adjudicated opinion wins over all others, the latest of several. Otherwise each reviewer has one voice,
    their latest, and the majority holds. An even split is wrong: half of those who looked would not have let the
    output go, so no claim of few errors may rest on it; `contested` marks such a label.

    Args:
        opinions: those not taken back, oldest first.
        cosmetic: the reasons with which an edit still says right (`labels.cosmetic_reasons` of the policy).
    """
    if not opinions:
        return None
    adjudicated = [each for each in opinions if each.stage == Stage.ADJUDICATE]
    if adjudicated:
        return Label(is_correct(adjudicated[-1].verdict, adjudicated[-1].reasons, cosmetic), len(opinions))
    voices = {each.reviewer: is_correct(each.verdict, each.reasons, cosmetic) for each in opinions}
    right = sum(voices.values())
    wrong = len(voices) - right
    return Label(right > wrong, len(opinions), contested=right == wrong)
