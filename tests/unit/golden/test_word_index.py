"""Likeness by words."""

import math

import pytest

from hitl_core.golden.words import WordIndex, word_overlap, words_of


def test_words_that_carry_meaning_are_kept() -> None:
    assert words_of("What is the REFUND window?") == {"refund", "window"}
    assert words_of("is it what it is") == {"is", "it", "what"}
    assert words_of("don't panic\u2026") == {"don't", "panic"}
    assert words_of("返金期限") == {"返金", "金期", "期限"}
    assert words_of("?!") == frozenset()


def test_similarity_is_the_weighted_share_of_common_words() -> None:
    index = WordIndex(10)
    index.add("a", "refund window")
    index.add("b", "refund fee")
    hits = index.search("refund window", 5)
    rare, common = math.log(1 + 2 / 1), math.log(1 + 2 / 2)
    assert [hit.golden_id for hit in hits] == ["a", "b"]
    assert hits[0].similarity == pytest.approx(1)
    assert hits[1].similarity == pytest.approx(common / (rare + common))


def test_nothing_in_common_is_not_found() -> None:
    index = WordIndex(10)
    index.add("a", "refund window")
    assert index.search("loan approval", 5) == []
    assert index.search("?", 5) == []


def test_the_oldest_leaves_when_it_is_full() -> None:
    index = WordIndex(2)
    for key in ("a", "b", "c"):
        index.add(key, f"refund {key}{key}")
    assert len(index) == 2
    assert "a" not in index
    assert {hit.golden_id for hit in index.search("refund", 5)} == {"b", "c"}


def test_filters_and_ties() -> None:
    index = WordIndex(10)
    index.add("1", "refund", project="p", domain="law")
    index.add("2", "refund", project="p", domain=None)
    index.add("3", "refund", project="q", domain="law")
    assert [hit.golden_id for hit in index.search("refund", 5)] == ["3", "2", "1"]
    assert [hit.golden_id for hit in index.search("refund", 5, project="p")] == ["2", "1"]
    assert [hit.golden_id for hit in index.search("refund", 5, project="p", domain="law")] == ["1"]
    assert [hit.golden_id for hit in index.search("refund", 1, exclude={"3"})] == ["2"]


def test_a_removed_text_leaves_no_trace() -> None:
    index = WordIndex(10)
    index.add("a", "refund window")
    index.remove("a")
    index.remove("a")
    assert index.search("refund", 5) == []
    assert index._ids_by_word == {}


def test_overlap_of_nothing_is_zero() -> None:
    assert word_overlap(frozenset(), words_of("a b")) == 0
    assert word_overlap(words_of("refund fee"), words_of("refund window")) == pytest.approx(0.5)
