"""Paired differences of two results, per value and slice, with intervals, p-values and what many comparisons cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from evals.harness.metrics import mean_by_group
from evals.suite import Measure, SuiteResult

Floats = NDArray[np.float64]
Verdict = Literal["regression", "improvement", "unclear", "same", "changed"]
# Baselines keep five digits; less than that is no change.
ROUNDING = 1e-5
LEAST_CASES, LEAST_GROUPS, MOST_VALUES = 20, 5, 50
LOWER_IS_BETTER = (
    "cost",
    "usd",
    "seconds",
    "latency",
    "wrong",
    "error",
    "risk",
    "crash",
    "loss",
    "aurc",
    "brier",
    "ece",
)
HIGHER_IS_BETTER = ("right", "correct", "accuracy", "agrees", "exact", "contains", "overlap", "recall", "mrr", "auroc")


@dataclass(frozen=True)
class Difference:
    """B minus A of one value on one part of the data.

    Attributes:
        suite, value, slice: what is compared; slice "" is all cases.
        before, after: A's and B's mean over the cases both have, or their measures.
        low, high: 95 % interval of the difference; None where there is none.
        n, groups: cases and groups behind it.
        p: two-sided, of no difference; None for measures that have no cases to pair.
        p_adjusted: after Holm's correction over all comparisons of the call.
        verdict: regression or improvement (p_adjusted below the level), unclear, same (no case differs), or changed
            (it differs for sure, but neither direction is better).
        method: how interval and p came about.
    """

    suite: str
    value: str
    slice: str
    before: float
    after: float
    low: float | None
    high: float | None
    n: int
    groups: int = 0
    p: float | None = None
    p_adjusted: float | None = None
    verdict: Verdict = "unclear"
    method: str = ""
    higher_is_better: bool | None = True

    @property
    def change(self) -> float:
        """B minus A."""
        return self.after - self.before


def compare(before: SuiteResult, after: SuiteResult, *, level: float = 0.05, seed: int = 0) -> tuple[Difference, ...]:
    """Compare two results of one suite: see `compare_all`."""
    return compare_all([(before, after)], level=level, seed=seed)


def compare_all(
    pairs: Sequence[tuple[SuiteResult, SuiteResult]], *, level: float = 0.05, seed: int = 0
) -> tuple[Difference, ...]:
    """Compare pairs of results; Holm's correction runs over all comparisons that have a p-value.

    A comparison in which no case differs cannot be significant and does not count (Tarone, Biometrics 46, 1990).
    Cases are paired by id. The interval is a percentile bootstrap of the mean difference over groups. p is McNemar's
    exact test where the value is yes/no and every case is its own group (McNemar, Psychometrika 12, 1947), else a
    t-test of group sums (cluster-robust, G - 1 degrees of freedom). Measures without cases (AUROC, kappa) are compared
    by their intervals as if they were independent, which is wide for two runs over the same cases.

    Args:
        pairs: A's and B's result of each suite.
        level: chance to call any regression or improvement where there is none.
        seed: of the bootstrap.
    """
    found = [each for before, after in pairs for each in (*_by_case(before, after, seed), *_by_measure(before, after))]
    return tuple(_judged(found, level))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [1.0] * len(p_values)
    reached = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = reached
    return adjusted


def direction(value: str, measures: Sequence[Measure]) -> bool | None:
    """Whether higher is better: as the measure of that name says, else by the words in the name, else unknown."""
    said = next((each for each in measures if each.name == value), None)
    if said is not None:
        return said.higher_is_better
    name = value.casefold()
    if any(word in name for word in LOWER_IS_BETTER):
        return False
    return True if any(word in name for word in HIGHER_IS_BETTER) else None


def _by_case(before: SuiteResult, after: SuiteResult, seed: int) -> Iterator[Difference]:
    if before.cases is None or after.cases is None:
        return
    shared = [each for each in _values(before.cases) if each in _values(after.cases)]
    right = after.cases.select("case_id", *(pl.col(each).cast(pl.Float64).alias(f"{each} after") for each in shared))
    both = before.cases.join(right, on="case_id", how="inner", maintain_order="left")
    if "group" not in both.columns:
        both = both.with_columns(group=pl.col("case_id"))
    for slice_, part in _slices(both):
        for value in shared:
            held = part.filter(pl.col(value).is_not_null() & pl.col(f"{value} after").is_not_null())
            known = Difference(after.suite, value, slice_, 0, 0, None, None, held.height)
            known = replace(known, higher_is_better=direction(value, after.measures))
            if held.height:
                yield _paired(known, held, value, seed)


def _values(cases: pl.DataFrame) -> list[str]:
    """The value columns: yes/no and numbers."""
    return [name for name, kind in cases.schema.items() if kind == pl.Boolean or kind.is_numeric()]


def _slices(cases: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "", cases
    for column, kind in cases.schema.items():
        if kind != pl.String or column in ("case_id", "group") or not 1 < cases[column].n_unique() <= MOST_VALUES:
            continue
        for part in cases.filter(pl.col(column) != "").partition_by(column, maintain_order=True):
            if part.height >= LEAST_CASES and part["group"].n_unique() >= LEAST_GROUPS:
                yield f"{column}={part[column][0]}", part


def _paired(known: Difference, held: pl.DataFrame, value: str, seed: int) -> Difference:
    is_binary = held[value].dtype == pl.Boolean
    a, b = held[value].cast(pl.Float64).to_numpy(), held[f"{value} after"].to_numpy()
    groups = held["group"].to_list()
    found = replace(known, before=float(a.mean()), after=float(b.mean()), groups=len(set(groups)))
    change = b - a
    if np.abs(change).max() <= ROUNDING:
        return replace(found, after=found.before, low=0.0, high=0.0, method="equal")
    drawn = mean_by_group(change, np.ones(change.size), groups, replicates=1000, seed=seed)
    if np.isfinite(drawn.low):
        found = replace(found, low=float(drawn.low), high=float(drawn.high))
    if is_binary and found.groups == change.size:
        p = stats.binomtest(int((change > 0).sum()), int((change != 0).sum()), 0.5).pvalue
        return replace(found, p=float(p), method="bootstrap, McNemar exact")
    return replace(found, p=cluster_p(change, groups), method="group bootstrap, t-test of groups")


def cluster_p(change: Floats, groups: Sequence[Any]) -> float:
    """Two-sided p of a mean difference of 0, from the sums of groups; 1 for fewer than five groups.

    Args:
        change: differences of cases, shape (n,).
        groups: of the cases.
    """
    numbers: dict[Any, int] = {}
    index = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    count = len(numbers)
    if count < LEAST_GROUPS:
        return 1.0
    mean = float(change.mean())
    deviation = np.bincount(index, change) - mean * np.bincount(index)
    error = sqrt(float(deviation @ deviation) * count / (count - 1)) / change.size
    if error == 0:
        # All groups differ by the same amount: only their number speaks, as in a sign test.
        return float(2 * 0.5**count) if mean else 1.0
    # Few groups that differ make the t-test too sure; the exact sign test of those bounds it.
    signs = np.sign(np.bincount(index, change))
    sure = float(2 * 0.5 ** int((signs != 0).sum()))
    return max(float(2 * stats.t.sf(abs(mean) / error, count - 1)), min(1.0, sure))


def _by_measure(before: SuiteResult, after: SuiteResult) -> Iterator[Difference]:
    """Measures that are no mean of a column of cases."""
    columns = (
        set() if after.cases is None or before.cases is None else set(_values(before.cases)) & set(after.cases.columns)
    )
    earlier: Mapping[tuple[str, str], Measure] = {(each.name, each.slice): each for each in before.measures}
    for now in after.measures:
        then = earlier.get((now.name, now.slice))
        if then is None or (now.name in columns and not now.slice):
            continue
        known = Difference(after.suite, now.name, now.slice, then.value, now.value, None, None, now.n)
        yield _unpaired(replace(known, higher_is_better=now.higher_is_better), then, now)


def _unpaired(known: Difference, then: Measure, now: Measure) -> Difference:
    if then.value == now.value:
        return replace(known, low=0.0, high=0.0, method="equal")
    bounds = (then.low, then.high, now.low, now.high)
    if any(each is None for each in bounds) or not np.isfinite(known.change):
        return replace(known, method="no interval")
    low, high, low_now, high_now = (float(each or 0) for each in bounds)
    error = sqrt((high - low) ** 2 + (high_now - low_now) ** 2) / (2 * 1.959964)
    if error == 0:
        return replace(known, method="no interval")
    half = 1.959964 * error
    p = float(2 * stats.norm.sf(abs(known.change) / error))
    return replace(known, low=known.change - half, high=known.change + half, p=p, method="intervals, unpaired")


def _judged(found: Sequence[Difference], level: float) -> Iterator[Difference]:
    tested = [each for each in found if each.p is not None]
    adjusted = iter(holm([each.p for each in tested if each.p is not None]))
    for each in found:
        if each.p is None:
            yield replace(each, verdict="same" if each.method == "equal" else "unclear")
            continue
        p_adjusted = next(adjusted)
        yield replace(each, p_adjusted=p_adjusted, verdict=_verdict(each, p_adjusted < level))


def _verdict(each: Difference, is_sure: bool) -> Verdict:
    if each.change == 0 and each.low == each.high == 0:
        return "same"
    if not is_sure:
        return "unclear"
    if each.higher_is_better is None:
        return "changed"
    return "improvement" if (each.change > 0) == each.higher_is_better else "regression"
