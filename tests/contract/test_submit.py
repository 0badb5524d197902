"""What submitting promises on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from hitl_core import ConflictError, Decision, InputError, Item, Loop, NotFoundError, Passage, Route
from hitl_core.domain.clock import ManualClock
from hitl_core.settings import Settings
from hitl_core.store.tables import decisions, events, items, tasks

Submit = Callable[..., Decision]


def _count(loop: Loop, table: sa.Table) -> int:
    with loop.store.read() as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_a_doubtful_output_opens_a_task_and_a_sure_one_does_not(loop: Loop, submit: Submit) -> None:
    doubtful, sure = submit("doubtful", confidence=0.7), submit("sure", confidence=0.99)
    assert (doubtful.route, doubtful.needs_human) == (Route.SYNC_REVIEW, True)
    assert (sure.route, sure.needs_human) == (Route.AUTO_APPROVE, False)
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.item.id == "doubtful"
    assert task.decision == doubtful


def test_the_item_comes_back_as_it_was_sent(loop: Loop) -> None:
    sent = Item(
        id="ü-1",
        project="Zürich",
        query="  two\nlines\t🙂 ",
        context=[Passage(text="a", source="s", title="t", retrieval_score=0.25), "bare"],
        output="o" * 5000,
        confidence=0.61,
        label="safe",
        inputs={"income": 1200, "nested": {"a": [1, 2.5, None, True]}},
        subject="customer 7",
        domain="legal",
        impact="high",
        amount=99.5,
        requires_compliance=True,
        alternatives=[{"output": "x", "confidence": 0.2, "pros": ["p"], "cons": ["c"]}],
        explanation={"reasoning": "r", "top_features": {"age": -0.5}},
        model="m",
        few_shot_ids=["g1"],
        metadata={"k": [1, {"z": "y"}]},
    )
    loop.submit(sent)
    assert loop.story("ü-1").item == sent
    assert sent.impact == 0.75


def test_the_same_item_again_returns_the_first_decision_and_writes_nothing(loop: Loop, submit: Submit) -> None:
    first = submit("a", metadata={"x": 1, "y": 2})
    before = _count(loop, events)
    assert submit("a", metadata={"y": 2, "x": 1}) == first
    assert (_count(loop, items), _count(loop, tasks), _count(loop, events)) == (1, 1, before)


def test_the_same_id_with_other_content_is_a_conflict(submit: Submit) -> None:
    submit("a")
    with pytest.raises(ConflictError, match="'a' of project 'default' was submitted before with other content"):
        submit("a", output="changed")


def test_an_id_is_unique_within_its_project_only(loop: Loop, submit: Submit) -> None:
    submit("a", project="p1")
    submit("a", project="p2")
    assert loop.outcome("a", project="p1") is None
    with pytest.raises(InputError, match=r"several projects \(p1, p2\)"):
        loop.outcome("a")
    with pytest.raises(NotFoundError, match="no item 'b'"):
        loop.outcome("b")


def test_every_submission_appends_an_event_with_its_actor(loop: Loop) -> None:
    loop.acting_as("rag-app").submit(Item(id="a", query="q", output="o"))
    event = loop.story("a").events[-1]
    assert (event["actor"], event["kind"], event["data"]["route"]) == ("rag-app", "item.submitted", "sync_review")


def test_a_batch_returns_good_decisions_and_bad_rows_side_by_side(loop: Loop) -> None:
    rows: list[Any] = [
        {"id": "a", "query": "q", "output": "o", "confidence": 0.5},
        {"id": "b", "query": "q"},
        {"id": "a", "query": "q", "output": "o", "confidence": 0.5},
        {"id": "a", "query": "q", "output": "other", "confidence": 0.5},
        "not a row",
        {"id": "c", "query": "nul \x00 here", "output": "o"},
        Item(id="d", query="q", output="o", confidence=0.97),
    ]
    batch = loop.submit_many(rows)
    assert [getattr(each, "item_id", None) for each in batch.results] == ["a", "b", "a", "a", None, "c", "d"]
    assert batch.results[0] == batch.results[2]
    assert [each.index for each in batch.errors] == [1, 3, 4, 5]
    assert "output: field required" in batch.errors[0].reason
    assert "other content" in batch.errors[1].reason
    assert "got str" in batch.errors[2].reason
    assert "query contains a NUL character" in batch.errors[3].reason
    opened = sum(each.needs_human or each.audited for each in {d.item_id: d for d in batch.decisions}.values())
    assert (_count(loop, items), _count(loop, decisions), _count(loop, tasks)) == (2, 2, opened)


def test_a_batch_sent_twice_changes_nothing(loop: Loop) -> None:
    rows = [{"id": f"i{n}", "query": f"q{n}", "output": "o", "confidence": n / 200} for n in range(200)]
    first, second = loop.submit_many(rows), loop.submit_many(rows)
    assert first.decisions == second.decisions
    assert len(first.decisions) == 200
    assert _count(loop, items) == 200
    changed = loop.submit_many([rows[0] | {"output": "new"}, rows[1]])
    assert [each.index for each in changed.errors] == [0]
    assert changed.decisions == (first.decisions[1],)


def test_ten_thousand_items_land_in_one_transaction(loop: Loop) -> None:
    rows = ({"id": f"i{n}", "query": "q", "output": "o", "confidence": (n % 100) / 100} for n in range(10_000))
    batch = loop.submit_many(rows)
    assert len(batch.decisions) == 10_000
    assert not batch.errors
    with loop.store.read() as tx:
        kinds = tx.execute(sa.select(events.c.kind, events.c.data).where(events.c.kind == "items.submitted")).all()
    assert len(kinds) == 1
    assert '"items":10000' in kinds[0].data


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": "nul\x00"}, "query contains a NUL character at position 3"),
        ({"output": "bad \ud800"}, r"output contains a lone surrogate \(U\+D800\) at position 4"),
        ({"context": [{"text": "ok", "source": "\x00"}]}, "context.0.source: source contains a NUL"),
        ({"metadata": {"deep": {"x": ["\x00"]}}}, "metadata.deep.x.0 contains a NUL"),
        ({"metadata": {"n\x00": 1}}, "a key of metadata contains a NUL"),
        ({"inputs": {"x": float("inf")}}, "inputs.x is inf, which JSON cannot hold"),
        ({"project": "p\x00"}, "project contains a NUL"),
        ({"confidence": 87}, "confidence is 87, expected a number from 0 to 1; did you mean 0.87"),
        ({"confidence": -0.1}, "confidence is -0.1, expected a number from 0 to 1"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at has no timezone"),
        ({"id": ""}, "id: is empty; expected text"),
        ({"amount": -1}, "amount: input should be greater than or equal to 0, got -1"),
        ({"confidenc": 1}, r"confidenc: unknown key \(did you mean 'confidence'\?\)"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(submit: Submit, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        submit("a", **fields)
    assert "\n" not in str(caught.value)


def test_hostile_nesting_is_refused_without_a_crash(submit: Submit) -> None:
    deep: Any = "end"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InputError, match="nested deeper than 32 levels"):
        submit("a", metadata={"deep": deep})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": "é" * 51}, "query is 102 bytes, the limit is 100; shorten it or raise HITL_MAX_QUERY_BYTES"),
        ({"output": "x" * 201}, "output is 201 bytes"),
        ({"context": ["x" * 200, "y" * 200]}, "context is 400 bytes"),
        ({"context": ["x"] * 4}, "context has 4 passages, the limit is 3"),
        ({"metadata": {"x": "y" * 500}}, "HITL_MAX_EXTRAS_BYTES"),
    ],
)
def test_limits_name_the_setting(database_url: str, fields: dict[str, Any], said: str) -> None:
    small = Settings(
        max_query_bytes=100, max_output_bytes=200, max_context_bytes=300, max_passages=3, max_extras_bytes=400
    )
    with Loop.open(database_url, settings=small) as loop, pytest.raises(InputError, match=said):
        loop.submit({"query": "q", "output": "o"} | fields)


@pytest.mark.parametrize("confidence", [None, float("nan"), float("inf")])
def test_a_missing_or_non_finite_confidence_goes_to_a_person(loop: Loop, confidence: float | None) -> None:
    decision = loop.submit(Item(id="a", query="q", output="o", confidence=confidence))
    assert decision.needs_human
    assert decision.reasons == ("confidence_missing" if confidence is None else "confidence_not_finite",)
    assert decision.raw_confidence is None
    assert loop.story("a").decision == decision
    assert loop.queue.claim("ana") is not None


def test_the_audit_coin_is_stored_with_its_probability_and_audits_are_blind(loop: Loop) -> None:
    batch = loop.submit_many({"id": f"i{n}", "query": f"q{n}", "output": "o", "confidence": 0.99} for n in range(400))
    audited = [each for each in batch.decisions if each.audited]
    assert {each.inclusion_probability for each in batch.decisions} == {0.05}
    assert 5 <= len(audited) <= 45
    task = loop.queue.claim("ana")
    assert task is not None
    assert (task.stage, task.blind) == ("audit", True)
    assert task.item.id in {each.item_id for each in audited}


def test_many_writers_of_the_same_ids_agree_on_one_decision(loop: Loop) -> None:
    rows = [{"id": f"i{n}", "query": f"q{n}", "output": "o", "confidence": 0.5} for n in range(60)]
    found: list[Any] = []
    failed: list[BaseException] = []

    def write(together: bool) -> None:
        try:
            found.append([loop.submit(row) for row in rows] if together else list(loop.submit_many(rows).decisions))
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n % 2 == 0,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert len(found) == 6
    assert all(each == found[0] for each in found)
    assert _count(loop, items) == 60


def test_waiting_starts_at_submission_not_at_the_items_own_time(loop: Loop, clock: ManualClock) -> None:
    loop.submit(Item(id="old", query="q", output="o", created_at=clock.now().replace(year=2020)))
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.created_at == clock.now()
