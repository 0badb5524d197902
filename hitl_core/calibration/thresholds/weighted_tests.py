"""Tests of "the error above this threshold exceeds the target" for rows with unequal inclusion probabilities."""

from __future__ import annotations

import math

from hitl_core.calibration.rows import FloatArray
from hitl_core.calibration.thresholds.exact_tests import Step
from hitl_core.calibration.thresholds.labelled_rows import Labelled
from hitl_core.stats.eprocess import largest_log_wealth, loss_payoffs, mean_upper_bound


def walk(rows: Labelled, thresholds: FloatArray, target: float, delta: float) -> tuple[Step, ...]:
    """Test falling thresholds at full delta until one fails; return the steps.

    Args:
        rows: in random order, with weights 1 / inclusion probability.
        thresholds: the first is where to start; the others are looser.
        target: the error to be refuted.
        delta: wealth of 1 / delta refutes it.
    """
    steps: list[Step] = []
    for threshold in thresholds:
        above = rows.take(rows.confidence >= threshold)
        payoffs = loss_payoffs(above.wrong, above.weight, target, _largest(rows))
        p_value = math.exp(-largest_log_wealth(payoffs))
        step = Step(float(threshold), above.wrong.size, int(above.wrong.sum()), delta, p_value)
        steps.append(step)
        if not step.passed:
            break
    return tuple(steps)


def upper_bound(rows: Labelled, threshold: float, delta: float) -> float:
    """Return the upper bound of the error at or above a threshold that the wealth gives."""
    above = rows.take(rows.confidence >= threshold)
    return mean_upper_bound(above.wrong, above.weight, delta=delta, largest_weight=_largest(rows))


def _largest(rows: Labelled) -> float:
    return float(rows.weight.max())
