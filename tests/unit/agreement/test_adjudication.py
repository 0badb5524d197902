"""What follows from several opinions: by hand first, then properties."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.agreement.adjudication import Opinion, Stakes, settle, worth_another

STAKES = Stakes(opinion_cost=2.0, error_cost=20.0, rater_accuracy=0.87)


def opinions(*verdicts: str) -> list[Opinion]:
    return [Opinion(f"r{n}", verdict) for n, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "status", "rule"),
    [
        (["approve", "approve"], "settled", "unanimous"),
        (["approve", "reject"], "adjudicate", None),
        (["approve", "approve", "reject"], "settled", "majority"),
        (["approve", "edit", "reject"], "adjudicate", None),
        (["approve", "approve", "reject", "reject"], "adjudicate", None),
        (["edit"] * 3 + ["approve"] * 2, "settled", "majority"),
        (["edit"] * 4 + ["approve"] * 3, "adjudicate", None),  # 4 of 7 is .57, below .6
    ],
)
def test_unanimous_majority_or_a_senior(verdicts: list[str], status: str, rule: str | None) -> None:
    found = settle(opinions(*verdicts), wanted=len(verdicts))
    assert (found.status, found.rule, found.n) == (status, rule, len(verdicts))


def test_nothing_is_settled_before_everybody_who_was_asked_has_answered() -> None:
    assert settle(opinions("approve", "approve"), wanted=3).status == "waiting"
    assert settle([], wanted=2).status == "waiting"


def test_two_classes_are_two_stances_though_the_verdict_is_one() -> None:
    given = [Opinion("a", "edit", "spam"), Opinion("b", "edit", "ham")]
    assert settle(given, wanted=2).status == "adjudicate"


def test_of_several_edits_the_most_typical_one_holds() -> None:
    texts = ["refunds take thirty days", "we never refund", "refunds take thirty working days"]
    given = [Opinion(f"r{n}", "edit", output=text) for n, text in enumerate(texts)]
    assert settle(given, wanted=3).winner == 0
    assert settle(given[1:] + given[:1], wanted=3).winner in (1, 2)


def test_another_opinion_is_asked_for_only_while_the_label_is_in_doubt() -> None:
    assert settle(opinions("approve", "approve"), wanted=5, asked=2, stakes=STAKES).status == "settled"
    assert settle(opinions("approve", "reject"), wanted=5, asked=2, stakes=STAKES).status == "another"
    assert settle(opinions("approve", "reject"), wanted=2, asked=2, stakes=STAKES).status == "adjudicate"
    assert settle(opinions("approve", "reject", "reject"), wanted=5, asked=3, stakes=STAKES).rule == "majority"


def test_the_value_of_an_opinion_by_hand() -> None:
    # Two stances seen once each, accuracy .8 over three stances: posterior 4/9, 4/9, 1/9 (odds 8 : 8 : 1 = 8/17 …).
    # A third opinion lands on either with (8 * .8 + 8 * .1 + .1) / 17 = 7.3 / 17 and leaves 64 : 8 : 1, so 64/73;
    # on the third stance with 2.4 / 17, leaving 1/3. Gain: 2 * 7.3/17 * 64/73 + 2.4/17/3 - 8/17.
    gain = 2 * 7.3 / 17 * 64 / 73 + 2.4 / 17 / 3 - 8 / 17
    assert not worth_another([1, 1], Stakes(gain * 10 * 1.0001, 10.0, 0.8))
    assert worth_another([1, 1], Stakes(gain * 10 * 0.9999, 10.0, 0.8))


@given(st.lists(st.sampled_from(["approve", "edit", "reject"]), min_size=1, max_size=7))
def test_the_order_of_opinions_changes_nothing(verdicts: list[str]) -> None:
    found = {
        (each.status, each.share, each.winner is not None and order[each.winner])
        for order in itertools.islice(itertools.permutations(verdicts), 24)
        for each in [settle(opinions(*order), wanted=len(order))]
    }
    assert len(found) == 1


@given(st.floats(0.01, 50), st.floats(1, 1000), st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any))
def test_a_dearer_opinion_is_never_worth_more(cost: float, error: float, votes: list[int]) -> None:
    cheap, dear = Stakes(cost, error, 0.87), Stakes(2 * cost, error, 0.87)
    assert worth_another(votes, cheap) or not worth_another(votes, dear)
