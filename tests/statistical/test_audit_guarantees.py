"""What audits promise, tried out on seeded worlds: coverage at every look, false alarms, delays, what predictions gain.

`make guarantees` prints the figures at full size; the long tests here (`-m long`) run 2,000 replays.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from evals.audit_guarantees import (
    CONSTANT,
    coverage_rows,
    delay,
    gain_rows,
    looked_at_daily,
    selective_rows,
)
from hitl_core.audit import BreachMonitor, estimate_error
from hitl_core.domain.policy import Policy
from hitl_core.integrations.demo import load_demo
from hitl_core.integrations.demo_history import history, history_policies
from hitl_core.integrations.demo_truth import cells, true_values
from hitl_core.routing.router import route

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DEMO_POLICY = Policy.from_toml("threshold = 0.8\naudit.rate = 0.25\ndefault_rules = false")


def allowed(runs: int, level: float = 0.95) -> float:
    """The share of covering intervals below which a level is refuted, once in a thousand times."""
    return float(stats.binom.ppf(0.001, runs, level)) / runs


@pytest.mark.parametrize(("runs"), [200, pytest.param(2000, marks=pytest.mark.long)])
def test_a_confidence_sequence_covers_at_every_look(runs: int) -> None:
    rows = coverage_rows(runs)
    assert len(rows) == len(CONSTANT)
    assert min(float(row[-1]) for row in rows) >= max(0.94, allowed(runs))


@pytest.mark.parametrize(("runs"), [40, pytest.param(2000, marks=pytest.mark.long)])
def test_daily_looks_at_the_sequence_itself(runs: int) -> None:
    held = sum(looked_at_daily(seed, 0.03) for seed in range(runs))
    assert held / runs >= min(0.94, allowed(runs))


def test_the_naive_estimate_is_wrong_and_the_weighted_one_right() -> None:
    naive, weighted = selective_rows(200)
    _, _, mean, truth, covers = naive
    assert float(mean) > float(truth) + 0.03
    assert float(covers) < 0.3
    _, _, mean, truth, covers = weighted
    assert float(mean) == pytest.approx(float(truth), abs=0.005)
    assert float(covers) >= allowed(200)


def test_the_demos_known_truth_is_covered_at_the_level() -> None:
    """Over repetitions of the synthetic history with perfect reviewers, routed and audited by the product's router."""
    items, labels = load_demo()
    truth = 1 - true_values(cells(history_policies()))["accuracy_of_outputs"]
    runs, held, naive_held = 60, 0, 0
    for seed in range(runs):
        secret = f"repetition {seed} of the demo".encode()
        rows = []
        for step in history(items, labels, now=NOW, outputs=580, seed=seed):
            decision = route(step.item, DEMO_POLICY, policy_version=1, now=step.at, audit_secret=secret)
            if decision.needs_human or decision.audited:
                rows.append((step.correct, decision.inclusion_probability))
        found = estimate_error(*zip(*rows, strict=True))
        held += found.interval.low <= truth <= found.interval.high
        naive_held += found.naive.low <= truth <= found.naive.high
    assert held / runs >= allowed(runs)
    assert naive_held / runs < 0.5


def test_false_alarms_are_as_rare_as_stated() -> None:
    """At the target itself, where they come soonest: the mean run is at least as long as promised."""
    runs, length = 60, 200
    lengths = []
    for seed in range(runs):
        generator, monitor = np.random.default_rng([seed, 9]), BreachMonitor(target=0.05, run_length=length)
        row = 1
        while not monitor.update(float(generator.random() < 0.05)) and row < 20 * length:
            row += 1
        lengths.append(row)
    assert np.mean(lengths) >= length


@pytest.mark.parametrize(
    ("kind", "most"),
    [((0.02, 0.06, 0.03, 200), 500), ((0.02, 0.20, 0.05, 200), 70), ((0.03, 0.15, 0.05, 1000), 139)],
)
def test_breaks_are_found_soon(kind: tuple[float, float, float, int], most: int) -> None:
    """The last one: a cumulative monitor needs 1,390 audits after a thousand good ones; a tenth of that is asked."""
    found = [delay(seed, *kind) for seed in range(40)]
    assert found.count(None) <= 2
    assert np.mean([each for each in found if each is not None]) <= most


@pytest.mark.parametrize(("runs"), [150, pytest.param(1000, marks=pytest.mark.long)])
def test_predictions_gain_what_theory_says_and_the_interval_covers(runs: int) -> None:
    for row in gain_rows(runs):
        gain, theory, covers = (float(each) for each in row[4:7])
        assert gain == pytest.approx(theory, rel=0.15)
        assert covers >= min(0.94, allowed(runs))
