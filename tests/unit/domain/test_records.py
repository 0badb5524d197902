"""The nouns: frozen, strict, and clear about what they refuse."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from hitl_core.domain.clock import ManualClock, SystemClock
from hitl_core.domain.errors import ConfigurationError, HitlError, InputError, did_you_mean, explain, shorten
from hitl_core.domain.ids import new_id, new_token
from hitl_core.domain.records import Explanation, GoldenExample, Item, Passage, Review, canonical_json
from hitl_core.domain.text import require_clean, require_clean_json


def _refused(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Item(**{"query": "q", "output": "o"} | fields)
    return explain(caught.value, Item)


def test_context_takes_strings_mappings_and_passages() -> None:
    expected = (Passage(text="a"), Passage(text="b", source="s"), Passage(text="c"))
    given = ["a", {"text": "b", "source": "s"}, Passage(text="c")]
    assert Item(query="q", output="o", context=given).context == expected
    assert Item(query="q", output="o", context="one text").context == (Passage(text="one text"),)


@pytest.mark.parametrize(("word", "number"), [("low", 0.25), (" HIGH ", 0.75), ("critical", 1.0), (0.3, 0.3)])
def test_impact_takes_a_word_or_a_number(word: Any, number: float) -> None:
    assert Item(query="q", output="o", impact=word).impact == number


def test_top_features_take_a_mapping() -> None:
    assert [each.name for each in Explanation(top_features={"age": 0.2, "income": -0.5}).top_features] == [
        "age",
        "income",
    ]


def test_records_are_frozen() -> None:
    item = Item(query="q", output="o")
    with pytest.raises(ValidationError, match="frozen"):
        item.query = "other"  # type: ignore[misc]


def test_items_without_an_id_get_one_that_sorts_by_time() -> None:
    ids = [Item(query="q", output="o").id for _ in range(50)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_non_finite_confidence_is_kept_for_the_router_to_judge(value: float) -> None:
    assert not math.isfinite(Item(query="q", output="o", confidence=value).confidence or 0)


def test_refusals_name_field_expectation_and_value() -> None:
    assert (
        _refused(confidence=1.5) == "confidence: confidence is 1.5, expected a number from 0 to 1; did you mean 0.015?"
    )
    assert _refused(contxt=[]) == "contxt: unknown key (did you mean 'context'?)"
    assert _refused(context=[{"text": "x", "sauce": "y"}]) == "context.0.sauce: unknown key (did you mean 'source'?)"
    assert _refused(amount="many").startswith("amount: input should be a valid number")
    assert _refused(amount="many").endswith("got 'many'")
    assert _refused(impact="huge").endswith("got 'huge'")
    assert _refused(metadata={1: "x"}) == "metadata: metadata has the key 1; JSON keys are strings"
    assert "set, which JSON cannot hold" in _refused(inputs={"x": {1, 2}})


def test_a_review_knows_its_verdicts() -> None:
    with pytest.raises(ValidationError, match="'approve', 'edit' or 'reject'"):
        Review(verdict="ok")
    with pytest.raises(ValidationError, match="active_seconds"):
        Review(verdict="approve", active_seconds=-1)


def test_a_golden_example_refuses_what_cannot_be_stored() -> None:
    with pytest.raises(ValidationError, match="output contains a NUL"):
        GoldenExample(query="q", output="\x00")


def test_clean_text_passes_and_the_rest_is_named() -> None:
    assert require_clean("tab\t newline\n emoji 🙂 \ufeff", "x") == "tab\t newline\n emoji 🙂 \ufeff"
    with pytest.raises(ValueError, match="title contains a lone surrogate"):
        require_clean("a\udfff", "title")


def test_json_as_deep_as_allowed_passes_and_one_deeper_does_not() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = {"k": value}
        return value

    assert require_clean_json(nested(32), "x") == nested(32)
    with pytest.raises(ValueError, match="deeper than 32"):
        require_clean_json(nested(33), "x")


def test_times_are_aware_and_in_utc() -> None:
    east = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Item(query="q", output="o", created_at=east).created_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"start has no timezone .* such as 2026-01-01T00:00:00\+00:00"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    assert SystemClock().now().tzinfo is UTC


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(hours=1, seconds=1)
    assert clock.now() == datetime(2026, 1, 1, 1, 0, 1, tzinfo=UTC)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2027


def test_tokens_are_long_and_different() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(each) for each in tokens} == {32}
    assert len(new_id()) == 32


def test_errors_can_be_caught_as_their_kind() -> None:
    assert issubclass(ConfigurationError, InputError)
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, HitlError)


def test_suggestions_and_shortening() -> None:
    assert did_you_mean("treshold", ["threshold", "rules"]) == " (did you mean 'threshold'?)"
    assert did_you_mean("zzz", ["threshold"]) == ""
    assert len(shorten("x" * 10_000)) == 60
    assert shorten({"a": 1}) == "{'a': 1}"


def test_canonical_json_is_the_same_for_equal_values() -> None:
    assert canonical_json({"b": 1, "a": ["ü", None]}) == '{"a":["ü",null],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(math.nan)


@pytest.mark.parametrize("field", ["id", "project"])
def test_an_empty_name_is_said_to_be_empty(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Item.model_validate({"query": "q", "output": "o", field: ""})
    assert explain(caught.value, Item) == f"{field}: is empty; expected text"
