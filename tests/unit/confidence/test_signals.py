"""Signals by hand, in several writing systems, and on hostile text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.confidence import overlap
from hitl_core.confidence.overlap import compare_words
from hitl_core.confidence.signals import MAX_LISTED, Signals, compute_signals, measure_texts
from hitl_core.domain.records import Item, Passage


def test_coverage_and_the_copied_run_by_hand() -> None:
    # Words a b c d e against "a b c x" and "d e": five of five words; pairs ab, bc, de of four; triple abc of three.
    found = compare_words("a b c d e".split(), ["a b c x".split(), "d e".split()])
    assert found.coverage == (1.0, 3 / 4, 1 / 3)
    assert found.copied_run == 3


def test_a_run_does_not_cross_from_one_passage_into_the_next() -> None:
    found = compare_words(["a", "b"], [["a"], ["b"]])
    assert found.coverage == (1.0, 0.0, None)
    assert found.copied_run == 1


def test_words_that_the_output_lacks_do_not_match_each_other() -> None:
    assert compare_words(["a", "b"], [["x", "y", "z"]]) == ((0.0, 0.0, None), 0)


def test_an_item_by_hand() -> None:
    signals = measure_texts(
        "When did the tower open in Paris?",
        ["The tower opened in 1889. It was built by Eiffel."],
        "The tower did not open in 1987 in Paris, says Smith, with 42 men.",
        retrieval_scores=[0.2, 0.6],
    )
    assert signals.output_words == 14
    assert signals.context_words == 10
    # the, tower, open, in, in of fourteen words are in the passage; not so did, not, 1987, paris, say, smith, ...
    assert signals.coverage_1 == pytest.approx(5 / 14)
    assert (signals.novel_numbers, signals.numbers_listed) == (2, ("1987", "42"))
    # Paris is in the query.
    assert (signals.novel_names, signals.names_listed) == (1, ("Smith",))
    assert signals.copied_run == 2
    assert signals.negation_share == pytest.approx(1 / 14)
    assert signals.retrieval_mean == pytest.approx(0.4)
    assert signals.retrieval_max == 0.6
    # Of tower, open, paris all three are in the output; when, did, the, in are stop words.
    assert signals.query_overlap == 1.0
    assert signals.unsupported_share == 1.0


@pytest.mark.parametrize(
    ("passage", "faithful", "invented"),
    [
        ("東京タワーは1958年に完成した。", "東京タワーは1958年に完成した。", "大阪城は1583年に焼失した。"),
        ("اكتمل البرج عام ١٩٥٨ في المدينة.", "اكتمل البرج عام 1958 في المدينة.", "احترق القصر سنة ١٥٨٣ ليلا."),
        ("หอคอยสร้างเสร็จในปี 1958", "หอคอยสร้างเสร็จในปี 1958", "ปราสาทถูกไฟไหม้ในปี 1583"),
        ("Der Turm wurde 1958 fertig.", "Der Turm wurde 1958 fertig.", "Das Schloss brannte 1583 ab."),
        ("Башня построена в 1958 году.", "Башня построена в 1958 году.", "Замок сгорел при пожаре 1583."),
    ],
    ids=["japanese", "arabic", "thai", "german", "russian"],
)
def test_scripts_with_and_without_spaces(passage: str, faithful: str, invented: str) -> None:
    good, bad = measure_texts("", [passage], faithful), measure_texts("", [passage], invented)
    assert good.coverage_1 == 1.0
    assert good.novel_numbers == 0
    assert bad.coverage_1 is not None
    assert bad.coverage_1 < 0.6
    assert bad.numbers_listed == ("1583",)


@pytest.mark.parametrize(
    "output", ["これは正しくない。", "这不是真的。", "Das ist nicht so.", "Ce n'est pas vrai.", "Это не так."]
)
def test_negation_in_several_languages(output: str) -> None:
    assert (measure_texts("", [], output).negation_share or 0) > 0


def test_without_passages_nothing_is_compared() -> None:
    signals = compute_signals(Item(query="q", output="Some words.", context=[Passage(text="  ")]))
    assert signals.coverage_1 is signals.support is signals.novel_numbers is signals.copied_run is None
    assert signals.output_words == 2


def test_an_empty_output_has_no_shares() -> None:
    signals = measure_texts("q", ["A passage."], "")
    assert signals == Signals(output_words=0, context_words=2, query_overlap=0.0)


def test_what_is_stored_is_json_and_comes_back() -> None:
    signals = measure_texts("q", ["A passage of 1889."], "Not 1987, says Mr Smith.", retrieval_scores=[0.5])
    assert Signals.from_mapping(json.loads(json.dumps(signals.as_mapping()))) == signals
    assert "coverage_1" not in measure_texts("q", [], "words").as_mapping()


def test_names_a_later_program_stored_are_left_out() -> None:
    assert Signals.from_mapping({"output_words": 3, "from_the_future": 1}) == Signals(3, 0)


@pytest.mark.parametrize(
    "output",
    ["1" * 100_000, "1 " * 50_000, ".?!" * 30_000, "Aa " * 30_000, "\x00\u202e" * 1_000, "ab" * 50_000, "²³ ½ Ⅷ" * 99],
    ids=["one number", "numbers", "ends", "names", "controls", "one word", "other digits"],
)
def test_hostile_text_is_measured_and_what_is_stored_stays_small(output: str) -> None:
    signals = measure_texts(output[:5_000], [output[::-1], "a b c"], output)
    assert len(signals.numbers_listed) <= MAX_LISTED
    assert all(len(each) <= 40 for each in (*signals.numbers_listed, *signals.names_listed))
    assert len(json.dumps(signals.as_mapping())) < 2_000


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=3), st.text(max_size=300))
def test_shares_are_shares(query: str, passages: list[str], output: str) -> None:
    signals = measure_texts(query, passages, output)
    for name, value in signals.as_mapping().items():
        if name.endswith("share") or name.startswith("coverage") or name in ("support", "query_overlap"):
            assert 0 <= value <= 1, name


@given(st.text(min_size=1, max_size=200))
def test_a_copy_is_covered_whole(text: str) -> None:
    signals = measure_texts("", [text], text)
    if signals.output_words:
        assert signals.coverage_1 == 1.0
        assert signals.copied_run == signals.output_words
        assert signals.novel_numbers == 0


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_sliding_and_bisecting_find_the_same_run(mine: list[str], theirs: list[str]) -> None:
    slid = compare_words(mine, [theirs]).copied_run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "_SLIDE_WITHIN", -1)
        assert compare_words(mine, [theirs]).copied_run == slid
