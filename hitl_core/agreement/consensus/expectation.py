"""The E-step that rater models share, in log-space: thousands of votes on one task do not underflow."""

from __future__ import annotations

import numpy as np

from hitl_core.agreement.consensus.votes import VoteSums
from hitl_core.agreement.ratings import FloatArray
from hitl_core.domain.errors import InputError

# The logarithm of "impossible": finite, so that a row of them still has a largest entry.
LEAST = 1e-300


def infer(sums: VoteSums, priors: FloatArray, confusion: FloatArray) -> tuple[FloatArray, float]:
    """Return posteriors of distinct tasks, shape (distinct, classes), and the log-likelihood of all votes."""
    joint = sums.log_likelihood(logarithm(confusion)) + logarithm(priors)
    # Column by column: numpy reduces a short last axis slowly.
    top = joint[:, 0].copy()
    for column in range(1, joint.shape[1]):
        np.maximum(top, joint[:, column], out=top)
    shifted = np.exp(joint - top[:, None])
    total = shifted @ np.ones(joint.shape[1])
    return shifted / total[:, None], float(sums.weights @ (top + np.log(total)))


def logarithm(probabilities: FloatArray) -> FloatArray:
    """The logarithm with a floor instead of minus infinity."""
    return np.asarray(np.log(np.maximum(probabilities, LEAST)), dtype=np.float64)


def normalised(counts: FloatArray) -> FloatArray:
    """Divide rows by their sums; a row of zeros becomes even."""
    totals = counts.sum(axis=-1, keepdims=True)
    even = np.full_like(counts, 1 / counts.shape[-1])
    np.divide(counts, totals, out=even, where=totals > 0)
    return even


def check_options(smoothing: float, iterations: int, tolerance: float) -> None:
    """Refuse options that no fit can use.

    Raises:
        InputError: says which.
    """
    if not 0 <= smoothing < float("inf"):
        raise InputError(f"smoothing is a number of imagined labels, 0 or more; got {smoothing!r}")
    if iterations < 1 or not tolerance > 0:
        raise InputError("iterations must be at least 1 and tolerance above 0")
