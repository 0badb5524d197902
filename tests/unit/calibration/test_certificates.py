"""Segments, cascades, ramps, slider, ledger and certificates: cases by hand and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hitl_core.calibration import (
    DeltaLedger,
    ThresholdCertificate,
    ThresholdResult,
    answering_tier,
    certify_threshold,
    choose_cascade_thresholds,
    choose_threshold,
    choose_thresholds_by_segment,
    issue_certificate,
    next_ramp_step,
    rows_digest,
    slider_bounds,
)
from hitl_core.calibration.thresholds.segments import POOL
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LINE = np.linspace(0.3, 0.99, 400)


def test_a_ledger_spends_to_its_end_and_not_beyond() -> None:
    ledger = DeltaLedger(0.1).spend(0.06, "a")
    assert (ledger.spent, ledger.left) == pytest.approx((0.06, 0.04))
    assert ledger.spend(0.06, "a") == ledger, "publishing the same certificate again costs nothing"
    full = ledger.spend(0.04, "b")
    assert full.left == pytest.approx(0, abs=1e-12)
    for delta, key in ((0.05, "c"), (0.05, "a"), (0.0, "d"), (1.0, "e")):
        with pytest.raises(InputError):
            ledger.spend(delta, key)
    assert DeltaLedger.from_json(full.to_json()) == full
    with pytest.raises(InputError, match="total"):
        DeltaLedger(0.0)
    with pytest.raises(InputError, match="cannot be read"):
        DeltaLedger.from_json("{")


def test_suggested_deltas_never_run_out() -> None:
    ledger = DeltaLedger(0.1)
    for k in range(200):
        ledger = ledger.spend(ledger.suggested(), str(k))
    assert ledger.entries[0].delta == pytest.approx(0.0608, abs=1e-4)
    assert 0.0995 < ledger.spent < 0.1


def test_one_threshold_named_beforehand_takes_the_exact_test() -> None:
    right = np.ones(400, dtype=bool)
    right[[350, 380]] = False
    found = certify_threshold(LINE, right, LINE[200], target_error=0.05, delta=0.05)
    assert (found.n, found.errors, found.threshold) == (200, 2, LINE[200])
    assert found.bound == pytest.approx(clopper_pearson(2, 200, confidence=0.95, side="upper").high)
    strict = certify_threshold(LINE, right, LINE[360], target_error=0.05, delta=0.05)
    assert strict.threshold is None
    assert strict.bound is not None
    assert strict.bound > 0.05
    assert strict.labels_needed > 0


def test_a_ramp_takes_one_step_at_a_time_and_only_with_a_certificate() -> None:
    right = LINE > 0.5
    step = next_ramp_step(LINE, right, ramp=[0.8, 0.6, 0.4], current=None, target_error=0.05, delta=0.05)
    assert (step.threshold, step.taken) == (0.8, True)
    step = next_ramp_step(LINE, right, ramp=[0.8, 0.6, 0.4], current=0.8, target_error=0.05, delta=0.05)
    assert (step.threshold, step.taken) == (0.6, True)
    step = next_ramp_step(LINE, right, ramp=[0.8, 0.6, 0.4], current=0.6, target_error=0.05, delta=0.05)
    assert (step.threshold, step.taken) == (0.6, False)
    assert "not certified" in step.reason
    assert not next_ramp_step(LINE, right, ramp=[0.8], current=0.8, target_error=0.05, delta=0.05).taken
    with pytest.raises(InputError, match="falling"):
        next_ramp_step(LINE, right, ramp=[0.6, 0.8], current=None, target_error=0.05, delta=0.05)


def test_bounds_of_a_slider_share_delta_among_its_positions() -> None:
    right = LINE > 0.4
    grid = [0.35, 0.5, 0.7, 0.9, 1.0]
    frame = slider_bounds(LINE, right, grid, delta=0.05)
    n = int((LINE >= 0.5).sum())
    assert frame["n"][1] == n
    assert frame["bound"][1] == pytest.approx(1 - (0.05 / 4) ** (1 / n))
    assert frame["guarantee"].all()
    alone = slider_bounds(LINE, right, grid, delta=0.05, simultaneous=False)
    assert not alone["guarantee"].any()
    assert (alone["bound"][:4] < frame["bound"][:4]).all()
    assert (frame["bound"][4], frame["error"][4]) == (1.0, None)
    assert slider_bounds([], [], grid, delta=0.05)["bound"].to_list() == [1.0] * 5


def test_bounds_of_a_slider_hold_together() -> None:
    generator = np.random.default_rng(0)
    grid = np.linspace(0, 0.9, 10)
    missed = {True: 0, False: 0}
    for _ in range(200):
        confidence = generator.random(300)
        right = generator.random(300) >= 0.08
        for together in missed:
            frame = slider_bounds(confidence, right, grid, delta=0.1, simultaneous=together)
            missed[together] += bool((frame["bound"] < 0.08).any())
    assert missed[True] <= 31, "binomial band of delta .1"
    assert missed[False] > 35, "bounds that hold one by one do not hold together"


def test_weighted_slider_bounds_are_above_the_error() -> None:
    generator = np.random.default_rng(1)
    confidence = generator.random(4000)
    inclusion = np.where(confidence > 0.5, 0.2, 1.0)
    seen = generator.random(4000) < inclusion
    right = generator.random(4000) >= np.where(confidence > 0.5, 0.02, 0.3)
    frame = slider_bounds(confidence[seen], right[seen], [0.0, 0.5], delta=0.1, inclusion=inclusion[seen])
    assert frame["bound"][0] > 0.16
    assert 0.02 < frame["bound"][1] < 0.1
    assert frame["coverage"][1] == pytest.approx(0.5, abs=0.05)


def test_segments_are_certified_together_and_small_ones_pooled_or_reviewed() -> None:
    names = np.repeat(["big", "bad", "s1", "s2"], [800, 800, 30, 40])
    generator = np.random.default_rng(2)
    confidence = generator.random(names.size)
    right = (names != "bad") | (generator.random(names.size) < 0.5)
    pooled = choose_thresholds_by_segment(confidence, right, names, target_error=0.05, delta=0.05)
    assert pooled.pooled == ("s1", "s2")
    assert pooled.thresholds["bad"] is None
    assert pooled.thresholds["s1"] == pooled.thresholds["s2"] == pooled.results[POOL].threshold
    assert pooled.results["big"].delta == pytest.approx(0.05 / 3)
    assert pooled.results["bad"].delta == pytest.approx(0.025), "big passed everywhere and handed its share on"
    review = choose_thresholds_by_segment(confidence, right, names, target_error=0.05, delta=0.05, small="review")
    assert review.to_review == ("s1", "s2")
    assert review.thresholds["s1"] is None
    with pytest.raises(InputError, match="no entry"):
        choose_thresholds_by_segment(confidence, right, names, target_error={"big": 0.05}, delta=0.05)


def test_the_first_tier_that_is_sure_enough_answers() -> None:
    asked = np.array([[0.9, 0.1], [0.4, 0.9], [np.nan, 0.95], [0.4, 0.1], [np.nan, np.nan]])
    assert answering_tier(asked, [0.8, 0.9]).tolist() == [0, 1, 1, -1, -1]


def test_a_cascade_of_good_tiers_answers_and_one_of_bad_tiers_does_not() -> None:
    generator = np.random.default_rng(3)
    asked = generator.random((1500, 2))
    right = np.stack([generator.random(1500) < np.where(asked[:, 0] > 0.5, 0.99, 0.6), np.ones(1500) > 0], axis=1)
    found = choose_cascade_thresholds(asked, right, target_error=0.05, delta=0.1)
    assert found.coverage > 0.8
    assert found.bound is not None
    assert found.bound <= 0.05
    assert sum(found.tier_coverage) == pytest.approx(found.coverage)
    tier = answering_tier(asked, [np.inf if each is None else each for each in found.thresholds])
    assert np.mean(tier >= 0) == pytest.approx(found.coverage)
    hopeless = choose_cascade_thresholds(asked, np.zeros((1500, 2)), target_error=0.05, delta=0.1)
    assert (hopeless.thresholds, hopeless.bound, hopeless.coverage) == ((None, None), None, 0)
    empty = choose_cascade_thresholds(np.zeros((0, 2)), np.zeros((0, 2)), target_error=0.05, delta=0.1)
    assert empty.thresholds == (None, None)
    with pytest.raises(InputError, match="shape"):
        choose_cascade_thresholds(asked[:, 0], right[:, 0], target_error=0.05, delta=0.1)


def certified() -> tuple[ThresholdResult, ThresholdCertificate, DeltaLedger]:
    result = choose_threshold(LINE, np.ones(400), target_error=0.05, delta=0.05)
    certificate, ledger = issue_certificate(
        result,
        DeltaLedger(0.1),
        rows_digest=rows_digest(LINE, np.ones(400)),
        window_start=NOW - timedelta(days=30),
        window_end=NOW - timedelta(days=1),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=90),
        calibrator="platt-1",
        segment="law",
    )
    return result, certificate, ledger


def test_a_certificate_says_what_was_claimed_and_comes_back_from_json() -> None:
    result, certificate, ledger = certified()
    assert ThresholdCertificate.from_json(certificate.to_json()) == certificate
    assert (certificate.threshold, certificate.bound, certificate.n) == (result.threshold, result.bound, result.n)
    assert (certificate.delta_spent, certificate.delta_total) == (0.05, 0.1)
    assert ledger.left == pytest.approx(0.05)
    for words in ("at most 5.00%", "95.0% confidence", "disagreement with reviewers", "platt-1", "0.05 of 0.1 spent"):
        assert words in certificate.text()
    assert not certificate.expired(NOW + timedelta(days=89))
    assert certificate.expired(NOW + timedelta(days=90))


def test_a_certificate_that_was_changed_is_refused() -> None:
    text = certified()[1].to_json()
    with pytest.raises(InputError, match="changed"):
        ThresholdCertificate.from_json(text.replace('"target_error": 0.05', '"target_error": 0.01'))
    with pytest.raises(InputError, match="cannot be read"):
        ThresholdCertificate.from_json("{}")


def test_nothing_certified_or_nothing_left_makes_no_certificate() -> None:
    nothing = choose_threshold(LINE, np.zeros(400), target_error=0.05, delta=0.05)
    options = {
        "rows_digest": "",
        "window_start": NOW,
        "window_end": NOW,
        "issued_at": NOW,
        "expires_at": NOW + timedelta(days=1),
    }
    with pytest.raises(InputError, match="nothing was certified"):
        issue_certificate(nothing, DeltaLedger(0.1), **options)  # type: ignore[arg-type]
    something = choose_threshold(LINE, np.ones(400), target_error=0.05, delta=0.05)
    with pytest.raises(InputError, match="is left"):
        issue_certificate(something, DeltaLedger(0.04), **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expires"):
        issue_certificate(something, DeltaLedger(0.1), **options | {"expires_at": NOW})  # type: ignore[arg-type]


def test_the_digest_of_rows_does_not_depend_on_their_order() -> None:
    right = LINE > 0.5
    assert rows_digest(LINE, right) == rows_digest(LINE[::-1], right[::-1])
    assert rows_digest(LINE, right) != rows_digest(LINE, ~right)
    assert rows_digest(LINE, right, inclusion=np.full(400, 0.5)) != rows_digest(LINE, right)


def test_the_share_that_goes_out_has_an_interval_also_where_few_rows_carry_most_weight() -> None:
    right = np.ones(LINE.size)
    frame = slider_bounds(LINE, right, [0.0, 0.5, 1.0], delta=0.05)
    (low, share, high) = (
        frame.filter(frame["threshold"] == 0.5).select("coverage_low", "coverage", "coverage_high").row(0)
    )
    assert low < share < high
    chance = np.where(LINE >= 0.5, 0.05, 1.0)
    weighted = slider_bounds(LINE, right, [0.5], delta=0.05, inclusion=chance)
    assert weighted["coverage_low"][0] < weighted["coverage"][0] < weighted["coverage_high"][0]
    assert weighted["coverage"][0] > share
    none = slider_bounds([], [], [0.5], delta=0.05)
    assert (none["coverage_low"][0], none["coverage_high"][0]) == (0.0, 1.0)


def test_a_slider_on_many_weighted_rows_is_exact_on_some_of_them() -> None:
    """Betting on every row for every position once took minutes on 100,000 rows."""
    generator = np.random.default_rng(0)
    given = generator.random(20_000)
    chance = np.where(given > 0.8, 0.05, 1.0)
    seen = generator.random(given.size) < chance
    given, chance = given[seen], chance[seen]
    right = generator.random(given.size) < 0.9
    frame = slider_bounds(given, right, np.linspace(0, 1, 101), delta=0.05, inclusion=chance)
    inner = frame.filter(frame["n"] > 100)
    assert (inner["bound"] > 0.1).all()
    assert inner["bound"].min() < 0.17  # type: ignore[operator]
    assert (frame["effective_n"] <= frame["n"] + 1e-9).all()
