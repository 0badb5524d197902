"""Submit, one at a time and 10,000 at once, beside the bare inserts of the same rows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from evals.bench.bare import Written, connect_bare, plain
from evals.bench.filling import make_item, settle_statistics
from evals.bench.results import Aim, Part, Setup, alternate, median, ms, timed
from evals.figures import percentile
from hitl_core import Item, Loop
from hitl_core.loop.submit import Prepared

SINGLES, BATCH = 60, 10_000
ROUNDS, BATCH_ROUNDS = 10, 3
AIM = 3.0


def measure_submit(setup: Setup) -> list[Part]:
    """Measure both ways on each database."""
    single = Part(
        "Single submit, durable", ("database", "submit p50 ms", "p95 ms", "bare p50 ms", "p95 ms", "ratio of p50")
    )
    batch = Part(
        f"Batch submit of {setup.size(BATCH):,}",
        ("database", "given as", "rows/s", "bare rows/s", "ratio", "of it making rows"),
        notes=["Bare inserts get rows that are already made; `making rows` is validating, deciding and encoding them."],
    )
    for kind in setup.kinds:
        with setup.databases.empty(kind) as url, Loop.open(url) as loop:
            _single(setup, kind, url, loop, single)
            _batch(setup, kind, url, loop, batch)
    return [single, batch]


def _single(setup: Setup, kind: str, url: str, loop: Loop, part: Part) -> None:
    chance, bare, numbers = random.Random(1), connect_bare(url), iter(range(10**9))  # noqa: S311
    count = setup.size(SINGLES)

    def product() -> list[float]:
        made = [make_item(f"single {next(numbers)}", chance) for _ in range(count)]
        return timed([_call(loop.submit, item) for item in made])

    def baseline() -> list[float]:
        made = [written(loop, [make_item(f"single {next(numbers)}", chance)]) for _ in range(count)]
        return timed([_call(bare.insert, rows) for rows in made])

    alternate(1, product, baseline)
    ours, theirs = alternate(ROUNDS, product, baseline)
    bare.close()
    ratio = median(ours) / median(theirs)
    p95 = [ms(percentile(values, 0.95)) for values in (ours, theirs)]
    part.rows.append([kind, ms(median(ours)), p95[0], ms(median(theirs)), p95[1], ratio])
    part.aims.append(Aim(f"single submit on {kind} within {AIM:g} times the bare transaction", ratio, AIM))


def _batch(setup: Setup, kind: str, url: str, loop: Loop, part: Part) -> None:
    chance, bare, numbers = random.Random(2), connect_bare(url), iter(range(10**9))  # noqa: S311
    count = setup.size(BATCH)
    making: list[float] = []

    def fresh() -> list[Item]:
        return [make_item(f"batch {next(numbers)}", chance) for _ in range(count)]

    def items() -> list[float]:
        return timed([_call(loop.submit_many, fresh())])

    def mappings() -> list[float]:
        return timed([_call(loop.submit_many, [each.model_dump(mode="json") for each in fresh()])])

    def baseline() -> list[float]:
        made = fresh()
        began = time.perf_counter()
        rows = written(loop, made)
        making.append(time.perf_counter() - began)
        return timed([_call(bare.insert_batch, rows)])

    alternate(1, items, baseline)
    settle_statistics(loop.store)
    by_items, by_mappings, theirs = alternate(BATCH_ROUNDS, items, mappings, baseline)
    bare.close()
    for name, ours in (("Item objects", by_items), ("mappings", by_mappings)):
        ratio = median(ours) / median(theirs)
        share = f"{median(making) / median(ours):.0%}" if name == "Item objects" else ""
        part.rows.append([kind, name, count / median(ours), count / median(theirs), ratio, share])
    part.aims.append(Aim(f"batch on {kind} within {AIM:g} times bare batches", median(by_items) / median(theirs), AIM))


def written(loop: Loop, made: Sequence[Item]) -> Written:
    """Return the rows that submitting the items would write, by table."""
    live, now = loop.policies.live(), loop.clock.now()
    prepared = [loop.submitter.prepare(item, live, now) for item in made]
    opened = [plain(row) for each in prepared for row in each.task_rows]
    tables: list[tuple[str, list[Any]]] = [
        ("items", [plain(each.item_row) for each in prepared]),
        ("decisions", [plain(each.decision_row) for each in prepared]),
        ("tasks", opened),
        ("events", [_event(prepared)]),
    ]
    return [(name, rows) for name, rows in tables if rows]


def _event(prepared: Sequence[Prepared]) -> dict[str, Any]:
    first = prepared[0]
    facts = {"created_at": first.decision.created_at, "actor": "system", "kind": "item.submitted", "project": "bench"}
    data = f'{{"decision":"{first.decision.id}","route":"sync_review"}}'
    return dict(plain(facts | {"item_key": first.item_row["key"], "task_key": None, "data": data}))


def _call(function: Callable[[Any], object], argument: Any) -> Callable[[], object]:
    return lambda: function(argument)
