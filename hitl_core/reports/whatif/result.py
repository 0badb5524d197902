"""What a what-if returns.

Public: `WhatIf`, `Figure`, `RouteMove`, `MovedItem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Figure:
    """An estimate with its interval; `value` is None where no label speaks for it. `n` is what it rests on."""

    value: float | None
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class RouteMove:
    """Outputs that went by one route and would go by another (or the same); of `labelled`, so many were `wrong`."""

    old: str
    new: str
    outputs: int
    labelled: int
    wrong: int


@dataclass(frozen=True)
class MovedItem:
    """An output that would go by another route; `right` is None without a label; `link` leads to it in the app."""

    project: str
    item_id: str
    at: datetime
    confidence: float | None
    old: str
    new: str
    reasons_before: tuple[str, ...]
    reasons_after: tuple[str, ...]
    right: bool | None
    link: str


@dataclass(frozen=True)
class WhatIf:
    """Recorded decisions of a period beside what another policy would have made of them.

    `before` is as recorded, whichever versions decided. Numbers of outputs are of this period's outputs; intervals of
    errors say how far labels reach (`estimating`), those of rates and their change what other outputs like these
    would show.

    Attributes:
        policy: name of the other policy, with its version where it has one.
        since, until, project: what was replayed; None is without a bound.
        outputs: decisions that hold, one for each output.
        versions: policy versions by which they were decided.
        review_rate_before, review_rate_after, review_rate_change: share that goes to a person before anything else
            happens; `n` outputs.
        reviews_before, reviews_after: opinions of people asked for, without audits.
        audits_before, audits_after: outputs that went, or would go, to audit by the same coin.
        escaped_before, escaped_after, escaped_change: wrong outputs that go out without a person; `n` labels.
        cost_before, cost_after, cost_change: USD by the prices; errors that reviewers miss are in it.
        routes: how many outputs went from which route to which.
        moved: outputs whose route changes; `items` are the first of them, those that would go out without a person
            first, the least sure of these on top.
        unlabelled: outputs that count in the bounds of `escaped_after` only, as nobody has judged any like them.
        notes: what a reader must know.
    """

    policy: str
    since: datetime | None
    until: datetime | None
    project: str | None
    outputs: int
    versions: tuple[int, ...]
    review_rate_before: Figure
    review_rate_after: Figure
    review_rate_change: Figure
    reviews_before: int
    reviews_after: int
    audits_before: int
    audits_after: int
    escaped_before: Figure
    escaped_after: Figure
    escaped_change: Figure
    cost_before: Figure
    cost_after: Figure
    cost_change: Figure
    routes: tuple[RouteMove, ...]
    moved: int
    items: tuple[MovedItem, ...]
    unlabelled: int
    notes: tuple[str, ...]
