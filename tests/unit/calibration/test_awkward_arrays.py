"""Arrays and options that no statistic can be made of are named in one line; numpy's own errors never come through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hitl_core import calibration, stats
from hitl_core.calibration import choose_threshold, expected_calibration_error, fit_calibrator, reliability_table
from hitl_core.domain.errors import InputError

RAGGED: Any = [[1], [1, 2]]
CONFIDENCE, CORRECT = np.linspace(0.01, 0.99, 50), np.arange(50) % 3 > 0
TWO_ARRAYS: tuple[Callable[..., Any], ...] = (
    calibration.reliability_table,
    calibration.expected_calibration_error,
    calibration.smooth_calibration_error,
    calibration.brier_score,
    calibration.log_loss,
    calibration.auroc,
    calibration.fit_calibrator,
    lambda *given: choose_threshold(*given, target_error=0.05, delta=0.05),
)


@pytest.mark.parametrize("function", TWO_ARRAYS)
@pytest.mark.parametrize("given", [RAGGED, [1j] * 50, {1, 2}, "abc", None])
def test_arrays_that_are_none_are_refused(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(InputError):
        function(given, CORRECT)
    with pytest.raises(InputError):
        function(CONFIDENCE, given)


@pytest.mark.parametrize("inclusion", [RAGGED, ["a"] * 50, [0.0] * 50, [5e-324] * 50, [float("nan")] * 50, [0.5] * 49])
def test_inclusion_probabilities_that_are_none_are_refused(inclusion: Any) -> None:
    with pytest.raises(InputError):
        choose_threshold(CONFIDENCE, CORRECT, target_error=0.05, delta=0.05, inclusion=inclusion)


@pytest.mark.parametrize(
    "options",
    [
        {"target_error": "a"},
        {"delta": None},
        {"min_labels": "many"},
        {"min_labels": float("inf")},
        {"seed": -1},
        {"seed": "a"},
        {"groups": RAGGED},
    ],
)
def test_options_of_a_threshold_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        choose_threshold(CONFIDENCE, CORRECT, **{"target_error": 0.05, "delta": 0.05, **options})


@pytest.mark.parametrize("weight", [0.0, -1.0, 5e-324, 1e200, float("inf"), float("nan")])
def test_weights_whose_sums_leave_the_range_of_floats_are_refused(weight: float) -> None:
    with pytest.raises(InputError, match="weights must"):
        expected_calibration_error(CONFIDENCE, CORRECT, weights=np.full(50, weight))


@pytest.mark.parametrize("bins", [0, 1.5, "ten", None, 10**9, np.arange(3)])
def test_numbers_of_bins_that_are_none_or_would_fill_the_memory_are_refused(bins: Any) -> None:
    with pytest.raises(InputError, match="bins must"):
        reliability_table(CONFIDENCE, CORRECT, bins=bins)


@pytest.mark.parametrize("target", [5e-324, 1e-300, 1e-19, 1e-9])
def test_targets_next_to_nothing_are_not_certified(target: float) -> None:
    found = choose_threshold(CONFIDENCE, np.ones(50), target_error=target, delta=0.05)
    assert found.threshold is None
    assert found.labels_needed > 10**8


@pytest.mark.parametrize("n", [1, 10, 100])
def test_the_smooth_error_of_right_rows_alone_is_not_certain(n: int) -> None:
    """Its interval was a point: no resample of right rows has a wrong one."""
    found = calibration.smooth_calibration_error([0.9] * n, [1] * n)
    most_wrong = stats.clopper_pearson(0, n, confidence=0.95).high
    assert found.low == pytest.approx(max(0.0, found.value - most_wrong))
    assert found.high == pytest.approx(min(1.0, found.value + most_wrong))


def test_methods_that_are_no_text_are_refused() -> None:
    for method in (np.arange(3), None, ["platt"]):
        with pytest.raises(InputError, match="unknown calibration method"):
            fit_calibrator(CONFIDENCE, CORRECT, method=method)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        fit_calibrator(CONFIDENCE, CORRECT, method="platt").apply(RAGGED)


@pytest.mark.parametrize(
    "change",
    [
        ('"n": 50', '"n": 1e999'),
        ('"method": "isotonic"', '"method": "platt"'),
        ('"method": "isotonic"', '"method": ["isotonic"]'),
        ('"version": 1', '"version": 2'),
        ("{", "["),
    ],
)
def test_json_that_makes_no_calibrator_is_refused(change: tuple[str, str]) -> None:
    text = fit_calibrator(CONFIDENCE, CORRECT, method="isotonic").to_json()
    assert calibration.Calibrator.from_json(text).to_json() == text
    with pytest.raises(InputError):
        calibration.Calibrator.from_json(text.replace(*change))


@pytest.mark.parametrize("text", ["", "null", "[]", "[" * 100_000, None, b"\xff"])
def test_text_that_is_no_calibrator_is_refused(text: Any) -> None:
    with pytest.raises(InputError):
        calibration.Calibrator.from_json(text)


def test_a_number_in_the_place_of_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="rows of numbers"):
        calibration.Calibrator("isotonic", {"x": 0.5, "y": 0.5}, 1)


def test_a_confidence_on_an_edge_is_in_the_bin_that_begins_there() -> None:
    tenths = [round(0.1 * step, 1) for step in range(10)]
    table = reliability_table(tenths, [1] * 10, bins=10)
    assert table["n"].to_list() == [1] * 10, ".3, .6 and .7 were counted in the bins below theirs"


@pytest.mark.parametrize("interval", [stats.clopper_pearson, stats.wilson])
def test_counts_that_are_none_are_refused(interval: Callable[..., Any]) -> None:
    for k, n in (("a", 3), ([1, 2], [3, 4]), (None, 3), (1, float("inf")), (4, 3)):
        with pytest.raises(InputError):
            interval(k, n, confidence=0.95)
    with pytest.raises(InputError):
        interval(1, 3, confidence="95 %")


def test_numbers_of_losses_that_are_none_are_refused() -> None:
    for n in (float("nan"), float("inf"), 10**30, -1, 1.5, "a"):
        with pytest.raises(InputError):
            stats.hoeffding_bentkus_p_value(0.05, n, 0.1)  # type: ignore[arg-type]
