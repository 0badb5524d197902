"""Raters' rates with the doubt about the truth in their intervals; settled truths; judges seen through a sample."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hitl_core.agreement import ConsensusResult, dawid_skene, judge_against_people, majority_vote, rater_rates
from hitl_core.domain.errors import InputError
from hitl_core.stats import wilson

RATERS, ITEMS, EACH = 8, 400, 3


def votes(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["task_id", "rater_id", "label"], orient="row")


def world(seed: int) -> tuple[pl.DataFrame, list[str], np.ndarray, np.ndarray]:
    """Votes of three of eight raters an item, the truth, and each rater's sensitivity and specificity."""
    generator = np.random.default_rng(seed)
    rates = generator.uniform([[0.75], [0.6]], [[0.97], [0.92]], (2, RATERS))
    truth = generator.random(ITEMS) < 0.75
    rater = np.argsort(generator.random((ITEMS, RATERS)), axis=1)[:, :EACH]
    found = generator.random(rater.shape) < np.where(truth[:, None], rates[0, rater], rates[1, rater])
    said = np.where(found, truth[:, None], ~truth[:, None])
    task = np.repeat(np.arange(ITEMS), EACH)
    words = [["wrong", "right"][each] for each in said.ravel().tolist()]
    frame = pl.DataFrame({"task_id": task, "rater_id": rater.ravel(), "label": words})
    return frame, [["wrong", "right"][each] for each in truth.tolist()], *rates


def test_intervals_cover_the_rates_at_their_level() -> None:
    covered = []
    for seed in range(30):
        frame, _, *rates = world(seed)
        found = rater_rates(frame, dawid_skene(frame, smoothing=0.5), positive="right", smoothing=0.5)
        for name, true in zip(("sensitivity", "specificity"), rates, strict=True):
            ends = [found[f"{name}_{end}"].to_numpy() for end in ("low", "high")]
            covered.append((ends[0] <= true) & (true <= ends[1]))
    # 480 intervals; a true coverage of .95 gives less than .92 or more than .98 about once in a thousand.
    assert 0.92 < np.mean(covered) < 0.98


def test_a_known_truth_gives_the_counts_and_nearly_the_exact_interval() -> None:
    rows = [(task, "a", "right" if task < 45 else "wrong") for task in range(50)]
    rows += [(task, "a", "wrong" if task < 95 else "right") for task in range(50, 100)]
    known = {task: "right" if task < 50 else "wrong" for task in range(100)}
    frame = votes(rows)
    fit = dawid_skene(frame, known=known)
    assert fit.confusion["a"] == pytest.approx(np.array([[45 / 50, 5 / 50], [5 / 50, 45 / 50]]), abs=1e-9)
    assert fit.labels == known
    found = rater_rates(frame, fit, positive="right").row(0, named=True)
    assert (found["sensitivity"], found["positives"]) == (pytest.approx(0.9), pytest.approx(50))
    exact = wilson(45, 50)
    assert found["sensitivity_low"] == pytest.approx(exact.low, abs=0.02)
    assert found["sensitivity_high"] == pytest.approx(exact.high, abs=0.02)


def test_what_a_senior_settled_teaches_who_errs() -> None:
    rows = [(task, who, "right" if task % 2 else "wrong") for task in range(40) for who in ("a", "b")]
    rows += [(task, who, {"a": "right", "b": "wrong"}[who]) for task in range(40, 60) for who in ("a", "b")]
    frame = votes(rows)
    unsettled = dawid_skene(frame, smoothing=0.5)
    assert unsettled.competence["a"] == pytest.approx(unsettled.competence["b"], abs=0.05)
    fit = dawid_skene(frame, smoothing=0.5, known=dict.fromkeys(range(40, 60), "right"))
    assert fit.competence["a"] > fit.competence["b"] + 0.15
    assert fit.raters == ("a", "b")
    assert set(fit.confusion) == {"a", "b"}
    assert fit.labels[50] == "right"


def test_two_raters_alone_tell_no_rates() -> None:
    frame = votes([(task, who, "right" if (task + (who == "b") * (task % 7 == 0)) % 3 else "wrong")
                   for task in range(90) for who in ("a", "b")])  # fmt: skip
    found = rater_rates(frame, dawid_skene(frame), positive="right")
    assert (found["sensitivity_high"] - found["sensitivity_low"] > 0.5).all()


def test_order_and_names_do_not_matter() -> None:
    frame, *_ = world(1)
    again = frame.sample(fraction=1.0, shuffle=True, seed=3).with_columns(
        pl.col("rater_id") + 100, pl.col("label").replace({"right": "zz", "wrong": "aa"})
    )
    one = rater_rates(frame, dawid_skene(frame, smoothing=0.5), positive="right", smoothing=0.5)
    other = rater_rates(again, dawid_skene(again, smoothing=0.5), positive="zz", smoothing=0.5)
    assert other.drop("rater_id").to_numpy() == pytest.approx(one.drop("rater_id").to_numpy(), abs=1e-6)


def test_known_labels_that_no_vote_names_are_ignored() -> None:
    frame, *_ = world(2)
    plain = dawid_skene(frame)
    told = dawid_skene(frame, known={-1: "right", 0: "neither"})
    assert told.posterior == pytest.approx(plain.posterior)


def test_rates_need_two_classes() -> None:
    frame = votes([(0, "a", "right"), (1, "a", "right")])
    fit: ConsensusResult = majority_vote(frame)
    with pytest.raises(InputError, match="two classes"):
        rater_rates(frame, fit, positive="right")


def test_a_judge_is_measured_as_if_all_its_verdicts_had_been_looked_at() -> None:
    # People saw all 40 it refused and a tenth of the 400 it accepted; 4 of those 40 were wrong.
    people = ["wrong"] * 30 + ["right"] * 10 + ["right"] * 36 + ["wrong"] * 4
    judge = ["wrong"] * 40 + ["right"] * 40
    weights = [1.0] * 40 + [10.0] * 40
    found = judge_against_people(people, judge, positive="right", weights=weights)
    assert found.tpr == pytest.approx(360 / 370)
    assert found.tnr == pytest.approx(30 / 70)
    effective = 440**2 / (40 + 40 * 100)
    assert found.kappa.n == int(effective)
    assert found.kappa.base_rate == pytest.approx((400 + 370) / 880)
    even = judge_against_people(people, judge, positive="right", weights=[2.0] * 80)
    plain = judge_against_people(people, judge, positive="right")
    assert even.tpr == pytest.approx(plain.tpr)
    assert even.tnr == pytest.approx(plain.tnr)
    assert even.kappa.low == pytest.approx(plain.kappa.low)
    with pytest.raises(InputError, match="positive numbers"):
        judge_against_people(people, judge, positive="right", weights=[0.0] * 80)
