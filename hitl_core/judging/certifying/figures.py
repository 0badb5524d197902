"""How a judge compares with people: kappa, true rates, ranking, base rate, each with its interval (pure).

Public: `Figure`, `JudgeFigures`, `judge_figures`, `discrimination`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration import auroc
from hitl_core.domain.errors import InputError
from hitl_core.domain.records import Record
from hitl_core.stats import bootstrap_counts, clopper_pearson, wilson

FloatArray = NDArray[np.float64]
REPLICATES = 2000
# Distinct probabilities that are told apart when groups are resampled; finer ones are joined by rank.
MOST_VALUES = 512


class Figure(Record):
    """An estimate with its interval and the rows behind it; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined (n {self.n})"
        ends = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{ends} (n {self.n})"


class JudgeFigures(Record):
    """A judge against people's labels.

    `tpr` is the share of right outputs that it approves, `tnr` that of wrong ones it rejects, both of those on which it
    gave a verdict; `informedness` is tpr + tnr - 1, 0 without any signal. `accuracy` and `kappa` are of the same rows.
    `auroc` needs probabilities. `base_rate` is the share of right outputs, `abstained` that without a verdict.
    """

    n: int
    accuracy: Figure
    kappa: Figure
    tpr: Figure
    tnr: Figure
    informedness: Figure
    auroc: Figure
    base_rate: Figure
    abstained: Figure

    @property
    def has_signal(self) -> bool:
        """Whether the interval of tpr + tnr - 1 lies above 0."""
        return self.informedness.low is not None and self.informedness.low > 0


