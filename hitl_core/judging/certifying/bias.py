"""Probes for biases of a judge: pairs that differ in what must not matter, and how far the judge moves (pure).

Zheng and others, "Judging LLM-as-a-judge with MT-Bench and chatbot arena" (NeurIPS 2023) describe position, length and
self-preference; the form of a text is the fourth.

Public: `PROBES`, `probe_pair`, `Shift`, `paired_shift`, `rate_gap`, `verbosity_slope`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hitl_core.domain.records import Item, Record
from hitl_core.stats import bootstrap_counts

FloatArray = NDArray[np.float64]
Probe = Literal["position", "length", "formatting"]
PROBES: tuple[Probe, ...] = ("position", "length", "formatting")
REPLICATES = 2000
_PADDING = "To put it in other words, the answer to the question that was asked is the one that is given here: "


class Shift(Record):
    """The mean change from the first to the second of each pair, with its interval over groups.

    `flips` counts pairs whose verdict changed sides; a bias is shown where the interval leaves 0 out.
    """

    value: float
    low: float
    high: float
    n: int
    flips: int = 0

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def probe_pair(item: Item, probe: Probe) -> tuple[Item, Item] | None:
    """Return an item and its twin, which an unbiased judge judges alike; None where the probe does not apply.

    position: the passages in reverse. length: the output said twice, with words that add nothing. formatting: the
    output as a list with a heading and bold face.
    """
    if probe == "position":
        turned = item.model_copy(update={"context": item.context[::-1]})
        return (item, turned) if len(item.context) > 1 and turned != item else None
    if not item.output.strip():
        return None
    if probe == "length":
        return item, item.model_copy(update={"output": f"{item.output}\n\n{_PADDING}{item.output}"})
    lines = [line.strip() for line in item.output.splitlines() if line.strip()]
    dressed = "## Answer\n\n" + "\n".join(f"- **{line}**" for line in lines)
    return item, item.model_copy(update={"output": dressed})


def paired_shift(
    before: Sequence[float | None],
    after: Sequence[float | None],
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Shift | None:
    """Return how far the probability of "right" moves within pairs; pairs with an abstention are left out.

    Args:
        before: p_correct of the first of each pair; 1 and 0 where a judge has only a verdict.
        after: of the second.
        groups: pairs of one group are dependent.
        level: of the interval, a percentile bootstrap over groups.
        seed: of the bootstrap.

    Returns:
        Shift: None with fewer than two groups.
    """
    both = [(x, y, at) for at, (x, y) in enumerate(zip(before, after, strict=True)) if x is not None and y is not None]
    moved = np.array([y - x for x, y, _ in both], dtype=np.float64)
    names = [groups[at] if groups is not None else str(at) for _, _, at in both]
    flips = sum((x > 0.5) != (y > 0.5) for x, y, _ in both)
    return _mean(moved, np.ones_like(moved), names, level, seed, flips)


def rate_gap(
    approved: Sequence[bool | None],
    right: Sequence[bool],
    marked: Sequence[bool],
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Shift | None:
    """Return how much more often a judge approves marked outputs than others that people judged the same.

    Mark the outputs of the judge's own model to measure self-preference, or the long ones. The gap is the mean of the
    gaps among right and among wrong outputs, weighted as Mantel and Haenszel (1959) do; the interval is a bootstrap
    over groups.

    Returns:
        Shift: None where no label has both marked and unmarked outputs.
    """
    rows = [at for at, each in enumerate(approved) if each is not None]
    names = [groups[at] if groups is not None else str(at) for at in rows]
    codes = np.unique(names, return_inverse=True)[1] if rows else np.zeros(0, dtype=np.int64)
    cells = np.zeros((int(codes.max()) + 1 if rows else 0, 8))
    for code, at in zip(codes, rows, strict=True):
        cells[code, 4 * int(right[at]) + 2 * int(marked[at]) + int(bool(approved[at]))] += 1
    if not rows or not np.isfinite(_gap(cells.sum(axis=0)[None, :])[0]):
        return None
    patterns, counts = np.unique(cells, axis=0, return_counts=True)
    found = bootstrap_counts(
        lambda drawn: _gap(drawn @ patterns), counts, confidence=level, replicates=REPLICATES, seed=seed
    )
    return Shift(value=found.value, low=found.low, high=found.high, n=len(rows)) if np.isfinite(found.low) else None


def verbosity_slope(
    preferred_longer: Sequence[bool],
    people_preferred_longer: Sequence[bool],
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Shift | None:
    """Return how much more often a judge prefers the longer of two answers than people do on the same pairs."""
    gaps = np.asarray(preferred_longer, dtype=np.float64) - np.asarray(people_preferred_longer, dtype=np.float64)
    names = list(groups) if groups is not None else [str(at) for at in range(gaps.size)]
    return _mean(gaps, np.ones_like(gaps), names, level, seed, int(np.count_nonzero(gaps)))


def _gap(cells: FloatArray) -> FloatArray:
    """Mantel-Haenszel difference of approval from cells of shape (m, 8)."""
    above, below = np.zeros(len(cells)), np.zeros(len(cells))
    for start in (0, 4):
        plain_no, plain_yes, marked_no, marked_yes = (cells[:, start + at] for at in range(4))
        plain, marked = plain_no + plain_yes, marked_no + marked_yes
        size = np.maximum(plain + marked, 1)
        above += (marked_yes * plain - plain_yes * marked) / size
        below += marked * plain / size
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _mean(
    values: FloatArray, weight: FloatArray, names: Sequence[str], level: float, seed: int, flips: int
) -> Shift | None:
    if len(set(names)) < 2:
        return None
    codes = np.unique(np.asarray(names), return_inverse=True)[1]
    sums = np.column_stack([np.bincount(codes, values * weight), np.bincount(codes, weight)])
    patterns, counts = np.unique(sums, axis=0, return_counts=True)

    def statistic(drawn: FloatArray) -> FloatArray:
        totals = drawn @ patterns
        return np.asarray(totals[:, 0] / totals[:, 1], dtype=np.float64)

    found = bootstrap_counts(statistic, counts, confidence=level, replicates=REPLICATES, seed=seed)
    return Shift(value=found.value, low=found.low, high=found.high, n=values.size, flips=flips)
