"""From an output to a decision and, where a person is needed, a task; one transaction, no model call."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import ValidationError

from hitl_core.domain.errors import ConflictError, InputError, explain
from hitl_core.domain.ids import new_id
from hitl_core.domain.records import Decision, Item
from hitl_core.loop.measuring import decide
from hitl_core.loop.opened import opened_tasks
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.settings import Settings
from hitl_core.store import claiming, decisions, events, items, tables, tasks
from hitl_core.store.engine import Store
from hitl_core.store.rows import RowExistsError, insert_rows


@dataclass(frozen=True)
class BadRow:
    """A row that was not taken: its place in the batch (from 0), its id where it has one, and why."""

    index: int
    item_id: str | None
    reason: str


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch: `results` in the order sent, each a Decision or a BadRow."""

    results: tuple[Decision | BadRow, ...]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions of the good rows, in order."""
        return tuple(each for each in self.results if isinstance(each, Decision))

    @property
    def errors(self) -> tuple[BadRow, ...]:
        """The rows that were not taken, in order."""
        return tuple(each for each in self.results if isinstance(each, BadRow))


class Prepared(NamedTuple):
    """The rows that one submission writes."""

    item: Item
    decision: Decision
    item_row: dict[str, Any]
    decision_row: dict[str, Any]
    task_rows: list[dict[str, Any]]


@dataclass
class Submitter:
    """Writes submissions; remembers which lanes of the queue exist."""

    store: Store
    settings: Settings

    def __post_init__(self) -> None:
        self._lanes: set[tuple[str, str, str]] = set()

    def one(self, given: Item | Mapping[str, Any], live: LivePolicy, now: datetime, actor: str) -> Decision:
        """Submit one item; sending it again returns the decision that holds.

        Raises:
            InputError: the item cannot be stored.
            ConflictError: its id came before with other content.
        """
        prepared = self.prepare(as_item(given), live, now)
        with self.store.write() as tx:
            if not items.insert(tx, prepared.item_row):
                return self._seen_before(tx, prepared)
            decisions.insert(tx, prepared.decision_row)
            if prepared.task_rows:
                self._open_lanes(tx, prepared.task_rows)
                tasks.insert(tx, prepared.task_rows)
            key, route_name = prepared.item_row["key"], prepared.decision.route.value
            data = {"decision": prepared.decision.id, "route": route_name}
            project = prepared.item.project
            events.append(tx, "item.submitted", at=now, actor=actor, project=project, item_key=key, data=data)
        self._remember(prepared.task_rows)
        return prepared.decision

    def many(
        self, given: Iterable[Item | Mapping[str, Any]], live: LivePolicy, now: datetime, actor: str
    ) -> BatchResult:
        """Submit a batch in one transaction; bad rows are listed and the good ones land."""
        with _collector_paused():
            return self._many(given, live, now, actor)

    def _many(
        self, given: Iterable[Item | Mapping[str, Any]], live: LivePolicy, now: datetime, actor: str
    ) -> BatchResult:
        results: list[Decision | BadRow | None] = []
        fresh: list[tuple[int, Prepared]] = []
        for index, each in enumerate(given):
            results.append(None)
            try:
                fresh.append((index, self.prepare(as_item(each), live, now)))
            except InputError as error:
                results[index] = BadRow(index, _id_of(each), str(error))
        try:
            self._write_batch(fresh, results, now, actor)
        except RowExistsError:  # somebody sent one of these ids at the same moment: once more, alone
            self._write_batch(fresh, results, now, actor, alone=True)
        return BatchResult(tuple(each for each in results if each is not None))

    def prepare(self, item: Item, live: LivePolicy, now: datetime) -> Prepared:
        """Check the limits, decide, and make the rows."""
        check_limits(item, self.settings)
        decision = decide(item, live, now)
        key = new_id()
        return Prepared(
            item,
            decision,
            items.item_row(item, key=key, submitted_at=now),
            decisions.decision_row(decision, key),
            opened_tasks(decision, key, live, now),
        )

    def _write_batch(
        self,
        fresh: list[tuple[int, Prepared]],
        results: list[Decision | BadRow | None],
        now: datetime,
        actor: str,
        *,
        alone: bool = False,
    ) -> None:
        with self.store.write() as tx:
            if alone:
                items.keep_others_out(tx)
            seen = items.find_many(tx, [(each.item.project, each.item.id) for _, each in fresh])
            held = decisions.latest_many(tx, [stored.key for stored in seen.values()])
            placed = {name: held[stored.key] for name, stored in seen.items()}
            new = [pair for pair in fresh if _is_new(pair, seen, placed, results)]
            insert_rows(tx, tables.items, [each.item_row for _, each in new])
            insert_rows(tx, tables.decisions, [each.decision_row for _, each in new])
            opened = [row for _, each in new for row in each.task_rows]
            self._open_lanes(tx, opened)
            insert_rows(tx, tables.tasks, opened)
            if new:
                first, last = new[0][1].item_row["key"], new[-1][1].item_row["key"]
                data = {"items": len(new), "tasks": len(opened), "first": first, "last": last}
                events.append(tx, "items.submitted", at=now, actor=actor, data=data)
        self._remember(opened)

    def _seen_before(self, tx: sa.Connection, prepared: Prepared) -> Decision:
        stored = items.find(tx, prepared.item.project, prepared.item.id)
        assert stored is not None
        if stored.digest != prepared.item_row["digest"]:
            raise ConflictError(_conflict(prepared.item))
        return decisions.latest(tx, stored.key)

    def _open_lanes(self, tx: sa.Connection, rows: list[dict[str, Any]]) -> None:
        unknown = {_lane(row) for row in rows} - self._lanes
        if unknown:
            claiming.open_lanes(tx, unknown)

    def _remember(self, rows: Iterable[dict[str, Any]]) -> None:
        self._lanes |= {_lane(row) for row in rows}


def as_item(given: Item | Mapping[str, Any]) -> Item:
    """Return an item for an item or a mapping of its fields.

    Raises:
        InputError: one line that names each field, what was expected and what was given.
    """
    if isinstance(given, Item):
        return given
    if not isinstance(given, Mapping):
        raise InputError(f"expected an Item or a mapping of its fields, got {type(given).__name__}")
    try:
        return Item.model_validate(dict(given))
    except ValidationError as error:
        raise InputError(explain(error, Item)) from None
    except RecursionError:
        raise InputError("the item is nested too deeply; flatten metadata and inputs") from None


def check_limits(item: Item, settings: Settings) -> None:
    """Refuse an item that is larger than the settings allow.

    Raises:
        InputError: names the field, its size and the setting that limits it.
    """
    context = sum(len(each.text.encode()) + len(each.source) + len(each.title) for each in item.context)
    extras = _extras(item)
    for field, size, limit, setting in (
        ("query", len(item.query.encode()), settings.max_query_bytes, "HITL_MAX_QUERY_BYTES"),
        ("output", len(item.output.encode()), settings.max_output_bytes, "HITL_MAX_OUTPUT_BYTES"),
        ("context", context, settings.max_context_bytes, "HITL_MAX_CONTEXT_BYTES"),
        (
            "metadata, inputs, alternatives and explanation",
            extras,
            settings.max_extras_bytes,
            "HITL_MAX_EXTRAS_BYTES",
        ),
    ):
        if size > limit:
            raise InputError(f"{field} is {size:,} bytes, the limit is {limit:,}; shorten it or raise {setting}")
    if len(item.context) > settings.max_passages:
        raise InputError(
            f"context has {len(item.context)} passages, the limit is {settings.max_passages}; "
            "send the best ones or raise HITL_MAX_PASSAGES"
        )


def _extras(item: Item) -> int:
    if not (item.metadata or item.inputs or item.alternatives or item.explanation or item.few_shot_ids):
        return 0
    return len(item.model_dump_json(include={"metadata", "inputs", "alternatives", "explanation", "few_shot_ids"}))


def _is_new(
    pair: tuple[int, Prepared],
    seen: dict[tuple[str, str], items.Stored],
    placed: dict[tuple[str, str], Decision],
    results: list[Decision | BadRow | None],
) -> bool:
    """Settle one row of a batch: a decision, the one made before, or a conflict; whether it is to be written."""
    index, prepared = pair
    name = (prepared.item.project, prepared.item.id)
    stored = seen.get(name)
    if stored is None:
        seen[name] = items.Stored(prepared.item_row["key"], prepared.item_row["digest"])
        results[index] = placed[name] = prepared.decision
        return True
    same = stored.digest == prepared.item_row["digest"]
    results[index] = placed[name] if same else BadRow(index, prepared.item.id, _conflict(prepared.item))
    return False


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause Python's cycle collector: a batch makes many objects and no cycles, and looking for them costs a third."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _lane(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["pool"], row["project"], row["expertise"]


def _conflict(item: Item) -> str:
    return (
        f"item {item.id!r:.80} of project {item.project!r:.60} was submitted before with other content; "
        "use a new id for a new output"
    )


def _id_of(given: Any) -> str | None:
    value = given.id if isinstance(given, Item) else given.get("id") if isinstance(given, Mapping) else None
    return str(value) if value is not None else None
