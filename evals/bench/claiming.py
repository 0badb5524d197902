"""Claims from a small and a large queue, by one process and by many."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from evals.bench.crew import together
from evals.bench.filling import fill_queue
from evals.bench.results import Aim, Part, Setup, alternate, ms, timed
from evals.figures import percentile
from hitl_core import Loop

SMALL, DEFAULT_LARGE, LARGE = 10_000, 100_000, 1_000_000
ROUNDS, CLAIMS, CREW_ROUNDS, CREW_CLAIMS = 20, 50, 4, 480
WARM_UP = 20
GROWTH = 1.5


def measure_claims(setup: Setup) -> list[Part]:
    """Measure claim latency by queue length and number of workers."""
    sizes = [setup.size(SMALL), setup.size(DEFAULT_LARGE), *([setup.size(LARGE)] if setup.large else [])]
    crews = (1, 32) if setup.large else (1, 8)
    part = Part(
        "Claim, ages spread over 0 to 72 hours",
        ("database", "pending", "workers", "p50 ms", "p95 ms", "claims/s", "p95 to the smallest"),
        notes=[
            f"Queues of all sizes take turns; {crews[1]} workers claim without pause, so they wait for processors too."
        ],
    )
    for kind in setup.kinds:
        with ExitStack() as stack:
            urls = []
            for size in sizes:
                url = stack.enter_context(setup.databases.empty(kind))
                with Loop.open(url) as loop:
                    fill_queue(loop.store, size)
                urls.append(url)
            _alone(setup, kind, sizes, urls, part)
            _crowd(setup, kind, sizes, urls, crews[1], part)
    return [part]


def _alone(setup: Setup, kind: str, sizes: list[int], urls: list[str], part: Part) -> None:
    loops = [Loop.open(url) for url in urls]
    count = setup.size(CLAIMS)

    def claims(loop: Loop) -> Callable[[], list[float]]:
        return lambda: timed([lambda: loop.queue.claim("ana")] * count)

    alternate(1, *(claims(loop) for loop in loops))
    values = alternate(ROUNDS, *(claims(loop) for loop in loops))
    for loop in loops:
        loop.close()
    _report(part, kind, sizes, 1, values, [len(each) / sum(each) for each in values])


def _crowd(setup: Setup, kind: str, sizes: list[int], urls: list[str], workers: int, part: Part) -> None:
    each = setup.size(CREW_CLAIMS // workers, least=4)
    speeds: list[list[float]] = [[] for _ in urls]

    def crew(place: int) -> Callable[[], list[float]]:
        def run() -> list[float]:
            found = together(claim_many, [(urls[place], f"worker {number}", each) for number in range(workers)])
            speeds[place].append(workers * each / max(seconds for _, seconds in found))
            return [value for values, _ in found for value in values]

        return run

    values = alternate(CREW_ROUNDS, *(crew(place) for place in range(len(urls))))
    _report(part, kind, sizes, workers, values, [percentile(each, 0.5) for each in speeds])


def claim_many(ready: Callable[[], object], url: str, name: str, count: int) -> tuple[list[float], float]:
    """Claim `count` tasks; return the seconds of each and of all. The work of a process."""
    with Loop.open(url) as loop:
        for _ in range(WARM_UP):
            loop.queue.claim(name)
        ready()
        began = time.perf_counter()
        values = timed([lambda: loop.queue.claim(name)] * count)
        return values, time.perf_counter() - began


def _report(
    part: Part, kind: str, sizes: list[int], workers: int, values: list[list[float]], speeds: list[float]
) -> None:
    smallest = percentile(values[0], 0.95)
    for size, each, speed in zip(sizes, values, speeds, strict=True):
        growth = percentile(each, 0.95) / smallest
        part.rows.append([kind, size, workers, ms(percentile(each, 0.5)), ms(percentile(each, 0.95)), speed, growth])
    text = f"claim p95 on {kind} from {sizes[0]:,} to {sizes[-1]:,} pending, {workers} workers"
    part.aims.append(Aim(text, percentile(values[-1], 0.95) / smallest, GROWTH))
