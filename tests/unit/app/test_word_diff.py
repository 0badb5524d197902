from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.word_diff import Change, diff_words, is_same

TEXTS = st.text(alphabet="ab .\n", max_size=60)


def test_changed_words_only() -> None:
    assert diff_words("the cat sat on the mat", "the dog sat on the mat") == (
        Change("keep", "the "),
        Change("out", "cat "),
        Change("in", "dog "),
        Change("keep", "sat on the mat"),
    )


def test_mostly_new_text_stands_as_two_blocks() -> None:
    assert diff_words("one two three four", "five six three seven") == (
        Change("out", "one two three four"),
        Change("in", "five six three seven"),
    )


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_back(before: str, after: str) -> None:
    changes = diff_words(before, after)
    assert "".join(each.text for each in changes if each.kind != "in") == before
    assert "".join(each.text for each in changes if each.kind != "out") == after
    assert is_same(changes) == (before == after)


@pytest.mark.timeout(60)
def test_long_texts_are_compared_by_lines() -> None:
    lines = [f"line {number} with some words\n" for number in range(1500)]
    changes = diff_words("new start\n" + "".join(lines) + "old end", "other start\n" + "".join(lines) + "new tail")
    assert sum(len(each.text) for each in changes if each.kind == "keep") > 30_000
