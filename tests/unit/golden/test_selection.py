"""Ranking, floor and diversity."""

import numpy as np
import pytest

from hitl_core.golden.index import Hits
from hitl_core.golden.selection import pick_diverse, select
from hitl_core.golden.words import WordHit


def hits(*vectors: tuple[float, float]) -> Hits:
    """Make candidates in the plane whose question is the first axis; ids in order of age."""
    array = np.array(vectors, dtype=np.float32)
    array /= np.linalg.norm(array, axis=1, keepdims=True)
    return Hits([f"g{n}" for n in range(len(array))], array[:, 0].copy(), array)


def test_relevance_alone_takes_the_nearest() -> None:
    picks = select(hits((9, 1), (9, 2), (9, -5)), [], k=2, min_similarity=None, diversity_weight=1)
    assert [pick.golden_id for pick in picks] == ["g0", "g1"]


def test_diversity_prefers_the_other_side_to_a_twin() -> None:
    picks = select(hits((9, 1), (9, 2), (9, -5)), [], k=2, min_similarity=None, diversity_weight=0.5)
    assert [pick.golden_id for pick in picks] == ["g0", "g2"]


def test_the_formula_by_hand() -> None:
    relevance = np.array([0.9, 0.8, 0.5], dtype=np.float32)
    likeness = np.array([[1, 0.95, 0.1], [0.95, 1, 0.2], [0.1, 0.2, 1]], dtype=np.float32)
    # After 0: 1 gains .7*.8-.3*.95 = .275, 2 gains .7*.5-.3*.1 = .32; at weight .8: .45 against .38.
    assert pick_diverse(relevance, lambda n: likeness[n], 2, 0.7) == [0, 2]
    assert pick_diverse(relevance, lambda n: likeness[n], 2, 0.8) == [0, 1]
    assert sorted(pick_diverse(relevance, lambda n: likeness[n], 9, 0.7)) == [0, 1, 2]
    assert pick_diverse(relevance, lambda n: likeness[n], 0, 0.7) == []


def test_the_floor_leaves_out_what_is_too_far_and_keeps_what_is_exactly_there() -> None:
    found = hits((1, 0), (3, 4), (0, 1))
    picks = select(found, [], k=3, min_similarity=0.6, diversity_weight=0.1)
    assert [(pick.golden_id, round(pick.similarity, 3)) for pick in picks] == [("g0", 1.0), ("g1", 0.6)]
    assert select(found, [], k=3, min_similarity=1.0, diversity_weight=0.7)[0].golden_id == "g0"


def test_the_newer_of_two_equal_examples_wins() -> None:
    picks = select(hits((3, 4), (3, 4), (0, 1)), [], k=1, min_similarity=None, diversity_weight=0.7)
    assert [pick.golden_id for pick in picks] == ["g1"]
    assert picks[0].similarity == pytest.approx(0.6, abs=1e-4)


def test_words_and_meaning_share_one_ranking() -> None:
    words = [(WordHit("w0", 0.7), frozenset({"refund", "fee"})), (WordHit("w1", 0.69), frozenset({"refund", "fee"}))]
    picks = select(hits((1, 0), (1, 2)), words, k=3, min_similarity=None, diversity_weight=0.6)
    assert [(pick.golden_id, pick.method) for pick in picks] == [
        ("g0", "embedding"),
        ("w0", "words"),
        ("g1", "embedding"),
    ]
    assert [pick.golden_id for pick in select(None, words, k=1, min_similarity=None, diversity_weight=0.7)] == ["w0"]


def test_nothing_found_is_nothing_shown() -> None:
    assert select(None, [], k=4, min_similarity=None, diversity_weight=0.7) == []
