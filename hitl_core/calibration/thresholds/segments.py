"""Thresholds for several segments at once (domain × label, model), right together with probability 1 - delta."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.calibration.thresholds.choosing import choose_threshold
from hitl_core.calibration.thresholds.exact_tests import clean_rows
from hitl_core.calibration.thresholds.label_error import Bounds, LabelError, as_label_error
from hitl_core.calibration.thresholds.result import ThresholdResult
from hitl_core.domain.errors import InputError

POOL = "(pooled)"


@dataclass(frozen=True)
class SegmentThresholds:
    """A threshold, or none, for each segment.

    Attributes:
        thresholds: segment -> where to auto-approve; None sends the segment to review. Pooled ones share one.
        results: tested segment (or `POOL`) -> what was certified, at the delta it was tested with.
        pooled: segments too small for a test of their own that were tested together; the promise is then about their
            mixture, not about each.
        to_review: segments too small that were not tested.
        delta: of all together.
    """

    thresholds: Mapping[str, float | None]
    results: Mapping[str, ThresholdResult]
    pooled: tuple[str, ...]
    to_review: tuple[str, ...]
    delta: float


def choose_thresholds_by_segment(
    confidence: ArrayLike,
    correct: ArrayLike,
    segments: Sequence[str] | NDArray[np.generic],
    *,
    target_error: float | Mapping[str, float],
    delta: float,
    small: Literal["pool", "review"] = "pool",
    inclusion: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    label_error: LabelError | Mapping[str, Bounds] | Sequence[Bounds] | None = None,
    min_labels: int = 30,
    seed: int = 0,
) -> SegmentThresholds:
    """Return the lowest certified threshold of each segment, with a correction across them.

    Delta is shared evenly among the segments that are large enough. One that passes at all its thresholds has nothing
    left to be wrong about and hands its share to the others, which are tested again with more (a graphical procedure:
    Bretz, Maurer, Brannath and Posch, Statistics in Medicine 28, 2009). Groups must not span segments.

    Args:
        confidence: shape (n,), of the labelled rows.
        correct: shape (n,), whether the output was right.
        segments: shape (n,), each row's segment.
        target_error: for all, or for each segment by name (the pooled ones get the smallest of theirs).
        delta: probability that any segment's promise is wrong.
        small: segments that could not even certify without an error are pooled, or forced to review.
        inclusion: as in `choose_threshold`, like the other arguments.
        groups: rows of one group depend on each other.
        label_error: how often reviewers err.
        min_labels: fewer independent rows at or above a threshold certify nothing.
        seed: as in `choose_threshold`.

    Raises:
        InputError: the arrays do not fit, a segment has no target, or an option is out of range.
    """
    if small not in ("pool", "review"):
        raise InputError(f"small must be pool or review; got {small!r}")
    label = np.asarray(segments).astype(str)
    given = _Given(confidence, correct, inclusion, groups)
    if label.shape != given.confidence.shape:
        raise InputError(f"segments need one entry a row; got shape {label.shape} for {given.confidence.size} rows")
    names = [str(each) for each in np.unique(label)]
    target = _targets(target_error, names)
    reviewers = None if label_error is None else as_label_error(label_error)
    seen = target if reviewers is None else {name: reviewers.disagreement(each) for name, each in target.items()}
    few = tuple(
        name
        for name in names
        if given.independent(label == name) < max(min_labels, clean_rows(seen[name], delta / len(names)))
    )
    chosen = {name: label == name for name in names if name not in few}
    if few and small == "pool":
        chosen[POOL] = np.isin(label, few)
        target[POOL] = min(target[name] for name in few)

    def certify(name: str, share: float) -> ThresholdResult:
        options: dict[str, Any] = {"label_error": reviewers, "min_labels": min_labels, "seed": seed}
        return choose_threshold(**given.rows(chosen[name]), target_error=target[name], delta=share, **options)

    results = _shared(tuple(chosen), delta, certify)
    pooled = few if small == "pool" else ()
    where = {name: POOL if name in pooled else name for name in names}
    thresholds = {name: results[where[name]].threshold if where[name] in results else None for name in names}
    return SegmentThresholds(thresholds, results, pooled, () if pooled else few, delta)


def _shared(
    names: tuple[str, ...], delta: float, certify: Callable[[str, float], ThresholdResult]
) -> dict[str, ThresholdResult]:
    """Test with even shares; who has nothing left to test hands its share to the others."""
    results: dict[str, ThresholdResult] = {}
    waiting, share = names, delta / max(1, len(names))
    while waiting:
        results |= {name: certify(name, share) for name in waiting}
        done = {name for name in waiting if results[name].every_passed}
        share *= len(waiting)
        waiting = tuple(name for name in waiting if name not in done)
        if not done:
            break
        share /= max(1, len(waiting))
    return results


def _targets(target_error: float | Mapping[str, float], names: list[str]) -> dict[str, float]:
    if not isinstance(target_error, Mapping):
        return dict.fromkeys(names, float(target_error))
    if missing := [name for name in names if name not in target_error]:
        raise InputError(f"target_error has no entry for {', '.join(missing)}")
    return {name: float(target_error[name]) for name in names}


class _Given:
    """The rows as arrays, to be handed on segment by segment."""

    def __init__(
        self, confidence: ArrayLike, correct: ArrayLike, inclusion: ArrayLike | None, groups: ArrayLike | None
    ) -> None:
        self.confidence = np.atleast_1d(np.asarray(confidence))
        self.columns = {
            "confidence": self.confidence,
            "correct": np.asarray(correct),
            "inclusion": None if inclusion is None else np.asarray(inclusion),
            "groups": None if groups is None else np.asarray(groups),
        }
        for name, column in self.columns.items():
            if column is not None and column.shape != self.confidence.shape:
                raise InputError(f"{name} needs one entry a row; got shape {column.shape}")

    def rows(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        return {name: column[chosen] for name, column in self.columns.items() if column is not None}

    def independent(self, chosen: NDArray[np.bool_]) -> int:
        groups = self.columns["groups"]
        return int(np.count_nonzero(chosen)) if groups is None else np.unique(groups[chosen].astype(str)).size
