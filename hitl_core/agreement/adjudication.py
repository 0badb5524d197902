"""When several people have looked at one item: what holds, whether to ask another one, or a senior.

Public: `Opinion`, `Settlement`, `settle`, `worth_another`. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MAJORITY = 0.6
"""The share of opinions from which a majority settles an item without a senior."""
STANCES = 3
"""Approve, edit, reject: what a careless opinion could be instead of the right one."""
_SLACK = 1e-9


@dataclass(frozen=True)
class Opinion:
    """What one person said about an item; `label` is the class they gave, where outputs are classified."""

    rater: str
    verdict: str
    label: str | None = None
    output: str | None = None

    @property
    def stance(self) -> tuple[str, str | None]:
        """What two opinions must share to agree: the verdict, and the class where one was given."""
        return self.verdict, self.label


@dataclass(frozen=True)
class Settlement:
    """What follows from the opinions so far.

    Attributes:
        status: "waiting" (some that were asked have not answered), "another" (one more opinion is worth its cost),
            "settled", or "adjudicate" (a senior decides).
        winner: index of the opinion that holds, where settled.
        share: part of the opinions that have the most frequent stance, 0 without opinions.
        n: opinions given.
        rule: "unanimous" or "majority" where settled.
    """

    status: Literal["waiting", "another", "settled", "adjudicate"]
    winner: int | None
    share: float
    n: int
    rule: Literal["unanimous", "majority"] | None = None


@dataclass(frozen=True)
class Stakes:
    """What an opinion costs, what a wrong label costs, and how often one person is right."""

    opinion_cost: float
    error_cost: float
    rater_accuracy: float


def settle(
    opinions: Sequence[Opinion],
    *,
    wanted: int,
    asked: int | None = None,
    stakes: Stakes | None = None,
    majority: float = MAJORITY,
) -> Settlement:
    """Return what follows from the opinions on one item.

    Args:
        opinions: in the order given.
        wanted: the most opinions that may be asked for.
        asked: how many were asked for so far; default `wanted`.
        stakes: for adaptive overlap: another opinion is asked for only while it is worth its cost; None asks for all.
        majority: share from which the majority holds; below it a senior decides.
    """
    asked = wanted if asked is None else asked
    n = len(opinions)
    counts = Counter(each.stance for each in opinions)
    (stance, most), *others = counts.most_common() or [(("", None), 0)]
    share = most / n if n else 0.0
    if n < asked:
        return Settlement("waiting", None, share, n)
    if stakes is not None and n < wanted and worth_another(list(counts.values()), stakes):
        return Settlement("another", None, share, n)
    tied = any(count == most for _, count in others)
    if n and not tied and share >= majority - _SLACK:
        rule: Literal["unanimous", "majority"] = "majority" if others else "unanimous"
        return Settlement("settled", _most_typical(opinions, stance), share, n, rule)
    return Settlement("adjudicate", None, share, n)


def worth_another(votes: Sequence[int], stakes: Stakes) -> bool:
    """Whether one more opinion is expected to save more than it costs.

    Raters are taken as equally good and their errors as spread evenly over the other stances, each stance equally
    likely beforehand (Dawid and Skene's model with one symmetric matrix; Sheng, Provost and Ipeirotis 2008). What an
    opinion saves is the expected rise of the largest posterior, times the price of a wrong label.

    Args:
        votes: opinions for each stance that occurred.
        stakes: the prices.
    """
    padded = [*votes, *([0] * max(0, STANCES - len(votes)))]
    now = _posterior(padded, stakes.rater_accuracy)
    wrong = (1 - stakes.rater_accuracy) / (len(padded) - 1)
    expected = 0.0
    for place in range(len(padded)):
        chance = sum(p * (stakes.rater_accuracy if truth == place else wrong) for truth, p in enumerate(now))
        after = _posterior([count + (at == place) for at, count in enumerate(padded)], stakes.rater_accuracy)
        expected += chance * max(after)
    return (expected - max(now)) * stakes.error_cost > stakes.opinion_cost


def _posterior(votes: Sequence[int], accuracy: float) -> list[float]:
    odds = accuracy / ((1 - accuracy) / (len(votes) - 1))
    top = max(votes)
    weights = [odds ** (count - top) for count in votes]
    return [weight / sum(weights) for weight in weights]


def _most_typical(opinions: Sequence[Opinion], stance: tuple[str, str | None]) -> int:
    """Return the winning opinion whose text shares the most words with the others' of its stance, first of equals."""
    places = [place for place, each in enumerate(opinions) if each.stance == stance]
    words = {place: set((opinions[place].output or "").split()) for place in places}

    def likeness(place: int) -> float:
        return sum(_overlap(words[place], words[other]) for other in places if other != place)

    return max(places, key=lambda place: (round(likeness(place), 9), -place))


def _overlap(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0
