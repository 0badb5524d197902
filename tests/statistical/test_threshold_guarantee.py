"""The promise of `choose_threshold`, tried out on seeded worlds whose true error is known at every threshold.

Every world breaks the promise at most delta of the time, within a binomial band; the same harness catches a chooser
that takes the lowest threshold whose observed error looks good, and one that forgets how rows came to be labelled.
`make test ARGS="-m slow"` runs the full size.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from evals.cascade_worlds import cascade_rows
from evals.worlds import DELTA, TARGET, WORLDS, Floats, World, audited, edge, even, labels, naive_threshold, true_error
from hitl_core.calibration import choose_threshold, choose_thresholds_by_segment

Chooser = Callable[[Floats, NDArray[np.bool_], Floats, NDArray[np.int64], int], float | None]


def ours(
    confidence: Floats, right: NDArray[np.bool_], inclusion: Floats, group: NDArray[np.int64], seed: int, **options: str
) -> float | None:
    return choose_threshold(
        confidence,
        right,
        target_error=TARGET,
        delta=DELTA,
        inclusion=inclusion,
        groups=group,
        seed=seed,
        **options,  # type: ignore[arg-type]
    ).threshold


def naive(
    confidence: Floats, right: NDArray[np.bool_], inclusion: Floats, group: NDArray[np.int64], seed: int
) -> float | None:
    return naive_threshold(confidence, right)


def unweighted(
    confidence: Floats, right: NDArray[np.bool_], inclusion: Floats, group: NDArray[np.int64], seed: int
) -> float | None:
    return ours(confidence, right, np.ones_like(inclusion), group, seed)


def ungrouped(
    confidence: Floats, right: NDArray[np.bool_], inclusion: Floats, group: NDArray[np.int64], seed: int
) -> float | None:
    return ours(confidence, right, inclusion, np.arange(group.size), seed)


def violations(world: World, chooser: Chooser, runs: int) -> int:
    found = [chooser(*labels(world, seed), seed) for seed in range(runs)]
    return sum(true_error(world, each) > TARGET + 1e-9 for each in found if each is not None)


def most_allowed(runs: int) -> int:
    """Violations that a procedure of exactly this delta exceeds once in a thousand tries."""
    return int(stats.binom.ppf(0.999, runs, DELTA))


@pytest.mark.parametrize("name", WORLDS)
def test_the_promise_holds(name: str) -> None:
    assert violations(WORLDS[name], ours, 90) <= most_allowed(90)


@pytest.mark.parametrize("method", ["boundary", "development", "multi-start", "betting"])
@pytest.mark.parametrize("name", ["boundary, last step", "boundary, selective", "boundary, groups"])
def test_each_method_holds_it_by_itself(name: str, method: str) -> None:
    assert violations(WORLDS[name], functools.partial(ours, method=method), 60) <= most_allowed(60)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", WORLDS)
def test_the_promise_holds_in_a_thousand_worlds(name: str) -> None:
    assert violations(WORLDS[name], ours, 1000) <= most_allowed(1000)


@pytest.mark.parametrize("name", ["boundary, flat", "boundary, last step", "boundary, edge at .6"])
def test_the_harness_catches_a_chooser_that_believes_what_it_sees(name: str) -> None:
    assert violations(WORLDS[name], naive, 120) > 2 * most_allowed(120)


def test_the_harness_catches_mixed_labels_without_weights() -> None:
    world = World(4000, even, edge(0.6, 0.15, 0.01), audited)
    assert violations(world, unweighted, 60) > 2 * most_allowed(60)
    assert violations(world, ours, 60) <= most_allowed(60)


def test_the_harness_catches_copies_counted_as_evidence() -> None:
    assert violations(WORLDS["boundary, groups"], ungrouped, 120) > most_allowed(120)


@pytest.mark.parametrize("name", ["all wrong", "tiny"])
def test_nothing_is_promised_where_the_rows_cannot_carry_it(name: str) -> None:
    assert all(ours(*labels(WORLDS[name], seed), seed) is None for seed in range(40))


def test_the_boundary_is_used() -> None:
    """A chooser that never promises anything would pass everything above."""
    found = [ours(*labels(WORLDS["all right"], seed), seed) for seed in range(20)]
    assert np.mean([true_coverage(each) for each in found]) > 0.98
    found = [ours(*labels(WORLDS["good above .7"], seed), seed) for seed in range(60)]
    assert np.mean([true_coverage(each) for each in found]) > 0.15


def true_coverage(threshold: float | None) -> float:
    return 0.0 if threshold is None else 1 - threshold


def test_the_harness_catches_the_whole_delta_at_every_tier() -> None:
    (name, _, runs, ours, allowed, full, *_), *_ = cascade_rows(40)[0]
    assert name == "boundary"
    assert int(ours) <= int(allowed) < int(full)
    assert runs == 40


@pytest.mark.parametrize("bounds", [((0.0, 0.1), (0.0, 0.02)), ((0.1, 0.1), (0.02, 0.02))])
def test_reviewers_who_err_at_either_end_of_their_bounds_break_no_promise(
    bounds: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """The true error is just above the target; reviewers miss a tenth of it, and invent nothing or 2 %."""
    (low_missed, missed), (false_alarm, _) = bounds
    broken = 0
    for seed in range(100):
        generator = np.random.default_rng([seed, 5])
        wrong = generator.random(500) < TARGET + 0.0005
        said = np.where(wrong, generator.random(500) >= missed, generator.random(500) < false_alarm)
        found = choose_threshold(
            generator.random(500), ~said, target_error=TARGET, delta=DELTA, label_error=bounds, seed=seed
        )
        broken += found.threshold is not None
    assert low_missed <= missed
    assert broken <= most_allowed(100)


def test_segments_keep_the_promise_together() -> None:
    """Four segments just above the target: any certificate at all is a violation."""
    broken = 0
    for seed in range(100):
        generator = np.random.default_rng([seed, 6])
        found = choose_thresholds_by_segment(
            generator.random(800),
            generator.random(800) >= TARGET + 0.0005,
            np.arange(800) % 4,
            target_error=TARGET,
            delta=DELTA,
        )
        broken += any(each is not None for each in found.thresholds.values())
    assert broken <= most_allowed(100)
