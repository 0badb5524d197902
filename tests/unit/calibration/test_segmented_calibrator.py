"""Calibrators per segment, where they come from, and when they may no longer be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hitl_core.calibration import (
    Calibrator,
    CalibratorOrigin,
    SegmentedCalibrator,
    calibrator_from_json,
    fit_calibrator,
    fit_segmented_calibrator,
    log_loss,
    reference_histogram,
    stale,
)
from hitl_core.domain.errors import InputError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def two_domains(rows: int, seed: int, shift: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences that are right in one domain and too high by `shift` in the other."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.4, 0.95, rows)
    segment = np.where(np.arange(rows) % 2 == 0, "law", "sports")
    right = generator.random(rows) < confidence - shift * (segment == "law")
    return confidence, right, segment


def test_segments_that_differ_have_maps_of_their_own() -> None:
    confidence, right, segment = two_domains(2000, 0)
    fitted = fit_segmented_calibrator(confidence, right, segment)
    new, truth, names = two_domains(6000, 1)
    assert set(fitted.segments) == {"law", "sports"}
    own, pooled = (log_loss(fitted.apply(new, each), truth) for each in (names, None))
    assert own < pooled - 0.02
    assert fitted.apply([0.8], ["law"])[0] == pytest.approx(0.5, abs=0.08)
    assert fitted.apply([0.8], ["sports"])[0] == pytest.approx(0.8, abs=0.08)
    assert fitted.apply([0.8], ["unseen"]) == fitted.pooled.apply([0.8])


def test_a_segment_with_few_rows_stays_near_the_pooled_map() -> None:
    confidence, right, segment = two_domains(2000, 2)
    kept = (segment == "sports") | (np.cumsum(segment == "law") <= 35)
    fitted = fit_segmented_calibrator(confidence[kept], right[kept], segment[kept])
    pooled = fitted.pooled.apply([0.8])[0]
    mixed = fitted.apply([0.8], ["law"])[0]
    alone = fitted.segments["law"].apply([0.8])[0] if "law" in fitted.segments else pooled
    assert min(pooled, alone) - 1e-9 <= mixed <= max(pooled, alone) + 1e-9
    assert abs(mixed - pooled) <= abs(alone - pooled)


def test_segments_that_do_not_differ_are_pooled_or_almost() -> None:
    confidence, right, segment = two_domains(2000, 3, shift=0.0)
    fitted = fit_segmented_calibrator(confidence, right, segment)
    asked = np.linspace(0.45, 0.9, 10)
    assert np.abs(fitted.apply(asked, ["law"] * 10) - fitted.pooled.apply(asked)).max() < 0.04


def test_one_entry_point_reads_both_kinds_with_their_origin() -> None:
    confidence, right, segment = two_domains(800, 4)
    origin = CalibratorOrigin(fitted_at=NOW, models=("m1",), histogram=reference_histogram(confidence))
    for fitted in (fit_segmented_calibrator(confidence, right, segment), fit_calibrator(confidence, right)):
        dated = fitted.with_origin(origin)
        again = calibrator_from_json(dated.to_json())
        assert type(again) is type(fitted)
        assert again.to_json() == dated.to_json()
        assert again.origin == origin
        assert np.array_equal(again.apply(confidence, segment), fitted.apply(confidence, segment))


def test_a_fit_remembers_its_confidences_and_old_json_without_origin_is_read() -> None:
    confidence, right, _ = two_domains(400, 5)
    fitted = fit_calibrator(confidence, right)
    assert fitted.origin is not None
    assert sum(fitted.origin.histogram) == 400
    old = fitted.to_json().replace('"origin": ', '"was": ')
    assert Calibrator.from_json(old).origin is None


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "hitl-segmented-calibrator"}', '{"format": "x"}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        calibrator_from_json(text)


def test_reasons_to_refuse_a_calibrator() -> None:
    generator = np.random.default_rng(6)
    before = generator.beta(5, 2, 5000)
    origin = CalibratorOrigin(NOW, models=("m1",), prompts=("p1",), histogram=reference_histogram(before))
    same = generator.beta(5, 2, 500)
    assert stale(origin, now=NOW + timedelta(days=30), confidences_now=same, model="m1", prompt="p1") == ()
    assert "91 days" in stale(origin, now=NOW + timedelta(days=91, hours=1))[0]
    assert "m2" in stale(origin, now=NOW, model="m2")[0]
    assert "p2" in stale(origin, now=NOW, prompt="p2")[0]
    assert "drifted" in stale(origin, now=NOW, confidences_now=generator.beta(2, 2, 500))[0]
    assert stale(origin, now=NOW, confidences_now=generator.beta(2, 2, 50)) == ()
    assert stale(None, now=NOW) == ()


def test_drift_is_hardly_ever_called_without_one() -> None:
    generator = np.random.default_rng(7)
    origin = CalibratorOrigin(histogram=reference_histogram(generator.beta(5, 2, 2000)))
    called = [bool(stale(origin, now=NOW, confidences_now=generator.beta(5, 2, 100))) for _ in range(200)]
    assert sum(called) <= 2


def test_times_need_a_zone() -> None:
    with pytest.raises(InputError, match="zone"):
        CalibratorOrigin(fitted_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_shrinkage_needs_a_positive_strength() -> None:
    confidence, right, _ = two_domains(100, 8)
    with pytest.raises(InputError, match="positive"):
        SegmentedCalibrator(fit_calibrator(confidence, right), {}, 0.0)
