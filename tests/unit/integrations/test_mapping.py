from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from hitl_core.domain.errors import InputError
from hitl_core.domain.records import Item
from hitl_core.integrations.mapping import ColumnMap, ItemBuilder, look_up, parse_assignments, resolve
from hitl_core.integrations.values import passages, plain


def build(
    values: dict[str, Any], *, rest: bool = False, csv: bool = False, mapped: dict[str, str] | None = None
) -> Item:
    columns = resolve(mapped or {}, {}, tuple(values), rest=rest)
    return ItemBuilder(columns, empty_is_missing=csv).build(values)


def test_mapping_renames_and_own_names_map_themselves() -> None:
    columns = resolve({"query": "question"}, {"project": "p"}, ("question", "output", "project", "other"))
    assert columns.sources == {"query": "question", "output": "output"}
    assert columns.constants == {"project": "p"}
    assert columns.describe() == "query = question, output = output, project := p"


def test_a_field_mapped_to_nothing_is_left_out() -> None:
    assert "label" not in resolve({"label": ""}, {}, ("query", "output", "label")).sources


def test_a_column_used_for_another_field_does_not_map_itself() -> None:
    assert "label" not in resolve({"output": "label"}, {}, ("query", "label")).sources


@pytest.mark.parametrize(
    ("mapped", "message"),
    [
        ({"query": "questoin"}, "did you mean 'question'.*the columns are: question, answer"),
        ({"query": "question"}, "nothing gives output"),
    ],
)
def test_a_wrong_column_names_the_columns(mapped: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(mapped, {}, ("question", "answer"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("qeury=question", "did you mean 'query'"),
        ("question=query", "write --map query=question"),
        ("query", "expected FIELD=COLUMN"),
    ],
)
def test_a_wrong_assignment_says_what_is_right(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_assignments([text], "--map", split=True)


def test_assignments_split_at_commas_only_where_asked() -> None:
    assert parse_assignments(["query=a, output=b"], "--map", split=True) == {"query": "a", "output": "b"}
    assert parse_assignments(["project=a, b=c"], "--set", split=False) == {"project": "a, b=c"}


def test_dotted_paths_reach_into_objects_and_lists_and_plain_names_win() -> None:
    values = {"a": {"b": [{"c": 1}]}, "a.b": "flat"}
    assert look_up(values, "a.b.0.c") == 1
    assert look_up(values, "a.b") == "flat"
    assert look_up(values, "a.x.y") is None


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("one text", ["one text"]),
        ("", []),
        ('["a", "b"]', ["a", "b"]),
        ('[{"text": "a"}, null, ""]', ["a"]),
        ('"quoted"', ["quoted"]),
        ('""', []),
        ("[1] https://a.test a", ["[1] https://a.test a"]),
        ("[1]", ["[1]"]),
        (["a", None, "b"], ["a", "b"]),
        ([], []),
        ({"page_content": "a"}, ["a"]),
    ],
)
def test_context_is_read_from_every_usual_shape(cell: Any, texts: list[str]) -> None:
    item = build({"query": "q", "output": "o", "context": cell})
    assert [passage.text for passage in item.context] == texts


def test_passage_keys_without_a_place_are_counted() -> None:
    dropped: Counter[str] = Counter()
    found = passages([{"content": "a", "url": "u", "score": 0.5, "chunk": 3}], dropped)
    assert found == [{"text": "a", "source": "u", "retrieval_score": 0.5}]
    assert dropped == {"chunk": 1}


def test_split_source_takes_the_address_off_the_text() -> None:
    columns = replace(resolve({}, {}, ("query", "output", "context")), split_source=True)
    context = ["[1] https://a.test/x\n\nBody", "no address", {"text": "https://b.test\nBody", "source": "kept"}]
    item = ItemBuilder(columns).build({"query": "q", "output": "o", "context": context})
    assert [(passage.source, passage.text) for passage in item.context] == [
        ("https://a.test/x", "Body"),
        ("", "no address"),
        ("kept", "https://b.test\nBody"),
    ]


def test_numbers_become_text_where_text_is_meant() -> None:
    item = build({"id": 7, "query": 1.0, "output": True, "label": 0})
    assert (item.id, item.query, item.output, item.label) == ("7", "1", "true", "0")


def test_empty_csv_cells_are_missing_but_an_empty_answer_is_an_answer() -> None:
    item = build({"query": "q", "output": "", "confidence": "", "domain": "", "amount": " 5 "}, csv=True)
    assert (item.output, item.confidence, item.domain, item.amount) == ("", None, None, 5.0)


def test_json_text_fills_nested_fields() -> None:
    item = build(
        {"query": "q", "output": "o", "inputs": '{"income": 5}', "explanation": "because", "few_shot_ids": "a, b"}
    )
    assert item.inputs == {"income": 5}
    assert item.explanation is not None
    assert item.explanation.reasoning == "because"
    assert item.few_shot_ids == ("a", "b")


def test_the_rest_goes_to_metadata_as_json_only_when_asked() -> None:
    values = {"query": "q", "output": "o", "day": date(2026, 1, 2), "price": Decimal("1.5"), "none": None, "x": 1}
    assert build(values).metadata == {}
    item = build(values, rest=True, mapped={"metadata.y": "x"})
    assert item.metadata == {"day": "2026-01-02", "price": 1.5, "y": 1}


def test_the_id_is_a_hash_of_the_content_and_nothing_else() -> None:
    first = build({"query": "q", "output": "o", "created_at": datetime(2026, 1, 1, tzinfo=UTC), "confidence": 0.5})
    again = build({"confidence": 0.5, "output": "o", "query": "q"})
    other = build({"query": "q", "output": "o", "confidence": float("nan")})
    assert first.id == again.id == "row-" + first.id[4:]
    assert len({first.id, other.id}) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"query": None, "output": "o"}, "query: the column 'query' is missing or null"),
        ({"query": b"q", "output": "o"}, "query: is binary"),
        ({"query": "q", "output": {"a": 1}}, "output: is an object, expected text"),
        ({"query": "q", "output": "o", "created_at": "2026-01-01"}, "created_at has no timezone"),
        ({"query": "q", "output": "o", "inputs": "{"}, "inputs: is not JSON"),
        ({"query": "q", "output": "o", "context": "[" * 100_000}, "context: is nested too deeply"),
        ({"query": "q", "output": "o", "amount": float("nan")}, "amount"),
    ],
)
def test_a_row_that_cannot_be_an_item_says_which_field(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(values)


def test_fields_not_seen_in_the_head_of_a_json_file_still_map_themselves() -> None:
    columns = resolve({}, {}, ("query", "output"), complete=False)
    item = ItemBuilder(columns).build({"query": "q", "output": "o", "domain": "legal"})
    assert item.domain == "legal"
    assert columns.describe() == "query = query, output = output"


def test_plain_refuses_depth_instead_of_overflowing() -> None:
    value: Any = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(ValueError, match="deeper than 40"):
        plain(value)


def test_an_empty_map_describes_as_nothing() -> None:
    assert ColumnMap({}).describe() == ""
