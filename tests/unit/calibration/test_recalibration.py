"""Calibrators: published Venn-Abers values, an independent isotonic regression, frozen JSON, and the honest choice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from hitl_core.calibration import Calibrator, expected_calibration_error, fit_calibrator, fit_venn_abers, log_loss
from hitl_core.calibration.recalibrating.calibrator import METHODS, CalibrationMethod
from hitl_core.domain.errors import InputError

LINE = np.linspace(0.02, 0.98, 40)
LINE_RIGHT = np.array([(7 * i % 40) < 40 * p for i, p in enumerate(LINE)])


def over_confident(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = generator.beta(5, 2, rows)
    return confidence, generator.random(rows) < confidence**2.5


def test_venn_abers_as_published() -> None:
    fitted = fit_venn_abers(LINE, LINE_RIGHT)
    p0, p1 = fitted.pair([0.1, 0.3, 0.5, 0.8])
    assert p0 == pytest.approx([0.1429, 0.1538, 0.5, 0.7143], abs=5e-5)
    assert p1 == pytest.approx([0.2308, 0.4286, 0.6667, 0.8571], abs=5e-5)
    assert fitted.merged([0.1, 0.3, 0.5, 0.8]) == pytest.approx([0.2121, 0.3362, 0.5714, 0.75], abs=5e-5)


def test_venn_abers_is_two_isotonic_regressions() -> None:
    generator = np.random.default_rng(0)
    for _ in range(25):
        rows = int(generator.integers(2, 40))
        confidence = np.round(generator.random(rows), int(generator.integers(1, 4)))
        right = (generator.random(rows) < confidence).astype(float)
        asked = np.r_[generator.random(5), generator.choice(confidence, 4), 0, 1]
        pairs = fit_venn_abers(confidence, right).pair(asked)
        for label, found in enumerate(pairs):
            expected = [
                IsotonicRegression().fit(np.r_[confidence, x], np.r_[right, label]).predict([x])[0] for x in asked
            ]
            assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_json_brings_back_the_same_map(method: CalibrationMethod) -> None:
    confidence, right = over_confident(300, 1)
    fitted = fit_calibrator(confidence, right, method=method)
    text = fitted.to_json()
    again = Calibrator.from_json(text)
    asked = np.linspace(0, 1, 101)
    assert np.array_equal(again.apply(asked), fitted.apply(asked))
    assert again == fitted
    assert again.to_json() == text
    assert (np.diff(fitted.apply(asked)) >= -1e-12).all(), "a higher raw confidence never becomes a lower one"


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic", "venn_abers", "auto"])
def test_recalibration_repairs_an_over_confident_model_on_new_rows(method: CalibrationMethod) -> None:
    fitted = fit_calibrator(*over_confident(3000, 2), method=method)
    confidence, right = over_confident(5000, 3)
    before, after = (
        expected_calibration_error(each, right, replicates=0) for each in (confidence, fitted.apply(confidence))
    )
    assert before > 0.2
    assert after < 0.05


def test_temperature_finds_the_temperature() -> None:
    generator = np.random.default_rng(4)
    odds = generator.normal(1, 2, 20_000)
    right = generator.random(20_000) < 1 / (1 + np.exp(-odds / 2))
    fitted = fit_calibrator(1 / (1 + np.exp(-odds)), right, method="temperature")
    assert fitted.parameters["t"] == pytest.approx(2, rel=0.05)


def test_platt_finds_slope_and_offset() -> None:
    generator = np.random.default_rng(5)
    odds = generator.normal(0, 2, 20_000)
    right = generator.random(20_000) < 1 / (1 + np.exp(-(0.5 * odds - 0.7)))
    fitted = fit_calibrator(1 / (1 + np.exp(-odds)), right, method="platt")
    assert fitted.parameters["slope"] == pytest.approx(0.5, abs=0.03)
    assert fitted.parameters["offset"] == pytest.approx(-0.7, abs=0.04)


def test_auto_leaves_a_calibrated_model_alone() -> None:
    generator = np.random.default_rng(6)
    confidence = generator.beta(5, 2, 2000)
    fitted = fit_calibrator(confidence, generator.random(2000) < confidence)
    assert fitted.method in ("identity", "temperature", "platt")
    assert expected_calibration_error(fitted.apply(confidence), confidence > 2, replicates=0) > 0
    assert np.abs(fitted.apply(confidence) - confidence).max() < 0.06


def test_nested_loss_is_what_new_rows_show() -> None:
    fitted = fit_calibrator(*over_confident(2000, 7))
    confidence, right = over_confident(20_000, 8)
    assert fitted.nested_log_loss == pytest.approx(log_loss(fitted.apply(confidence), right), abs=0.03)
    assert set(fitted.log_loss) == set(METHODS)
    assert fitted.log_loss[fitted.method] <= min(fitted.log_loss.values()) + 1e-4


def test_copies_of_a_row_do_not_fool_the_choice_when_they_are_one_group() -> None:
    """Each row stands there twenty times with one label: without groups a free map seems to predict them."""
    generator = np.random.default_rng(9)
    confidence = np.repeat(generator.random(60), 20)
    right = np.repeat(generator.random(60) < 0.5, 20)
    alone = fit_calibrator(confidence, right)
    grouped = fit_calibrator(confidence, right, groups=np.repeat(np.arange(60), 20))
    assert alone.nested_log_loss is not None
    assert grouped.nested_log_loss is not None
    assert alone.nested_log_loss < 0.63
    assert grouped.nested_log_loss > 0.67


@pytest.mark.parametrize("right", [[1, 1], [0, 0], [1, 0]])
def test_few_rows_or_one_label_still_give_a_sober_map(right: list[int]) -> None:
    fitted = fit_calibrator([0.6, 0.9], right)
    assert fitted.method == "platt"
    assert ((fitted.apply([0.5, 0.75]) > 0.05) & (fitted.apply([0.5, 0.75]) < 0.95)).all()


def test_weights_count_as_copies() -> None:
    confidence, right = over_confident(200, 10)
    copies = 1 + np.arange(200) % 3
    for method in ("isotonic", "platt", "beta"):
        weighted = fit_calibrator(confidence, right, weights=copies, method=method)
        repeated = fit_calibrator(np.repeat(confidence, copies), np.repeat(right, copies), method=method)
        # The two differ by the pull towards the raw confidence only, which counts rows.
        asked = np.linspace(0.5, 0.9, 20)
        assert weighted.apply(asked) == pytest.approx(repeated.apply(asked), abs=0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no calibrator"),
        ({"version": 99}, "version 99"),
        ({"method": "plat"}, "did you mean 'platt'"),
        ({"parameters": {"slope": 1.0}}, "holds"),
        ({"parameters": {"slope": 1.0, "offset": "x"}}, "incomplete"),
        ({"method": "isotonic", "parameters": {"x": [0.5, 0.4], "y": [0.1, 0.2]}}, "rising"),
        ({"method": "isotonic", "parameters": {"x": [0.5], "y": [0.1, 0.2]}}, "matching length"),
        ({"method": "temperature", "parameters": {"t": -1}}, "positive"),
    ],
)
def test_broken_json_is_refused(change: dict[str, object], message: str) -> None:
    content = json.loads(fit_calibrator(LINE, LINE_RIGHT, method="platt").to_json())
    with pytest.raises(InputError, match=message):
        Calibrator.from_json(json.dumps(content | change))
    with pytest.raises(InputError, match="must be JSON"):
        Calibrator.from_json("{")


def test_a_calibrator_is_frozen() -> None:
    fitted = fit_calibrator(LINE, LINE_RIGHT, method="platt")
    with pytest.raises(TypeError):
        fitted.parameters["slope"] = 2.0  # type: ignore[index]
    with pytest.raises(AttributeError):
        fitted.method = "beta"  # type: ignore[misc]
