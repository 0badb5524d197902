"""A weighted panel: worth by being right, no double counting, and the best member unless the panel is better."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.judging.panel.fitting import fit_panel, folds_by_group, paired_gain
from hitl_core.judging.panel.panel import Member, Panel

WORDS = np.array(["reject", "approve"])


def world(rows: int = 3000, seed: int = 0, **accuracy: float) -> tuple[dict[str, list[str]], np.ndarray]:
    """Members that are independent given the truth, each right at its own rate."""
    draw = np.random.default_rng(seed)
    right = draw.random(rows) < 0.55
    votes = {name: WORDS[(right ^ (draw.random(rows) > rate)).astype(int)].tolist() for name, rate in accuracy.items()}
    return votes, right


def weight(panel: Panel, name: str) -> float:
    member = next(each for each in panel.members if each.name == name)
    return member.approve - member.reject


def test_better_members_weigh_more_and_a_useless_one_nothing() -> None:
    votes, right = world(good=0.85, fair=0.75, coin=0.5)
    panel = fit_panel(votes, right)
    assert weight(panel, "good") > weight(panel, "fair") > 0.5
    assert abs(weight(panel, "coin")) < 0.05


def test_independent_members_get_the_weights_of_bayes() -> None:
    votes, right = world(rows=40_000, a=0.8, b=0.8, c=0.8, d=0.8)
    panel = fit_panel(votes, right)
    for name in "abcd":
        assert weight(panel, name) == pytest.approx(2 * np.log(0.8 / 0.2), rel=0.06)
    assert panel.uses == "panel"
    assert panel.gain == pytest.approx(0.9037 - 0.8, abs=0.01)  # 3 or 4 of 4 right, and half of the ties
    assert 0 < panel.gain_low < panel.gain < panel.gain_high
    p = panel.probability({"a": "approve", "b": "approve", "c": "approve", "d": "reject"})
    assert p == pytest.approx(0.55 * 16 / (0.55 * 16 + 0.45), abs=0.02)


def test_a_member_that_is_there_three_times_is_not_counted_three_times() -> None:
    votes, right = world(a=0.8, b=0.75)
    single = fit_panel(votes, right)
    copied = fit_panel({**votes, "a2": votes["a"], "a3": votes["a"]}, right)
    together = sum(weight(copied, name) for name in ("a", "a2", "a3"))
    assert together == pytest.approx(weight(single, "a"), rel=0.1)
    assert weight(copied, "a") == pytest.approx(weight(copied, "a2"), rel=1e-3)
    assert weight(copied, "b") == pytest.approx(weight(single, "b"), rel=0.1)


def test_three_copies_do_not_outvote_a_better_member() -> None:
    votes, right = world(expert=0.9, weak=0.6)
    panel = fit_panel({**votes, "weak2": votes["weak"], "weak3": votes["weak"]}, right)
    ballots = {"expert": "reject", "weak": "approve", "weak2": "approve", "weak3": "approve"}
    assert (panel.probability(ballots) or 0.0) < 0.5  # type: ignore[arg-type]


def test_members_in_another_order_make_the_same_panel() -> None:
    votes, right = world(rows=500, a=0.8, b=0.7, c=0.6)
    assert fit_panel(votes, right).to_json() == fit_panel(dict(reversed(votes.items())), right).to_json()


def test_rows_in_another_order_make_the_same_panel() -> None:
    votes, right = world(rows=400, a=0.8, b=0.7)
    groups = np.arange(400) // 4
    order = np.random.default_rng(1).permutation(400)
    shuffled = {name: [row[at] for at in order] for name, row in votes.items()}
    one, other = fit_panel(votes, right, groups), fit_panel(shuffled, right[order], groups[order])
    assert (one.uses, one.best) == (other.uses, other.best)
    assert one.gain == pytest.approx(other.gain)
    assert one.gain_low == pytest.approx(other.gain_low)
    assert [m.approve for m in one.members] == pytest.approx([m.approve for m in other.members], abs=1e-4)


def test_without_a_gain_beyond_doubt_the_best_member_decides_alone() -> None:
    votes, right = world(rows=600, expert=0.95, coin=0.5, other=0.5)
    panel = fit_panel(votes, right)
    assert (panel.uses, panel.best) == ("best", "expert")
    assert panel.gain_low <= 0
    sure = panel.probability({"expert": "approve", "coin": "reject", "other": "reject"})
    assert sure is not None
    assert sure == pytest.approx(0.95, abs=0.03)
    assert panel.probability({"coin": "approve"}) is None


def test_abstentions_say_nothing_and_strangers_are_not_heard() -> None:
    votes, right = world(rows=4000, a=0.8, b=0.8, c=0.8)
    votes["a"][:1000] = ["abstain"] * 1000
    panel = fit_panel(votes, right)
    assert panel.uses == "panel"
    assert panel.probability({}) == pytest.approx(0.55, abs=0.06)
    assert panel.probability({"stranger": "approve"}) == panel.probability({})


def test_dependent_rows_make_the_interval_wider() -> None:
    votes, right = world(rows=400, a=0.8, b=0.8, c=0.8)
    repeated = {name: row * 5 for name, row in votes.items()}
    wide = fit_panel(repeated, np.tile(right, 5), np.tile(np.arange(400), 5))
    naive = fit_panel(repeated, np.tile(right, 5))
    assert wide.gain_high - wide.gain_low > 1.5 * (naive.gain_high - naive.gain_low)


def test_the_paired_interval_by_hand() -> None:
    estimate = paired_gain([1, 1, 0, 1], [1, 0, 0, 0], ["a", "a", "b", "b"])
    assert estimate.value == 0.5
    assert (estimate.low, estimate.high) == (0.5, 0.5)


def test_a_group_is_in_one_fold_only() -> None:
    groups = np.repeat(np.arange(40), 3)
    folds = folds_by_group(groups, 5, seed=3)
    assert np.array(folds).sum(axis=0).tolist() == [1] * 120
    for fold in folds:
        assert not set(groups[fold]) & set(groups[~fold])


def test_json_there_and_back() -> None:
    votes, right = world(rows=300, a=0.8, b=0.7)
    panel = fit_panel(votes, right)
    again = Panel.from_json(panel.to_json())
    assert again == panel
    assert again.digest() == panel.digest()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"format": "other"}', '{"format": "hitl-panel", "version": 1}', "[" * 100_000]
)
def test_other_text_is_no_panel(text: str) -> None:
    with pytest.raises(InputError, match="not"):
        Panel.from_json(text)


@pytest.mark.parametrize(
    ("key", "value"), [("base_rate", 0), ("best", "nobody"), ("uses", "magic"), ("offset", "inf"), ("members", [])]
)
def test_a_panel_with_impossible_numbers_is_refused(key: str, value: object) -> None:
    votes, right = world(rows=300, a=0.8, b=0.7)
    body = json.loads(fit_panel(votes, right).to_json())
    with pytest.raises(InputError):
        Panel.from_json(json.dumps({**body, key: value}))


def test_an_unknown_member_is_refused_by_name() -> None:
    member = Member("a", 0.8, 0.8, 1.0, -1.0, 10)
    panel = Panel((member,), 0.0, 0.5, "best", "a", 0.0, 0.0, 0.0, 10, 10)
    with pytest.raises(InputError, match="no member 'b'"):
        panel.alone("b", "approve")
    assert panel.alone("a", "approve") == pytest.approx(0.8)
    assert panel.alone("a", "reject") == pytest.approx(0.2)


REFUSED = [
    ({"a": ["approve"] * 30}, [1, 0] * 15, "two or more"),
    ({"a": ["approve"] * 30, "b": ["approve"] * 29}, [1, 0] * 15, "one vote for each"),
    ({"a": ["approve"] * 30, "b": ["maybe"] * 30}, [1, 0] * 15, "'maybe'"),
    ({"a": ["approve"] * 30, "b": ["approve"] * 30}, [1] * 30, "both must occur"),
    ({"a": ["approve"] * 30, "b": ["approve"] * 30}, [1, 2] * 15, "true or false"),
    ({"a": ["approve"] * 10, "b": ["approve"] * 10}, [1, 0] * 5, "at least 20 groups"),
]


@pytest.mark.parametrize(("votes", "right", "message"), REFUSED)
def test_rows_that_cannot_be_fitted_are_refused(votes: dict[str, list[str]], right: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_panel(votes, right)
