"""The web app under reviewers.

python -m evals.app_bench                       20 reviewers at once, ours and `streamlit run` in turns, about 3 minutes
python -m evals.app_bench --reviewers 40        more of them
python -m evals.app_bench --think 2             each looks at a task for two seconds

Each reviewer is a websocket in this process that approves task after task; servers are processes of their own on a
database of their own with 3,000 waiting tasks. Exit code: 0 also when an aim was missed, 2 when a server fails.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from evals.app_bench.reviewer import Tally, review
from evals.app_bench.servers import LAUNCHERS, NoServerError, Server, running
from evals.bench.filling import fill_queue
from evals.bench.results import Aim, Part
from evals.figures import machine_facts, percentile, table
from hitl_core import Loop

OURS = "python -m app"
TASKS = 3_000
START_SECONDS = 120.0
"""Until everybody should see a first page."""
SETTLE_SECONDS = 45.0
"""The app loads its embedding model 20 seconds after the first page; that is over then."""


@dataclass
class Found:
    """What was measured of one server, all rounds together."""

    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0
    cpu_seconds: float = 0.0
    refreshed: int = 0
    failed: int = 0
    saved: int = 0
    memory_mb: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both servers in turns and print the figures."""
    given = _parser().parse_args(arguments)
    facts = machine_facts()
    try:
        found = asyncio.run(measure(given))
    except NoServerError as error:
        print(f"app_bench: a server did not start: {error}", file=sys.stderr)
        return 2
    part = as_part(found, given)
    print("\n".join(f"- {name}: {value}" for name, value in facts.items()) + "\n")
    print(table(part.title, part.header, part.rows), *part.notes, "", sep="\n")
    rows = [[aim.text, aim.value, f"< {aim.limit:g}", "met" if aim.met else "MISSED"] for aim in part.aims]
    print(table("Aims", ("aim", "figure", "limit", ""), rows))
    return 0


async def measure(given: argparse.Namespace) -> dict[str, Found]:
    """Return what was found of each server; their rounds take turns, so that a noisy minute hits both."""
    names = given.server or list(LAUNCHERS)
    found = {name: Found() for name in names}
    with (
        tempfile.TemporaryDirectory(prefix="hitl-app-bench-", ignore_cleanup_errors=True) as text,
        ExitStack() as stack,
    ):
        folder, servers = Path(text), {}
        urls = {name: f"sqlite:///{folder}/{place}.db" for place, name in enumerate(names)}
        for name, url in urls.items():
            with Loop.open(url) as loop:
                fill_queue(loop.store, given.tasks)
            servers[name] = stack.enter_context(running(name, url, folder))
            await _round(servers[name], "first", 1, 0.1, given.think, Found())
            found[name].saved = -_reviews(url)
        await asyncio.sleep(given.settle)
        for number in range(given.rounds):
            for name, server in servers.items():
                print(f"{name}, round {number + 1} …", file=sys.stderr, flush=True)
                await _round(server, f"r{number}", given.reviewers, given.seconds, given.think, found[name])
        for name, url in urls.items():
            found[name].saved += _reviews(url)
    return found


def _reviews(url: str) -> int:
    with Loop.open(url) as loop:
        return int(loop.counts().totals["reviews"])


async def _round(server: Server, name: str, reviewers: int, seconds: float, think: float, found: Found) -> None:
    """Let reviewers work for some seconds; the clock starts when the last of them sees the first page."""
    tallies, start = [Tally() for _ in range(reviewers)], asyncio.Barrier(reviewers + 1)
    names = [f"{name}-{at}" for at in range(reviewers)]
    work = asyncio.gather(
        *(review(server.address, who, start, seconds, think, tally) for who, tally in zip(names, tallies, strict=True))
    )
    await asyncio.wait_for(start.wait(), START_SECONDS)
    began, cpu = time.perf_counter(), server.cpu_seconds()
    await work
    found.lasted += time.perf_counter() - began
    found.cpu_seconds += server.cpu_seconds() - cpu
    found.memory_mb = max(found.memory_mb, server.memory_mb())
    for tally in tallies:
        found.seconds += tally.seconds
        found.refreshed += tally.refreshed
        found.failed += tally.failed


def as_part(found: dict[str, Found], given: argparse.Namespace) -> Part:
    """Return the table and the aims."""
    title = f"{given.reviewers} reviewers at once, each looking {given.think:g} s at a task"
    header = (
        "server",
        "reruns/s",
        "p50 ms",
        "p95 ms",
        "longest ms",
        "CPU ms each",
        "decisions",
        "saved",
        "errors",
        "MB",
    )
    part = Part(title, header)
    part.rows = [[name, *_figures(each)] for name, each in found.items()]
    ours = found.get(OURS)
    part.aims = (
        []
        if ours is None
        else [
            Aim(
                "seconds between two reruns of 20 reviewers (20 reruns a second)",
                ours.lasted / max(1, len(ours.seconds)),
                0.05,
            ),
            Aim("p95 of a decision on the server, ms", 1000 * percentile(ours.seconds, 0.95), 800.0),
        ]
    )
    part.notes = [
        "A rerun is a press of Approve until the page was made anew; parts refreshed by the clock come on top."
    ]
    return part


def _figures(each: Found) -> list[object]:
    count = len(each.seconds)
    return [
        round(count / each.lasted, 1),
        round(1000 * percentile(each.seconds, 0.5)),
        round(1000 * percentile(each.seconds, 0.95)),
        round(1000 * max(each.seconds, default=0.0)),
        round(1000 * each.cpu_seconds / max(1, count)),
        count,
        each.saved,
        each.failed,
        round(each.memory_mb),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.app_bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", action="append", choices=LAUNCHERS, help="only this one; may be repeated")
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument(
        "--think", type=float, default=0.4, metavar="SECONDS", help="a press under 0.3 s decides nothing"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--settle", type=float, default=SETTLE_SECONDS, help="before the first round")
    parser.add_argument("--tasks", type=int, default=TASKS, help="that wait in each database")
    return parser


if __name__ == "__main__":
    sys.exit(main())
