"""The condition language: what may be written, what it means, and what absence means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hitl_core.domain.conditions import FIELDS, Condition
from hitl_core.domain.errors import explain
from hitl_core.domain.records import Item, Passage
from hitl_core.routing.evaluation import compile_condition, missing_fields
from hitl_core.routing.facts import Facts, is_measured, reader_for

ITEM = Item(
    query="May I sue my bank?",
    output="Yes, within two years.",
    context=[
        Passage(text="Limitation period", retrieval_score=0.9),
        Passage(text=" ", retrieval_score=0.1),
        Passage(text="x" * 20),
    ],
    domain="Legal",
    amount=10_000,
    confidence=0.9,
    inputs={"income": 1000, "a.b": {"c": 7}, "history": ["Late", 3, True]},
    metadata={"tier": {"name": "gold", "level": 2}, "beta": True, "note": ""},
)
BARE = Item(query="q", output="o")


def verdict(condition: dict[str, Any], item: Item = ITEM, **signals: Any) -> bool | None:
    return compile_condition(Condition.model_validate(condition))(Facts(item, signals, item.confidence))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "domain", "eq": "legal"}, True),
        ({"field": "domain", "eq": " LEGAL "}, True),
        ({"field": "domain", "ne": "legal"}, False),
        ({"field": "domain", "in": ["tax", "legal"]}, True),
        ({"field": "domain", "not_in": ["tax", "legal"]}, False),
        ({"field": "amount", "gt": 10_000}, False),
        ({"field": "amount", "gte": 10_000}, True),
        ({"field": "amount", "lt": 10_000}, False),
        ({"field": "amount", "lte": 10_000}, True),
        ({"field": "amount", "eq": 10_000}, True),
        ({"field": "amount", "gt": 1, "lt": 9_999}, False),
        ({"field": "confidence", "gte": 0.9}, True),
        ({"field": "query", "contains": "SUE"}, True),
        ({"field": "query", "matches": r"^may\b"}, True),
        ({"field": "query", "matches": r"^sue"}, False),
        ({"field": "context", "contains": "limitation"}, True),
        ({"field": "context.count", "eq": 2}, True),
        ({"field": "context.characters", "eq": 37}, True),
        ({"field": "context.min_score", "eq": 0.1}, True),
        ({"field": "context.max_score", "eq": 0.9}, True),
        ({"field": "context.mean_score", "eq": 0.5}, True),
        ({"field": "metadata.tier.name", "eq": "Gold"}, True),
        ({"field": "metadata.tier.level", "gte": 2}, True),
        ({"field": "metadata.beta", "eq": True}, True),
        ({"field": "metadata.beta", "eq": 1}, False),
        ({"field": "inputs.a.b.c", "eq": 7}, True),
        ({"field": "inputs.history", "contains": "late"}, True),
        ({"field": "inputs.history", "contains": 1}, False),
        ({"field": "inputs.income", "contains": "1"}, None),
        ({"field": "metadata.tier", "gt": 1}, None),
        ({"field": "metadata.beta", "lt": 5}, None),
        ({"field": "requires_compliance", "eq": False}, True),
        ({"field": "domain", "exists": True}, True),
        ({"field": "domain", "missing": True}, False),
        ({"field": "metadata.note", "missing": True}, True),
        ({"field": "metadata.note", "exists": False}, True),
    ],
)
def test_operators(condition: dict[str, Any], expected: bool | None) -> None:
    assert verdict(condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "domain", "eq": "legal"}, False),
        ({"field": "domain", "in": ["legal"]}, False),
        ({"field": "domain", "ne": "legal"}, True),
        ({"field": "domain", "not_in": ["legal"]}, True),
        ({"field": "subject", "contains": "x"}, False),
        ({"field": "subject", "matches": "x"}, False),
        ({"field": "amount", "gt": 10_000}, None),
        ({"field": "amount", "gt": 10_000, "if_missing": False}, False),
        ({"field": "amount", "gt": 10_000, "if_missing": True}, True),
        ({"field": "inputs.income", "lt": 5}, None),
        ({"field": "metadata.a.b", "lt": 5}, None),
        ({"field": "confidence", "lt": 0.5}, None),
        ({"field": "context.max_score", "lt": 0.5}, None),
        ({"field": "context.min_score", "lt": 0.5}, None),
        ({"field": "context.mean_score", "lt": 0.5}, None),
        ({"field": "context", "missing": True}, True),
        ({"field": "context.count", "eq": 0}, True),
        ({"field": "signals.support", "eq": "none"}, None),
        ({"field": "signals.support", "ne": "none"}, None),
        ({"field": "signals.support", "missing": True}, True),
        ({"field": "signals.support", "eq": "none", "if_missing": False}, False),
    ],
)
def test_what_is_not_there(condition: dict[str, Any], expected: bool | None) -> None:
    assert verdict(condition, BARE) is expected


def test_a_signal_that_is_not_a_number_is_not_there() -> None:
    assert verdict({"field": "signals.novelty", "gt": 0.5}, novelty=float("nan")) is None
    assert verdict({"field": "signals.novelty", "gt": 0.5}, novelty=0.6) is True
    assert verdict({"field": "signals.nested.deep", "gt": 0.5}, nested={"deep": 0.4}) is False


TRUE, FALSE, UNKNOWN = (
    {"field": "domain", "eq": "legal"},
    {"field": "domain", "eq": "tax"},
    {"field": "signals.none", "gt": 0},
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"all": [TRUE, UNKNOWN]}, None),
        ({"all": [UNKNOWN, FALSE]}, False),
        ({"all": [TRUE, TRUE]}, True),
        ({"any": [UNKNOWN, TRUE]}, True),
        ({"any": [FALSE, UNKNOWN]}, None),
        ({"any": [FALSE, FALSE]}, False),
        ({"not": UNKNOWN}, None),
        ({"not": TRUE}, False),
        ({"not": {"any": [FALSE, {"not": {"all": [TRUE, {"not": FALSE}]}}]}}, True),
    ],
)
def test_three_valued_groups(condition: dict[str, Any], expected: bool | None) -> None:
    assert verdict(condition) is expected


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_de_morgan_holds_with_unknown(values: list[bool | None]) -> None:
    parts = [{True: TRUE, False: FALSE, None: UNKNOWN}[value] for value in values]
    assert verdict({"not": {"all": parts}}) is verdict({"any": [{"not": part} for part in parts]})


def test_missing_fields_are_named_once_in_order() -> None:
    condition = Condition.model_validate({"any": [UNKNOWN, {"not": {"field": "amount", "gt": 1}}, TRUE, UNKNOWN]})
    assert condition.fields() == ("signals.none", "amount", "domain")
    assert missing_fields(condition, Facts(BARE, {}, None)) == ("signals.none", "amount", "domain")


@pytest.mark.parametrize("field", [*FIELDS, "metadata.x", "inputs.x", "signals.x"])
def test_every_field_of_the_language_can_be_read(field: str) -> None:
    reader_for(field)(Facts(BARE, {}, None))
    value = reader_for(field)(Facts(ITEM, {"x": 1}, 0.5))
    assert value is not None or field in ("label", "model", "subject", "impact", "metadata.x", "inputs.x")


def test_measurements_are_what_the_platform_finds_out_itself() -> None:
    measured = {name for name in (*FIELDS, "signals.x", "metadata.x", "inputs.x") if is_measured(name)}
    assert measured == {"confidence", "signals.x", "context.min_score", "context.mean_score", "context.max_score"}


def test_conditions_survive_storage() -> None:
    written: dict[str, Any] = {
        "all": [{"field": "domain", "in": ["a"]}, {"not": {"field": "amount", "lt": 1.0, "if_missing": False}}]
    }
    condition = Condition.model_validate(written)
    assert condition.model_dump(mode="json") == written
    assert Condition.model_validate(condition.model_dump(mode="json")) == condition


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"field": "doman", "eq": "x"}, "unknown field 'doman' (did you mean 'domain'?)"),
        ({"field": "metadata.", "eq": "x"}, "unknown field 'metadata.'"),
        ({"field": "domain", "equals": "x"}, "unknown key 'equals'"),
        ({"field": "domain", "contain": "x"}, "(did you mean 'contains'?)"),
        ({"field": "domain"}, "has no operator"),
        ({}, "found nothing"),
        ({"all": [], "any": []}, "found all and any"),
        ({"all": []}, "all is empty"),
        ({"any": []}, "any is empty"),
        ({"not": {"field": "domain", "eq": "x"}, "eq": "y"}, "eq cannot stand beside not"),
        ({"field": "domain", "lt": 3}, "lt does not work on domain (text)"),
        ({"field": "amount", "contains": "3"}, "contains does not work on amount (number)"),
        ({"field": "amount", "eq": "10000"}, "amount eq needs a number, got '10000'"),
        ({"field": "amount", "eq": True}, "amount eq needs a number, got True"),
        ({"field": "requires_compliance", "eq": "yes"}, "needs true or false"),
        ({"field": "requires_compliance", "gt": 0}, "gt does not work"),
        ({"field": "domain", "in": ["a", 3]}, "domain in needs text in quotes, got 3"),
        ({"field": "domain", "in": []}, "in is empty"),
        ({"field": "domain", "eq": ["a"]}, "expected text, a number, true or false"),
        ({"field": "query", "contains": 3}, "query contains needs text"),
        ({"field": "amount", "gt": "3"}, "valid number"),
        ({"field": "amount", "gt": float("nan")}, "finite number"),
        ({"field": "amount", "exists": "yes"}, "valid boolean"),
        ({"field": "query", "matches": "("}, "is not a regular expression"),
        ("domain = x", "expected a condition such as"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(condition: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Condition.model_validate(condition)
    message = explain(caught.value, Condition)
    assert said in message
    assert "\n" not in message
