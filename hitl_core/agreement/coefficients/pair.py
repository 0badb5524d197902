"""Two raters: Cohen's kappa and Scott's pi over the units that both rated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitl_core.agreement.coefficients.conger import estimate_conger
from hitl_core.agreement.coefficients.fleiss import estimate_fleiss
from hitl_core.agreement.coefficients.weights import WeightsLike
from hitl_core.agreement.ratings import MISSING, LabelsLike, Ratings, read_ratings
from hitl_core.agreement.result import Agreement, conclude
from hitl_core.domain.errors import InputError


def cohen_kappa(
    a: LabelsLike,
    b: LabelsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Cohen's kappa of two raters: chance is the product of each rater's own use of the labels.

    Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960); with
    weights, Psychological Bulletin 70 (1968).

    Args:
        a: labels of the first rater, shape (units,); None or NaN where missing. Units that only one rated are left
            out.
        b: labels of the second rater on the same units.
        weights: None, "linear", "quadratic" or a matrix; see `similarity`.
        categories: all labels in order; by default those that occur.
        confidence: level of the interval.

    Returns:
        Agreement: NaN if both used one and the same label throughout, or no unit has both ratings.

    Raises:
        InputError: the lengths differ, or labels cannot be read or weighted.
    """
    read = read_pair(a, b, categories=categories)
    return conclude(estimate_conger(read, weights), method="Cohen's kappa", confidence=confidence)


def scott_pi(
    a: LabelsLike,
    b: LabelsLike,
    *,
    weights: WeightsLike = None,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Return Scott's pi of two raters: chance is from the labels' shares over both.

    Scott, "Reliability of content analysis: the case of nominal scale coding", Public Opinion Quarterly 19 (1955).
    Arguments, result and errors are those of `cohen_kappa`.
    """
    read = read_pair(a, b, categories=categories)
    return conclude(estimate_fleiss(read, weights), method="Scott's pi", confidence=confidence)


def read_pair(a: LabelsLike, b: LabelsLike, *, categories: Sequence[Any] | None = None) -> Ratings:
    """Read two raters' labels; units that only one of them rated are left out, their labels stay categories.

    Raises:
        InputError: the lengths differ or a label is not one of `categories`.
    """
    columns = [_column(a), _column(b)]
    if columns[0].size != columns[1].size:
        raise InputError(
            f"both raters must have labels for the same units; got {columns[0].size} and {columns[1].size}"
        )
    read = read_ratings(np.column_stack(columns), categories=categories)
    return read.reweighted(np.where((read.codes != MISSING).all(axis=1), read.units, 0.0))


def _listed(labels: Any) -> list[Any]:
    if isinstance(labels, str | bytes):
        raise InputError(f"labels of one rater must be one row of values; got the text {labels!r:.40}")
    try:
        return list(labels.to_list() if hasattr(labels, "to_list") else labels)
    except TypeError as error:
        raise InputError(f"labels of one rater must be one row of values; {error}") from error


def _column(labels: Any) -> NDArray[Any]:
    """A flat array; a list or a frame's column keeps None and NaN what they are."""
    if not isinstance(labels, np.ndarray):
        values = _listed(labels)
        labels = np.empty(len(values), dtype=object)
        labels[:] = values
    if labels.ndim != 1:
        raise InputError(f"labels of one rater must be one row of values; got {labels.ndim} dimensions")
    column: NDArray[Any] = labels if labels.dtype.kind in "fiubO" else labels.astype(object)
    return column
