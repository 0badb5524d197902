"""The demo's world has a known truth; over repetitions, what pages show covers it as often as stated.

Each repetition is the whole history of 3,000 outputs with other draws and other coins. An interval covers when the true
value is in it; a level is refuted when so few do as happens once in a thousand times. What is true is what reviewers'
labels would say of all outputs (data/README.md says how far that is from the outputs' own truth).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from hitl_core.audit import ConfidenceSequence, estimate_error
from hitl_core.calibration import (
    choose_threshold,
    debiased_calibration_error,
    expected_calibration_error,
    reliability_table,
    slider_bounds,
)
from hitl_core.domain.policy_cost import Prices
from hitl_core.integrations import demo_truth
from hitl_core.integrations.demo_truth import DOMAINS, REVIEWERS, mean
from hitl_core.reports.cost import cost_curve
from hitl_core.reports.labels import opinions
from hitl_core.reports.metrics import compute_figures
from hitl_core.reports.raters.opinions import rater_frame
from hitl_core.reports.raters.report import agreement_report
from hitl_core.store.frames.facts import packed_types
from hitl_core.store.frames.raters import VERDICTS
from tests.statistical.demo_worlds import World, free_population, population, truth_of, world

pytestmark = pytest.mark.timeout(1800)
FIGURES = (*("human_review_rate", "auto_approval_rate", "correction_rate", "accuracy", "escaped_error_rate", "f1"),)
BINS = 10
POSITIONS = (0.7, 0.8, 0.85, 0.9, 0.95)
PRICES = Prices()
TARGET = 0.05
NOBODY = pl.DataFrame(schema=packed_types(VERDICTS))
Held = Iterator[tuple[str, bool]]
"""What was asked about, and whether its interval covers the truth."""


def allowed(runs: int, level: float = 0.95) -> float:
    """The share of covering intervals below which a level is refuted, once in a thousand times."""
    return float(stats.binom.ppf(0.001, runs, level)) / runs


def figures_of_periods(drawn: World) -> Held:
    """Overview and Trends: all, by policy version, by domain, by model."""
    for by in (None, "policy_version", "domain", "model"):
        found = compute_figures(drawn.facts, by=by).filter(pl.col("metric").is_in(FIGURES))
        for group, metric, low, high in found.select("group", "metric", "low", "high").iter_rows():
            true = truth_of(by, str(group))[metric]
            yield f"{metric} by {by}" if by else metric, low <= true <= high


def seconds_of_reviewers(drawn: World) -> Held:
    """Trends: the median time to review."""
    found = compute_figures(drawn.facts, by="reviewer").filter(pl.col("metric") == "review_seconds_median")
    medians = {who.name: who.median_seconds for who in REVIEWERS}
    for name, low, high in found.select("group", "low", "high").iter_rows():
        yield "review_seconds_median", low <= medians[name] <= high


def calibration(drawn: World) -> Held:
    """Calibration: the bins of the curve, and the errors that sum them up."""
    confidence, right, inclusion = drawn.arrays()
    weights = 1 / inclusion
    table = reliability_table(confidence, right, weights=weights, bins=BINS)
    for low, high, at_least, at_most in table.select(
        "bin_low", "bin_high", "accuracy_low", "accuracy_high"
    ).iter_rows():
        yield "bins", at_least <= accuracy_between(low, high) <= at_most
    true = demo_truth.true_calibration_error(free_population(), BINS)
    for measure in (expected_calibration_error, debiased_calibration_error):
        found = measure(confidence, right, weights=weights, bins=BINS)
        yield measure.__name__, found.low <= true <= found.high


def audits(drawn: World) -> Held:
    """Audit: what slipped through, by domain, at one look and at the last of all looks."""
    rows = drawn.labelled.filter(pl.col("inclusion") < 1).sort("number")
    for domain in DOMAINS:
        part = rows.filter(pl.col("domain") == domain)
        true = truth_of("domain", domain)["escaped_error_rate"]
        found = estimate_error(part["right"].to_numpy(), part["inclusion"].to_numpy())
        yield "escaped errors", found.interval.low <= true <= found.interval.high
        sequence = ConfidenceSequence(confidence=0.95, min_inclusion=min(part["inclusion"].to_list(), default=1.0))
        for right, inclusion in part.select("right", "inclusion").iter_rows():
            sequence.update(1.0 - right, inclusion)
        yield "confidence sequence", sequence.interval.low <= true <= sequence.interval.high


def thresholds(drawn: World) -> Held:
    """Calibration: the threshold that is found, and the bounds beside the slider (all of them at once)."""
    confidence, right, inclusion = drawn.arrays()
    kept = drawn.labelled["number"].to_numpy() % 3 > 0  # the labels of the others would fit a calibrator
    found = choose_threshold(confidence[kept], right[kept], target_error=TARGET, delta=0.05, inclusion=inclusion[kept])
    yield "certified", found.threshold is None or error_from(found.threshold) <= TARGET
    yield "something was certified", found.threshold is not None
    grid = slider_bounds(confidence, right, POSITIONS, delta=0.05, inclusion=inclusion)
    pairs = grid.select("threshold", "bound").iter_rows()
    yield "bounds of the slider", all(error_from(threshold) <= bound for threshold, bound in pairs)


def costs(drawn: World) -> Held:
    """Cost: the band around the cost at a threshold, each for itself."""
    confidence, right, inclusion = drawn.arrays()
    frame = cost_curve(confidence, right, prices=PRICES, weights=1 / inclusion).frame
    for position in POSITIONS:
        row = frame.filter(pl.col("threshold") >= position).row(0, named=True)
        true = demo_truth.true_cost(free_population(), position, PRICES)
        yield "cost", row["low"] <= true <= row["high"]


def agreement(drawn: World) -> Held:
    """Agreement: kappa of each two reviewers, and how often each is right about right and about wrong outputs."""
    report = agreement_report(rater_frame(opinions(drawn.reviews), NOBODY))
    by_name = {who.name: who for who in REVIEWERS}
    kappas = {
        frozenset((one.name, other.name)): demo_truth.true_kappa(population(), one, other)
        for one, other in combinations(REVIEWERS, 2)
    }
    for one, other, low, high in report.pairs.select("rater_a", "rater_b", "low", "high").iter_rows():
        yield "kappa", low is None or low <= kappas[frozenset((one, other))] <= high
    for row in report.raters.iter_rows(named=True):
        who = by_name[row["rater_id"]]
        yield "sensitivity", row["sensitivity_low"] <= 1 - who.false_alarm_rate <= row["sensitivity_high"]
        yield "specificity", row["specificity_low"] <= 1 - who.miss_rate <= row["specificity_high"]


PAGES = (figures_of_periods, seconds_of_reviewers, calibration, audits, thresholds, costs, agreement)


def accuracy_between(low: float, high: float) -> float:
    top = high >= 1
    return mean(
        free_population(),
        lambda cell: cell.labelled,
        lambda cell: low <= cell.confidence < high or (top and cell.confidence >= low),
    )


def error_from(threshold: float) -> float:
    return 1 - mean(free_population(), lambda cell: cell.labelled, lambda cell: cell.confidence >= threshold)


def coverage(runs: int) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for seed in range(1000, 1000 + runs):
        drawn = world(seed)
        for page in PAGES:
            for name, held in page(drawn):
                found[name].append(held)
    return dict(found)


@pytest.fixture(scope="module", params=[16, pytest.param(300, marks=pytest.mark.long)], ids=["16 worlds", "300 worlds"])
def held(request: pytest.FixtureRequest) -> dict[str, list[bool]]:
    return coverage(request.param)


def test_what_pages_show_covers_the_truth_as_often_as_stated(held: dict[str, list[bool]]) -> None:
    refuted = {
        name: f"{np.mean(each):.3f} of {len(each)}" for name, each in held.items() if np.mean(each) < allowed(len(each))
    }
    assert not refuted
    assert {"accuracy", "escaped_error_rate by domain", "bins", "kappa", "cost", "specificity", "certified"} <= set(
        held
    )


def test_a_lead_finds_a_threshold_in_nearly_every_world(held: dict[str, list[bool]]) -> None:
    """For at most 5 % of errors at 95 %, from the labels of two thirds of the questions."""
    assert np.mean(held["something was certified"]) >= 0.9


def test_the_band_refutes_a_count_that_forgets_the_weights() -> None:
    """Of reviewed and audited outputs together, far more are wrong than of all outputs."""
    true = truth_of(None, "all")["accuracy"]
    naive = []
    for seed in range(2000, 2006):
        right = world(seed).labelled["right"].to_numpy()
        found = estimate_error(right, np.ones(right.size))
        naive.append(found.interval.low <= 1 - true <= found.interval.high)
    assert np.mean(naive) < allowed(len(naive))
