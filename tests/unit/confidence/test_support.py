from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.confidence.support import SupportMark, mark_support

PASSAGES = [
    "A tenant has to give written notice to the landlord. The period of notice is thirty days from receipt.",
    "The deposit is returned within 14 days. Late fees are 45 dollars.",
]
TEXTS = st.text(alphabet="ab cd.E1 \n", max_size=60)


def one(sentence: str, passages: list[str] = PASSAGES) -> SupportMark:
    (mark,) = mark_support(sentence, passages)
    return mark


def test_a_copied_sentence_is_supported_by_its_source() -> None:
    mark = one("The deposit is returned within 14 days.")
    assert mark.support == pytest.approx(1.0)
    assert (mark.level, mark.passage_index) == ("supported", 1)
    assert mark.passage_sentence == "The deposit is returned within 14 days."


def test_share_is_the_weight_of_the_words_found() -> None:
    # Two rare words, equal weight, one found in the only sentence: log(1 + 2/1.5) against log(1 + 2/0.5).
    mark = one("apples pears", ["apples grow"])
    assert mark.support == pytest.approx(0.8473 / (0.8473 + 1.6094), abs=1e-3)


def test_a_word_elsewhere_in_the_same_passage_counts_half() -> None:
    together = one("apples pears", ["apples grow pears"]).support
    apart = one("apples pears", ["apples grow. Pears fall."]).support
    other = one("apples pears", ["apples grow.", "Pears fall."]).support
    assert [together, apart, other] == pytest.approx([1.0, 0.75, 0.5])


def test_a_number_in_no_passage_makes_it_unsupported_whatever_the_words() -> None:
    mark = one("The deposit is returned within 21 days.")
    assert mark.level == "unsupported"
    assert mark.missing == ("21",)
    assert mark.support > 0.4


def test_a_spelled_number_matches_its_digits() -> None:
    assert one("The period of notice is 30 days.").level == "supported"


def test_a_name_in_no_passage_is_weak_at_best() -> None:
    mark = one("The tenant has to give written notice to the landlord Acme.")
    assert (mark.level, mark.missing) == ("weak", ("Acme",))


def test_capitalised_nouns_are_not_names_in_a_text_full_of_them() -> None:
    german = "Der Mieter zahlt die Kaution und die Miete an den Vermieter der Wohnung im Haus der Stadt Bonn."
    assert one(german, ["Der Mieter zahlt."]).missing == ()


def test_nothing_shared_and_nothing_to_look_for() -> None:
    assert (one("Dragons like cheese.").level, one("Dragons like cheese.").passage_index) == ("unsupported", -1)
    assert one("Yes, and then?").level == "none"
    assert one("Dragons like cheese.", []).level == "unsupported"
    assert mark_support("", PASSAGES) == ()


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_marks_tile_the_output_and_stay_in_range(output: str, passages: list[str]) -> None:
    marks = mark_support(output, passages)
    assert "".join(output[m.start : m.end] for m in marks) == output
    assert all(0 <= m.support <= 1 for m in marks)
    assert all(m.passage_index == -1 or m.passage_sentence in passages[m.passage_index] for m in marks)


@given(TEXTS, st.lists(TEXTS, max_size=4), st.randoms(use_true_random=False))
def test_order_of_passages_changes_nothing_but_the_index(output: str, passages: list[str], rnd: random.Random) -> None:
    shuffled = rnd.sample(passages, len(passages))
    for before, after in zip(mark_support(output, passages), mark_support(output, shuffled), strict=True):
        assert (before.level, before.missing) == (after.level, after.missing)
        assert before.support == pytest.approx(after.support)


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_repeating_a_passage_loses_nothing_that_was_found(output: str, passages: list[str]) -> None:
    for before, after in zip(mark_support(output, passages), mark_support(output, passages * 2), strict=True):
        assert (before.support > 0) == (after.support > 0)


@pytest.mark.timeout(60)
def test_the_largest_inputs_stay_bounded() -> None:
    rnd = random.Random(7)
    vocabulary = ["".join(rnd.choices("abcdefghijklm", k=7)) for _ in range(4000)]
    text = ". ".join(" ".join(rnd.choices(vocabulary, k=15)).capitalize() for _ in range(2200))[:262_144]
    assert len(mark_support(text, [text] * 8)) == 400
