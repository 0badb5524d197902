"""One soak on one database: fill it, let workers loose, kill some, wait until all is done, look at what is left."""

from __future__ import annotations

import multiprocessing
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from evals.figures import percentile
from evals.soak_verify import Entry, Findings, ReviewRow, verify
from evals.soak_worker import STOP, Station, work
from hitl_core import Loop, Policy

LOOK_SECONDS = 0.25
# What a worker needs is imported once, before the fork: a restart then costs little beside the work.
PRELOADED = [
    "evals.soak_worker",
    "hitl_core.loop.opening",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
]
CHUNK = 5_000


class Plan(NamedTuple):
    """How large and how rough a soak is.

    `kill_seconds` is the mean time between two kills, longer where the machine is slow: between two of them as many
    tasks are finished as there are workers. After `stall_seconds` in which no task was finished, what is left is stuck.
    """

    tasks: int
    workers: int
    lease_seconds: float
    kill_seconds: float
    dawdle_share: float
    stall_seconds: float
    seed: int
    overlap: int = 1


@dataclass
class SoakResult:
    """What came out: violations and figures (counts, seconds)."""

    kind: str
    findings: Findings
    figures: dict[str, Any]
    crashes: int
    integrity: str

    @property
    def passed(self) -> bool:
        """Whether every promise was kept and no worker fell over by itself."""
        return self.findings.clean and not self.crashes and self.integrity == "ok"


class Crew:
    """The worker processes; a place whose worker died gets a new one."""

    def __init__(self, url: str, folder: Path, plan: Plan) -> None:
        self._plan = plan
        self._url = url
        self._folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._lives: Counter[int] = Counter()
        self.kills = 0
        self.crashes = 0
        self._processes = [self._start(slot) for slot in range(plan.workers)]

    def replace_dead(self) -> None:
        """Restart who died; count those that nobody killed."""
        for slot, process in enumerate(self._processes):
            if not process.is_alive():
                process.join()
                self.crashes += process.exitcode != -signal.SIGKILL
                self._processes[slot] = self._start(slot)

    def kill(self, chance: random.Random) -> None:
        """Kill one worker, now and then several at once."""
        for process in chance.sample(self._processes, 3 if chance.random() < 0.1 else 1):
            if process.is_alive():
                process.kill()
                self.kills += 1

    def dismiss(self) -> None:
        """Let everybody finish what they are at; who does not come back is ended."""
        (self._folder / STOP).touch()
        for process in self._processes:
            process.join(timeout=30)
            if process.is_alive():
                self.crashes += 1
                process.kill()
                process.join()
            else:
                self.crashes += process.exitcode not in (0, -signal.SIGKILL)

    def _start(self, slot: int) -> Any:
        plan, life = self._plan, self._lives[slot]
        self._lives[slot] += 1
        station = Station(self._url, str(self._folder), slot, life, plan.seed, plan.dawdle_share, plan.lease_seconds)
        process = self._context.Process(target=work, args=(station,), daemon=True)
        process.start()
        return process


def run_soak(kind: str, url: str, plan: Plan) -> SoakResult:
    """Run one soak on an empty database.

    Args:
        kind: name for the report.
        url: address of an empty database.
        plan: sizes.
    """
    with tempfile.TemporaryDirectory(prefix="hitl-soak-") as name:
        folder = Path(name)
        fill(url, plan)
        began = time.monotonic()
        crew = Crew(url, folder, plan)
        try:
            _oversee(url, crew, plan)
        finally:
            crew.dismiss()
        seconds = time.monotonic() - began
        entries = list(read_diaries(folder))
    with _looking(url) as connection:
        findings = verify(entries, *_stored(connection), overlap=plan.overlap)
        integrity = _integrity(connection)
    figures = _figures(entries, plan, crew, seconds)
    return SoakResult(kind, findings, figures, crew.crashes, integrity)


def fill(url: str, plan: Plan) -> None:
    """Publish a policy with the short lease and submit the items."""
    rules: dict[str, Any] = {"name": "soak", "review": {"lease_seconds": plan.lease_seconds}}
    if plan.overlap > 1:
        rules["overlap"] = {"share": 1.0, "opinions": plan.overlap}
    policy, items = Policy.from_mapping(rules), plan.tasks // plan.overlap
    with Loop.open(url, policy, actor="soak") as loop:
        for start in range(0, items, CHUNK):
            loop.submit_many(
                {
                    "id": f"item {index}",
                    "project": f"project {index % 3}",
                    "query": f"What does rule {index} say?",
                    "context": [{"text": f"Rule {index} says {index * 7}.", "source": "rules"}],
                    "output": f"It says {index * 7 + index % 2}.",
                    "confidence": 0.6 + 0.3 * (index * 37 % 100) / 100,
                }
                for index in range(start, min(items, start + CHUNK))
            )


