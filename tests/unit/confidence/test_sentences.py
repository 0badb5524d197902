from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.confidence.sentences import MAX_SENTENCE_CHARS, split_sentences

PIECES = st.lists(
    st.sampled_from(["a", "B", " ", "\n", ".", "!", "。", "1", "[1]", "- ", "Dr.", ")", "”", "\t", "e.g. "])
)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Dr. Smith paid $3.50 in Jan. 2020. He left! Why?",
            ["Dr. Smith paid $3.50 in Jan. 2020. ", "He left! ", "Why?"],
        ),
        ("第一句。第二句！「引用。」第三句", ["第一句。", "第二句！", "「引用。」", "第三句"]),
        ("पहला वाक्य। दूसरा।", ["पहला वाक्य। ", "दूसरा।"]),
        ("Steps:\n- one\n- two\n\nEnd", ["Steps:\n", "- one\n", "- two\n\n", "End"]),
        ("1. First.\n2. Second.", ["1. First.\n", "2. Second."]),
        ("A line that was\nwrapped here. Next.", ["A line that was\nwrapped here. ", "Next."]),
        ("J. K. Rowling met the U.S. President. The end.", ["J. K. Rowling met the U.S. President. ", "The end."]),
        ('Said so.[1] "Really." Then (yes.) no', ["Said so.[1] ", '"Really." ', "Then (yes.) no"]),
        ("", []),
        ("  \n ", ["  \n "]),
    ],
)
def test_splits_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(PIECES.map("".join) | st.text())
def test_spans_tile_the_text(text: str) -> None:
    assert "".join(split(text)) == text
    assert all(end > start for start, end in split_sentences(text))


@given(PIECES.map("".join), st.integers(1, 5))
def test_limit_keeps_the_first_sentences(text: str, limit: int) -> None:
    assert split_sentences(text, limit) == split_sentences(text)[:limit]


def test_a_text_without_stops_is_cut_into_bounded_pieces() -> None:
    assert [len(piece) for piece in split("x" * 2500)] == [MAX_SENTENCE_CHARS, MAX_SENTENCE_CHARS, 500]
    assert all(piece.endswith(" ") for piece in split("word " * 1000))


@pytest.mark.parametrize(
    "hostile",
    [
        " " * 260_000,
        ("!" * 1000 + "x ") * 260,
        ("\t" * 1000 + "x") * 260,
        "a." + "]" * 260_000,
        "Mr. X" * 52_000,
        "\n" * 260_000,
    ],
    ids=["spaces", "exclamations", "tabs", "brackets", "abbreviations", "lines"],
)
@pytest.mark.timeout(60)  # quadratic scanning took minutes
def test_hostile_runs_are_split(hostile: str) -> None:
    assert "".join(hostile[each.start : each.end] for each in split_sentences(hostile)).strip() in hostile
