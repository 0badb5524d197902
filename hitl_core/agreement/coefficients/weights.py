"""Partial credit for near labels: a similarity of 1 for equal labels down to 0 for the farthest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from hitl_core.agreement.ratings import FloatArray, Ratings
from hitl_core.domain.errors import InputError

WeightsLike: TypeAlias = "str | ArrayLike | Sequence[Sequence[float]] | None"
# Weights are a matrix of categories × categories (32 MB at this size).
MOST_CATEGORIES = 2000


def similarity(weights: WeightsLike, ratings: Ratings) -> FloatArray | None:
    """Return the similarity of categories, shape (categories, categories), or None where only equal labels agree.

    Args:
        weights: None or "identity"; "linear" (1 - distance / largest) or "quadratic" (1 - its square), by the position
            of the labels (Cohen, Psychological Bulletin 70, 1968); or a symmetric matrix with 1 on its diagonal.
        ratings: whose categories are weighted.

    Raises:
        InputError: the name is unknown, the matrix does not fit, or labels are texts without a named order.
    """
    if weights is None or (isinstance(weights, str) and weights == "identity"):
        return None
    size = len(ratings.categories)
    if size > MOST_CATEGORIES:
        raise InputError(f"weights are for at most {MOST_CATEGORIES} categories; got {size}")
    if not isinstance(weights, str):
        return _matrix(weights, size)
    if weights not in ("linear", "quadratic"):
        raise InputError(f"weights must be identity, linear, quadratic or a matrix; got {weights!r}")
    if not ratings.ordered:
        raise InputError("weights need an order of the labels: give categories=(…) from lowest to highest")
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / max(1, size - 1)
    return np.asarray(1 - distance ** (1 if weights == "linear" else 2), dtype=np.float64)


def _matrix(weights: ArrayLike | Sequence[Sequence[float]], size: int) -> FloatArray:
    matrix = np.asarray(weights, dtype=np.float64)
    if matrix.shape != (size, size):
        raise InputError(f"the weights must have shape ({size}, {size}), one row a category; got {matrix.shape}")
    if not (np.allclose(np.diag(matrix), 1) and np.allclose(matrix, matrix.T) and (matrix >= 0).all()):
        raise InputError("the weights must be a symmetric matrix of similarities from 0 to 1, with 1 on the diagonal")
    return matrix
