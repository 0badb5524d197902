"""How long an unlucky SQLite writer waits, with the fair gate and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from evals.bench.crew import together
from evals.bench.results import Aim, Part, Setup, ms
from evals.figures import percentile
from hitl_core.store import events, schema
from hitl_core.store.engine import Store

ROUNDS, SECONDS = 2, 3.0


def measure_gate(setup: Setup) -> list[Part]:
    """Let writers compete for one SQLite file, in turn with and without the gate."""
    workers = 32 if setup.large else 8
    seconds = SECONDS * min(1.0, setup.scale)
    part = Part(
        f"Waiting of {workers} SQLite writers",
        ("fair gate", "p50 ms", "p99 ms", "longest ms", "transactions/s", "fewest by one writer"),
        notes=["A wait is the time from asking for a write transaction to having it; writers ask again at once."],
    )
    waits: dict[bool, list[float]] = {True: [], False: []}
    counts: dict[bool, list[int]] = {True: [], False: []}
    with setup.databases.empty("sqlite") as url:
        store = Store.connect(url)
        schema.prepare(store)
        store.close()
        for _ in range(ROUNDS):
            for fair in (True, False):
                found = together(write_on_and_on, [(url, fair, seconds)] * workers)
                waits[fair] += [value for values in found for value in values]
                counts[fair] += [len(values) for values in found]
    for fair in (True, False):
        speed = sum(counts[fair]) / (ROUNDS * seconds)
        tail = [ms(percentile(waits[fair], share)) for share in (0.5, 0.99)]
        part.rows.append([fair, *tail, ms(max(waits[fair])), speed, min(counts[fair])])
    part.aims.append(Aim("longest wait with the gate to without", max(waits[True]) / max(waits[False]), 1.0))
    return [part]


def write_on_and_on(ready: Callable[[], object], url: str, fair: bool, seconds: float) -> list[float]:
    """Write one event a transaction until the time is over; return the waits. The work of a process."""
    store = Store.connect(url, fair=fair)
    waits = []
    with store.write():
        pass
    ready()
    end = time.perf_counter() + seconds
    while (asked := time.perf_counter()) < end:
        with store.write() as tx:
            waits.append(time.perf_counter() - asked)
            events.append(tx, "bench.write", at=datetime.now(UTC), actor="bench", data={"text": "x" * 1000})
    store.close()
    return waits
