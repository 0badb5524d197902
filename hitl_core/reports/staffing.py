"""How many reviewers an arrival rate and a service level take: the Erlang C queue (M/M/c).

Public: `staffing`, `erlang_c`, `Staffing`. A. K. Erlang, "Solution of some problems in the theory of probabilities of
significance in automatic telephone exchanges" (1917). Arrivals are taken as Poisson, review times as exponential; real
review times vary less, so the answer is on the safe side, and a day's peaks need their own arrival rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hitl_core.domain.errors import InputError

MOST = 10_000


@dataclass(frozen=True)
class Staffing:
    """What a number of reviewers achieves.

    Attributes:
        reviewers: people reviewing at the same time.
        load: hours of review that arrive in an hour (Erlangs).
        occupancy: share of the time that a reviewer is busy, in [0, 1).
        p_wait: chance that an item has to wait at all.
        mean_wait_seconds: mean time until somebody takes an item.
        within: share of items that somebody takes within the target time.
    """

    reviewers: int
    load: float
    occupancy: float
    p_wait: float
    mean_wait_seconds: float
    within: float


def erlang_c(load: float, reviewers: int) -> float:
    """Return the chance that an arriving item has to wait.

    Args:
        load: arrivals per time times mean review time (Erlangs), not negative.
        reviewers: at least 1; with `load` of that many or more everything waits and 1 is returned.

    Raises:
        InputError: the load is negative or there are no reviewers.
    """
    if not (math.isfinite(load) and load >= 0) or reviewers < 1:
        raise InputError(f"a load of at least 0 and at least 1 reviewer are needed, got {load!r} and {reviewers!r}")
    if load >= reviewers:
        return 1.0
    blocked = 1.0  # Erlang B by its recursion, which never overflows
    for number in range(1, reviewers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - (load / reviewers) * (1 - blocked))


def with_reviewers(reviewers: int, *, per_hour: float, review_seconds: float, target_seconds: float) -> Staffing:
    """Return what a number of reviewers achieves; see `staffing` for the arguments."""
    load = per_hour * review_seconds / 3600
    p_wait = erlang_c(load, reviewers)
    spare = reviewers - load
    if spare <= 0:
        return Staffing(reviewers, load, 1.0, 1.0, math.inf, 0.0)
    within = 1 - p_wait * math.exp(-spare * target_seconds / review_seconds) if review_seconds else 1.0
    return Staffing(reviewers, load, load / reviewers, p_wait, p_wait * review_seconds / spare, within)


def staffing(
    *, per_hour: float, review_seconds: float, target_seconds: float, within: float = 0.95, most: int = MOST
) -> Staffing:
    """Return the fewest reviewers who take a share of the items in time.

    Args:
        per_hour: items that arrive for review in an hour, on average.
        review_seconds: mean time that one review takes.
        target_seconds: time until somebody should have taken an item.
        within: share of items for which that should hold, below 1.
        most: with more reviewers than this the answer is an error.

    Raises:
        InputError: a number is negative, not finite or out of range, or `most` are not enough.
    """
    given = {"per_hour": per_hour, "review_seconds": review_seconds, "target_seconds": target_seconds}
    for name, value in given.items():
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} must be a number of at least 0, got {value!r}")
    if not 0 < within < 1:
        raise InputError(f"within must be between 0 and 1, such as 0.95; got {within!r}")
    fewest = max(1, math.floor(per_hour * review_seconds / 3600) + 1)
    for number in range(fewest, most + 1):
        found = with_reviewers(number, **given)
        if found.within >= within:
            return found
    raise InputError(f"more than {most} reviewers would be needed for {per_hour:g} items an hour; check the numbers")