def judge_figures(
    approved: Sequence[bool | None],
    right: Sequence[bool],
    *,
    p_correct: Sequence[float | None] | None = None,
    weights: ArrayLike | None = None,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> JudgeFigures:
    """Compare a judge's verdicts with people's labels.

    Args:
        approved: what the judge said; None where it abstained, shape (n,).
        right: what people said, shape (n,).
        p_correct: the judge's probabilities, for the AUROC; None where it abstained.
        weights: 1 / inclusion probability; equal where they are not given.
        groups: rows of one group are dependent; then intervals come from resampling groups.
        level: of the intervals.
        seed: of the resampling.

    Raises:
        InputError: the lengths differ or a weight is not above 0.
    """
    rows = _Rows(approved, right, p_correct, weights, groups)
    cells = rows.cells()
    measures = {name: _figure(rows, cells, share, level, seed) for name, share in _SHARES.items()}
    informed = measures["informedness"]
    # Without errors every resample is alike, which says nothing about its spread.
    if groups is None or informed.low == informed.high:
        informed = discrimination(measures["tpr"], measures["tnr"], informed.n)
    return JudgeFigures(
        n=rows.right.size,
        **(measures | {"informedness": informed}),
        auroc=_auroc(rows, level, seed),
    )


def discrimination(tpr: Figure, tnr: Figure, n: int) -> Figure:
    """Return tpr + tnr - 1 with Newcombe's interval for a difference of two independent shares.

    Newcombe, "Interval estimation for the difference between independent proportions", Stat. Med. 17 (1998).
    """
    if None in (tpr.value, tnr.value, tpr.low, tpr.high, tnr.low, tnr.high):
        return Figure(value=None, n=n)
    p, q = float(tpr.value or 0), 1 - float(tnr.value or 0)
    p_low, p_high = float(tpr.low or 0), float(tpr.high or 0)
    q_low, q_high = 1 - float(tnr.high or 0), 1 - float(tnr.low or 0)
    low = p - q - float(np.hypot(p - p_low, q_high - q))
    high = p - q + float(np.hypot(p_high - p, q - q_low))
    return Figure(value=p - q, low=max(-1.0, low), high=min(1.0, high), n=n)


class _Rows:
    """Checked arrays; `said` is 1, 0 or NaN."""

    def __init__(
        self,
        approved: Sequence[bool | None],
        right: Sequence[bool],
        p_correct: Sequence[float | None] | None,
        weights: ArrayLike | None,
        groups: Sequence[str] | None,
    ) -> None:
        self.said = np.array([np.nan if each is None else float(each) for each in approved], dtype=np.float64)
        self.right = np.array([float(each) for each in right], dtype=np.float64)
        given = [None] * self.right.size if p_correct is None else p_correct
        self.p = np.array([np.nan if each is None else float(each) for each in given], dtype=np.float64)
        self.weight = np.ones(self.right.size) if weights is None else np.asarray(weights, dtype=np.float64)
        names = np.arange(self.right.size) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        self.group = np.asarray(names, dtype=np.int64)
        self.grouped = groups is not None
        if len({each.size for each in (self.said, self.right, self.p, self.weight, self.group)}) > 1:
            raise InputError(
                f"verdicts and labels must be of the same rows; got {self.said.size} and {self.right.size}"
            )
        if self.weight.size and not (np.isfinite(self.weight) & (self.weight > 0)).all():
            raise InputError("weights must be above 0")

    def cells(self) -> FloatArray:
        """Weight of each outcome in each row: right and wrong by approved, rejected and abstained, shape (rows, 6)."""
        outcome = np.where(np.isnan(self.said), 2, 1 - np.nan_to_num(self.said)).astype(np.int64)
        cells = np.zeros((self.right.size, 6))
        cells[np.arange(self.right.size), (1 - self.right).astype(np.int64) * 3 + outcome] = self.weight
        return cells


Share = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def _shares() -> dict[str, Share]:
    """Numerator and denominator of each measure from cells of shape (m, 6)."""

    def kappa(c: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = c[:, 0] + c[:, 1] + c[:, 3] + c[:, 4]
        observed = (c[:, 0] + c[:, 4]) * total
        expected = (c[:, 0] + c[:, 1]) * (c[:, 0] + c[:, 3]) + (c[:, 3] + c[:, 4]) * (c[:, 1] + c[:, 4])
        return observed - expected, total**2 - expected

    def informedness(c: FloatArray) -> tuple[FloatArray, FloatArray]:
        good, bad = c[:, 0] + c[:, 1], c[:, 3] + c[:, 4]
        return c[:, 0] * bad + c[:, 4] * good - good * bad, good * bad

    return {
        "accuracy": lambda c: (c[:, 0] + c[:, 4], c[:, 0] + c[:, 1] + c[:, 3] + c[:, 4]),
        "kappa": kappa,
        "tpr": lambda c: (c[:, 0], c[:, 0] + c[:, 1]),
        "tnr": lambda c: (c[:, 4], c[:, 3] + c[:, 4]),
        "informedness": informedness,
        "base_rate": lambda c: (c[:, :3].sum(axis=1), c.sum(axis=1)),
        "abstained": lambda c: (c[:, 2] + c[:, 5], c.sum(axis=1)),
    }


_SHARES = _shares()
_PLAIN = ("accuracy", "tpr", "tnr", "base_rate", "abstained")
_SIDES = {"tpr": slice(0, 2), "tnr": slice(3, 5), "base_rate": slice(0, 6), "abstained": slice(0, 6)}
_WITH_VERDICT = [0, 1, 3, 4]


def _figure(rows: _Rows, cells: FloatArray, share: Share, level: float, seed: int) -> Figure:
    name = next(key for key, each in _SHARES.items() if each is share)
    part = cells[:, _SIDES[name]] if name in _SIDES else cells[:, _WITH_VERDICT]
    n = int((part.sum(axis=1) > 0).sum())
    above, below = share(cells.sum(axis=0)[None, :])
    if not n or below[0] <= 0:
        return Figure(value=None, n=n)
    value = float(above[0] / below[0])
    if name in _PLAIN and not rows.grouped:
        effective = float(part.sum()) ** 2 / float((part.sum(axis=1) ** 2).sum())
        interval = clopper_pearson if name in {"tpr", "tnr"} else wilson
        low, high = interval(min(1.0, value) * effective, effective, confidence=level)
        return Figure(value=value, low=low, high=high, n=n)
    return _resampled(rows, cells, share, value, n, level, seed)


def _resampled(rows: _Rows, cells: FloatArray, share: Share, value: float, n: int, level: float, seed: int) -> Figure:
    each = np.zeros((int(rows.group.max()) + 1, 6))
    np.add.at(each, rows.group, cells)
    # Rows that are alike are one pattern: a replicate then is a handful of numbers.
    patterns, counts = np.unique(each, axis=0, return_counts=True)

    def statistic(drawn: FloatArray) -> FloatArray:
        above, below = share(drawn @ patterns)
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

    found = bootstrap_counts(statistic, counts, confidence=level, replicates=REPLICATES, seed=seed)
    if not np.isfinite(found.low):
        return Figure(value=value, n=n)
    if found.low < found.high:
        return Figure(value=value, low=found.low, high=found.high, n=n)
    return _without_spread(value, n, int(counts.sum()), kappa=share is _SHARES["kappa"], cells=cells)


def _without_spread(value: float, n: int, units: int, *, kappa: bool, cells: FloatArray) -> Figure:
    """Exact binomial ends where all resamples are alike; kappa's are what those of the agreement give."""
    if not kappa:
        low, high = clopper_pearson(min(1.0, max(0.0, value)) * units, units)
        return Figure(value=value, low=min(value, low), high=max(value, high), n=n)
    above, below = _SHARES["kappa"](cells.sum(axis=0)[None, :])
    total = float(cells.sum(axis=0)[_WITH_VERDICT].sum()) ** 2
    expected = 1 - float(below[0]) / total
    seen = float(above[0]) / total + expected
    ends = [(end - expected) / (1 - expected) for end in clopper_pearson(min(1.0, seen) * units, units)]
    return Figure(value=value, low=max(-1.0, ends[0]), high=min(1.0, ends[1]), n=n)


def _auroc(rows: _Rows, level: float, seed: int) -> Figure:
    there = ~np.isnan(rows.p)
    n = int(there.sum())
    right = rows.right[there]
    if not n or right.all() or not right.any():
        return Figure(value=None, n=n)
    p, weight = rows.p[there], rows.weight[there]
    found = auroc(p, right, weights=weight, level=level)
    if not rows.grouped:
        return Figure(value=found.value, low=found.low, high=found.high, n=n)
    group = np.unique(rows.group[there], return_inverse=True)[1]
    place = np.unique(p, return_inverse=True)[1]
    values = int(place.max()) + 1
    place = place * MOST_VALUES // values if values > MOST_VALUES else place
    good, bad = (np.zeros((int(group.max()) + 1, int(place.max()) + 1)) for _ in range(2))
    np.add.at(good, (group, place), weight * right)
    np.add.at(bad, (group, place), weight * (1 - right))

    def statistic(drawn: FloatArray) -> FloatArray:
        high, low = drawn @ good, drawn @ bad
        won = (high * (np.cumsum(low, axis=1) - low / 2)).sum(axis=1)
        pairs = high.sum(axis=1) * low.sum(axis=1)
        return np.asarray(np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0), dtype=np.float64)

    drawn = bootstrap_counts(statistic, np.ones(good.shape[0]), confidence=level, replicates=REPLICATES // 2, seed=seed)
    return Figure(value=found.value, low=min(found.value, drawn.low), high=max(found.value, drawn.high), n=n)
