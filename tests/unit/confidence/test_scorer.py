"""The trained scorer: by hand, refused at chance, round trips, reasons that are true."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from hitl_core.confidence.fitting import cross_validated_scores, fit_scorer
from hitl_core.confidence.reasons import FAMILIES, family_text, reasons_for
from hitl_core.confidence.scorer import FEATURES, Scorer, features_of
from hitl_core.confidence.signals import Signals, measure_texts
from hitl_core.domain.errors import InputError
from hitl_core.domain.records import Item

BY_HAND = Scorer(
    features=("coverage_1", "novel_numbers"),
    center=(0.5, math.log(2)),
    scale=(0.25, math.log(2)),
    weights=(1.0, -2.0),
    intercept=0.5,
    missing=(0.0, 0.0),
    penalty=1.0,
    n=100,
    positives=60,
    groups=100,
    auroc=0.8,
    auroc_low=0.7,
    auroc_high=0.9,
)


def world(n: int, *, strength: float, seed: int, group_size: int = 1) -> tuple[list[Signals], list[bool], list[int]]:
    """Outputs whose chance to be right depends on coverage and new numbers by `strength`."""
    rng = np.random.default_rng(seed)
    signals, right = [], []
    for _ in range(n):
        coverage, count = float(rng.uniform()), int(rng.poisson(0.7))
        signals.append(
            Signals(
                int(rng.integers(5, 80)), 200, coverage_1=coverage, support=float(rng.uniform()), novel_numbers=count
            )
        )
        right.append(bool(rng.uniform() < 1 / (1 + math.exp(-strength * (4 * coverage - 2 - count + 0.7)))))
    return signals, right, [row // group_size for row in range(n)]


def test_a_score_by_hand() -> None:
    # 0.5 + 1 · (0.75 - 0.5) / 0.25 - 2 · (log(1 + 3) - log 2) / log 2 = -0.5
    score = BY_HAND.score(Signals(9, 50, coverage_1=0.75, novel_numbers=3, numbers_listed=("1", "2", "3")))
    assert score.p == pytest.approx(1 / (1 + math.exp(0.5)))
    assert score.reasons == ("3 numbers not in any passage: 1, 2, 3", "75 % of the words are in the passages")
    assert score.effects == pytest.approx((-2.0, 1.0))


def test_a_missing_signal_counts_as_average() -> None:
    allowed = replace(BY_HAND, missing=(0.5, 0.5))
    assert allowed.score(Signals(9, 50)).p == pytest.approx(1 / (1 + math.exp(-0.5)))


def test_no_passages_where_the_fitted_rows_had_them_is_no_score() -> None:
    assert BY_HAND.score(Signals(9, 0)).p is None


def test_a_wild_value_counts_as_four_deviations() -> None:
    far = BY_HAND.score(Signals(9, 50, coverage_1=0.5, novel_numbers=10**9))
    assert far.p == pytest.approx(1 / (1 + math.exp(-(0.5 - 8.0))))


def test_it_learns_what_is_there_and_says_how_well() -> None:
    signals, right, groups = world(600, strength=1.0, seed=1)
    scorer = fit_scorer(signals, right, groups=groups)
    assert scorer.usable
    assert 0.5 < scorer.auroc_low < scorer.auroc < scorer.auroc_high <= 1
    weight = dict(zip(scorer.features, scorer.weights, strict=True))
    assert weight["coverage_1"] > 0.3
    assert weight["novel_numbers"] < -0.3
    assert any(line.startswith("more numbers not in any passage: less likely right") for line in scorer.describe())
    assert (scorer.n, scorer.positives, scorer.groups) == (600, sum(right), 600)


def test_it_agrees_with_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    signals, right, _ = world(300, strength=1.0, seed=2)
    scorer = fit_scorer(signals, right)
    values = np.asarray([features_of(each, scorer.features) for each in signals])
    standard = (values - np.asarray(scorer.center)) / np.asarray(scorer.scale)
    theirs = linear_model.LogisticRegression(C=1 / scorer.penalty, tol=1e-10, max_iter=10_000)
    theirs.fit(np.clip(standard, -4, 4), right)
    assert scorer.weights == pytest.approx(theirs.coef_[0], abs=1e-4)
    assert scorer.intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_it_is_refused_at_chance() -> None:
    refused = 0
    for seed in range(20):
        signals, right, groups = world(200, strength=0.0, seed=seed)
        scorer = fit_scorer(signals, right, groups=groups, seed=seed)
        refused += not scorer.usable
        if not scorer.usable:
            assert "no better than chance" in scorer.problem
            with pytest.raises(InputError, match="refused"):
                scorer.score(signals[0])
    assert refused >= 18


def test_copies_of_a_question_do_not_make_noise_look_like_skill() -> None:
    # Ten copies of each of 30 rows: without groups the copies are in train and test, and memory looks like skill.
    signals, right, _ = world(30, strength=0.0, seed=5)
    groups = [row // 10 for row in range(300)]
    copied = fit_scorer([signals[each] for each in groups], [right[each] for each in groups], groups=groups)
    assert not copied.usable


def test_no_group_is_in_train_and_test() -> None:
    # Labels by group at random: whoever saw one row of a group knows the others, by a signal that names the group.
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 40)
    groups = [row // 5 for row in range(200)]
    signals = [Signals(9, 50, coverage_1=0.5, retrieval_mean=float(labels[each] * 0 + each)) for each in groups]
    scores = cross_validated_scores(signals, [bool(labels[each]) for each in groups], groups=groups)
    for group in range(40):
        assert len(set(np.round(scores[group * 5 : group * 5 + 5], 9))) == 1


@pytest.mark.parametrize(
    ("n", "labels", "said"),
    [
        (49, [True, False] * 25, "at least 50 labelled rows, there are 49"),
        (60, [True] * 60, "at least 10 rows labelled wrong, there are 0"),
        (60, [False] * 55 + [True] * 5, "at least 10 rows labelled right, there are 5"),
    ],
)
def test_too_little_is_refused_with_what_is_needed(n: int, labels: list[bool], said: str) -> None:
    signals, _, _ = world(n, strength=1.0, seed=0)
    with pytest.raises(InputError, match=said):
        fit_scorer(signals, labels[:n])


def test_one_question_asked_over_and_over_is_too_little() -> None:
    signals, right, _ = world(80, strength=1.0, seed=0)
    with pytest.raises(InputError, match="at least 10 groups"):
        fit_scorer(signals, right, groups=["same"] * 80)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match="same length"):
        fit_scorer([Signals(1, 1)], [])


def test_the_same_rows_give_the_same_scorer_in_any_process() -> None:
    signals, right, groups = world(120, strength=1.0, seed=4, group_size=3)
    first, second = (fit_scorer(signals, right, groups=groups, seed=7) for _ in range(2))
    assert first.to_json() == second.to_json()


def test_json_comes_back_as_the_same_scorer() -> None:
    signals, right, _ = world(120, strength=1.0, seed=4)
    scorer = fit_scorer(signals, right)
    again = Scorer.from_json(scorer.to_json())
    assert again == scorer
    assert again.score(signals[0]) == scorer.score(signals[0])


@pytest.mark.parametrize(
    "change",
    [
        {"format": "pickle"},
        {"version": 2},
        {"weights": [1.0]},
        {"weights": None},
        {"scale": [0.0, 1.0]},
        {"features": ["coverage_1", "nonsense"]},
        {"intercept": "high"},
        {"n": None},
    ],
)
def test_broken_json_is_refused(change: dict[str, object]) -> None:
    body = json.loads(BY_HAND.to_json()) | change
    with pytest.raises(InputError):
        Scorer.from_json(json.dumps(body))
    for text in ("", "[]", "{", "null"):
        with pytest.raises(InputError):
            Scorer.from_json(text)


def test_every_feature_is_a_signal_and_has_words() -> None:
    signals = measure_texts("Which guest?", ["Ann came in 1999."], "Bob came in 2001, not Ann.", retrieval_scores=[0.3])
    assert set(FEATURES) <= set(signals.as_mapping())
    for family in FAMILIES:
        assert family_text(family, signals)


def test_reasons_are_true_of_the_text() -> None:
    item = Item(query="Who?", context=["Ann came in 1999."], output="Ann came in 1999 with 42 men, in 1987.")
    assert reasons_for(item)[0] == "2 numbers not in any passage: 42, 1987"
    clean = item.model_copy(update={"output": "Ann came in 1999."})
    assert reasons_for(clean) == ()
    assert reasons_for(item.model_copy(update={"context": ()})) == ("there is no passage to compare with",)


def test_a_share_is_not_rounded_into_a_lie() -> None:
    almost = Signals(1000, 50, coverage_1=0.999, novel_numbers=0)
    assert family_text("coverage", almost) == "over 99 % of the words are in the passages"


def test_more_than_eight_are_counted_but_not_all_named() -> None:
    signals = measure_texts("", ["a b c"], ", ".join(str(each) for each in range(100, 120)))
    assert family_text("numbers", signals) == (
        "20 numbers not in any passage: 100, 101, 102, 103, 104, 105, 106, 107, …"
    )
