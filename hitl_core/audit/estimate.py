"""Error rates from labels that were drawn with known probabilities, and what the unanswered ones could still change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.domain.errors import InputError
from hitl_core.stats import Interval, clopper_pearson

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A rate with its interval, its rows, and Kish's effective number of them (equal to n without weights)."""

    value: float
    low: float
    high: float
    n: int
    effective_n: float

    @property
    def interval(self) -> Interval:
        """The bounds."""
        return Interval(self.low, self.high)


@dataclass(frozen=True)
class ErrorEstimate:
    """How many outputs are wrong, among those that a window's labels were drawn from.

    Attributes:
        weighted: each label counted 1 / its inclusion probability times; the estimate to show.
        naive: each label counted once; what one would have claimed.
        errors: labels that say wrong, of `n` labels.
        unanswered: labels asked for by design that are not there; `unanswered_share` is their weighted part.
        worst: bounds that hold whatever the unanswered would have said: the lower bound if all of them were right, the
            upper one if all were wrong.
        refused: why no certificate may rest on this; empty where one may.
        confidence: of every interval here.
    """

    weighted: Share
    naive: Share
    errors: int
    n: int
    unanswered: int
    unanswered_share: float
    worst: Interval
    refused: str
    confidence: float

    @property
    def interval(self) -> Interval:
        """The weighted estimate's bounds."""
        return self.weighted.interval

    @property
    def effective_n(self) -> float:
        """Kish's effective number of labels."""
        return self.weighted.effective_n


def estimate_error(
    correct: ArrayLike,
    inclusion: ArrayLike,
    *,
    unanswered: ArrayLike = (),
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    max_unanswered: float = 0.05,
) -> ErrorEstimate:
    """Return the weighted and the naive error rate of a closed window.

    The interval is exact (Clopper-Pearson) where all probabilities are equal. Where they are not it is the exact one at
    the effective number of rows, the smaller of Kish's and of the one that the rows' own variance implies (Korn and
    Graubard, "Confidence intervals for proportions with small expected number of positive counts", Survey Methodology
    24, 1998).

    Args:
        correct: what the labels say, shape (n,).
        inclusion: each label's probability of having been asked for, shape (n,), in (0, 1].
        unanswered: the probabilities of the labels that were asked for and are not there.
        groups: rows of one group (answers to one question) are not independent; shape (n,).
        confidence: between 0 and 1.
        max_unanswered: the weighted share of unanswered labels above which no certificate may rest on the window.

    Raises:
        InputError: shapes or values do not fit.
    """
    wrong, weight, missing = _checked(correct, inclusion, unanswered)
    names = None if groups is None else np.asarray(groups)
    if names is not None and names.shape != wrong.shape:
        raise InputError(f"groups need one entry a label; got shape {names.shape} for {wrong.size} labels")
    weighted = weighted_share(wrong, weight, groups=names, confidence=confidence)
    share = float(missing.sum() / (missing.sum() + weight.sum())) if missing.size else 0.0
    return ErrorEstimate(
        weighted=weighted,
        naive=weighted_share(wrong, np.ones_like(weight), confidence=confidence),
        errors=int(wrong.sum()),
        n=int(wrong.size),
        unanswered=int(missing.size),
        unanswered_share=share,
        worst=_worst(wrong, weight, missing, names, confidence) if missing.size else weighted.interval,
        refused=_refused(int(wrong.size), int(missing.size), share, max_unanswered),
        confidence=confidence,
    )


def weighted_share(
    hit: FloatArray, weight: FloatArray, *, groups: ArrayLike | None = None, confidence: float = 0.95
) -> Share:
    """Return the weighted share of hits (0 or 1) with an interval; (0, 1) and NaN where there is no row."""
    if not hit.size:
        return Share(float("nan"), 0.0, 1.0, 0, 0.0)
    value = float(np.clip(weight @ hit / weight.sum(), 0, 1))
    kish = float(weight.sum() ** 2 / (weight @ weight))
    used = min(kish, _implied_n(hit, weight, value, groups))
    low, high = clopper_pearson(min(value * used, used), used, confidence=confidence)
    return Share(value, low, high, int(hit.size), kish)


def _implied_n(hit: FloatArray, weight: FloatArray, value: float, groups: ArrayLike | None) -> float:
    """The number of equal, independent rows whose mean would vary as much as this one.

    Where none varies it is that of the groups: a hundred right answers to one question are one.
    """
    scores = weight * (hit - value)
    if groups is not None:
        _, place = np.unique(np.asarray(groups).astype(str), return_inverse=True)
        scores = np.bincount(place, scores).astype(np.float64)
    elif np.ptp(weight) <= 1e-12 * float(weight.max()):
        return float("inf")
    if scores.size < 2:
        return 1.0
    variance = float(scores @ scores) / float(weight.sum()) ** 2 * scores.size / (scores.size - 1)
    return value * (1 - value) / variance if variance > 0 else float(scores.size)


def _worst(
    wrong: FloatArray, weight: FloatArray, missing: FloatArray, groups: ArrayLike | None, confidence: float
) -> Interval:
    every = np.r_[weight, missing]
    names = None
    if groups is not None:
        names = np.r_[np.asarray(groups).astype(str), [f"unanswered {number}" for number in range(missing.size)]]
    best, worst = (
        weighted_share(np.r_[wrong, np.full(missing.size, said)], every, groups=names, confidence=confidence)
        for said in (0.0, 1.0)
    )
    return Interval(best.low, worst.high)


def _refused(answered: int, missing: int, share: float, limit: float) -> str:
    if not answered:
        return "no label has arrived"
    if share > limit:
        return (
            f"{missing} of {missing + answered} labels asked for are unanswered ({share:.0%} by weight, "
            f"{limit:.0%} allowed): who is labelled first is no accident"
        )
    return ""


def _checked(correct: ArrayLike, inclusion: ArrayLike, unanswered: ArrayLike) -> tuple[FloatArray, ...]:
    right = np.asarray(correct, dtype=np.float64)
    chance, missing = np.asarray(inclusion, dtype=np.float64), np.asarray(unanswered, dtype=np.float64)
    if right.ndim != 1 or chance.shape != right.shape or missing.ndim != 1:
        raise InputError(f"correct and inclusion need one entry a label; got shapes {right.shape} and {chance.shape}")
    if not np.isin(right, (0.0, 1.0)).all():
        raise InputError("correct must be true or false in each row; give unanswered labels apart")
    for each in (chance, missing):
        if not ((each > 0) & (each <= 1)).all():
            raise InputError("inclusion probabilities must lie above 0 and at most at 1")
    return 1 - right, 1 / chance, 1 / missing
