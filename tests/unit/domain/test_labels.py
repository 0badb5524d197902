"""What a human label is: one review, several opinions, adjudication."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.labels import Label, Opinion, is_correct, settle
from hitl_core.domain.records import Stage

VERDICTS = st.sampled_from(["approve", "edit", "reject"])
OPINIONS = st.lists(st.builds(Opinion, st.sampled_from("abcde"), VERDICTS), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("verdict", "reasons", "expected"),
    [
        ("approve", (), True),
        ("reject", ("style",), False),
        ("edit", ("style",), True),
        ("edit", ("style", "wrong_fact"), False),
        ("edit", ("wrong_fact",), False),
        ("edit", (), False),
    ],
)
def test_one_review(verdict: str, reasons: tuple[str, ...], expected: bool) -> None:
    assert is_correct(verdict, reasons) is expected


def test_the_policy_says_what_is_cosmetic() -> None:
    assert is_correct("edit", ("tone", "style"), ("tone", "style"))
    assert not is_correct("edit", ("style",), ())


def test_nobody_said_anything() -> None:
    assert settle([]) is None


def test_adjudication_wins_over_any_number_of_opinions() -> None:
    opinions = [Opinion("a", "approve"), Opinion("senior", "reject", (), Stage.ADJUDICATE), Opinion("b", "approve")]
    assert settle(opinions) == Label(correct=False, opinions=3)
    assert settle([*opinions, Opinion("chief", "approve", (), Stage.ADJUDICATE)]) == Label(correct=True, opinions=4)


def test_a_reviewer_has_one_voice_and_the_last_one_counts() -> None:
    opinions = [Opinion("a", "reject"), Opinion("a", "reject"), Opinion("b", "approve"), Opinion("c", "approve")]
    assert settle(opinions) == Label(correct=True, opinions=4)
    assert settle([Opinion("a", "reject"), Opinion("a", "approve")]) == Label(correct=True, opinions=2)


def test_an_even_split_is_wrong_and_says_so() -> None:
    assert settle([Opinion("a", "approve"), Opinion("b", "reject")]) == Label(False, 2, contested=True)


@given(OPINIONS)
def test_turning_every_opinion_round_turns_the_label_round_unless_it_is_contested(opinions: list[Opinion]) -> None:
    turned = [each._replace(verdict="reject" if each.verdict == "approve" else "approve") for each in opinions]
    label, other = settle(opinions), settle(turned)
    assert label is not None
    assert other is not None
    assert label.contested == other.contested
    assert (label.correct != other.correct) or label.contested