def read_diaries(folder: Path) -> Iterator[Entry]:
    """Yield every complete line; a line that a kill cut short was never acknowledged."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield orjson.loads(line)


class Watch:
    """Tells a slow run from a stuck one, and when enough was finished since the last kill.

    Args:
        plan: its patience.
        now: seconds of a monotonic clock.
        left: tasks that are not finished.
    """

    def __init__(self, plan: Plan, now: float, left: int) -> None:
        self._plan = plan
        self._moved_at = now
        self._left = self._left_at_kill = left

    def look(self, now: float, left: int) -> bool:
        """Take note of how many tasks are left; return whether the run is over: all finished, or stuck."""
        if left != self._left:
            self._moved_at, self._left = now, left
        return left == 0 or now - self._moved_at > self._plan.stall_seconds

    def may_kill(self) -> bool:
        """Whether every worker could finish a task since the last kill; then the count begins again."""
        if self._left_at_kill - self._left < self._plan.workers:
            return False
        self._left_at_kill = self._left
        return True


def _oversee(url: str, crew: Crew, plan: Plan) -> None:
    chance = random.Random(plan.seed)  # noqa: S311 - chance, not a secret
    next_kill = time.monotonic() + plan.kill_seconds
    next_look = 0.0
    with _looking(url) as connection:
        watch = Watch(plan, time.monotonic(), _unfinished(connection))
        while True:
            time.sleep(0.02)
            crew.replace_dead()
            if time.monotonic() >= next_look:
                if watch.look(time.monotonic(), _unfinished(connection)):
                    return
                next_look = time.monotonic() + LOOK_SECONDS
            if time.monotonic() >= next_kill and watch.may_kill():
                crew.kill(chance)
                next_kill = time.monotonic() + plan.kill_seconds * chance.uniform(0.3, 1.7)


@contextmanager
def _looking(url: str) -> Iterator[sa.Connection]:
    """Yield a connection of its own, past the product's store, that sees each commit."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def _unfinished(connection: sa.Connection) -> int:
    return int(
        connection.exec_driver_sql("SELECT COUNT(*) FROM tasks WHERE status NOT IN ('done', 'cancelled')").scalar_one()
    )


def _stored(connection: sa.Connection) -> tuple[dict[str, str], list[ReviewRow], list[str]]:
    statuses = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT key, status FROM tasks")}
    columns = "key, task_key, kind, supersedes, reviewer, verdict, output, item_key, stage"
    rows = [ReviewRow(*row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM reviews")]  # noqa: S608
    events = connection.exec_driver_sql("SELECT data FROM events WHERE kind = 'task.completed'")
    return statuses, rows, [orjson.loads(row[0])["review"] for row in events]


def _integrity(connection: sa.Connection) -> str:
    if connection.dialect.name != "sqlite":
        return "ok"
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    return str(found) if broken is None else f"foreign key: {tuple(broken)}"


def _figures(entries: list[Entry], plan: Plan, crew: Crew, seconds: float) -> dict[str, Any]:
    count = Counter(each["kind"] for each in entries)
    waits = {
        kind: [each["ended"] - each["began"] for each in entries if each["kind"] == kind]
        for kind in ("claim", "complete")
    }
    late = sum(1 for each in entries if each["kind"] == "complete" and each["late"])
    calls = [each["ended"] - each["began"] for each in entries if each["kind"] not in ("intent", "held")]
    return {
        "tasks": plan.tasks,
        "opinions on each item": plan.overlap,
        "workers": plan.workers,
        "seconds": round(seconds, 1),
        "decisions per second": count["complete"] / seconds,
        "SIGKILLs": crew.kills,
        "claims acknowledged": count["claim"],
        "reviews acknowledged": count["complete"],
        "of them after the lease ran out": late,
        "refused: somebody else had the task": count["lost"],
        "undos": count["undo"],
        "skips, releases, escalations": count["skip"] + count["release"] + count["escalate"],
        "heartbeats": count["heartbeat"],
        "claim p50 ms": 1000 * percentile(waits["claim"], 0.5),
        "claim p95 ms": 1000 * percentile(waits["claim"], 0.95),
        "complete p95 ms": 1000 * percentile(waits["complete"], 0.95),
        "longest wait of a writer ms": 1000 * max(calls, default=0.0),
    }
