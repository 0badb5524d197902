"""Run: every case through the target and the scorers, concurrently, within a cost cap, each finished case kept."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from evals.harness.cases import Case, Dataset
from evals.harness.journal import Journal
from evals.harness.scorers import Score, Scorer
from evals.harness.targets import Output, Target
from evals.suite import keep_silent

PROBLEM_CHARACTERS = 500


@dataclass(frozen=True)
class RunOptions:
    """How to run.

    Attributes:
        seed: goes into the key of the run.
        concurrency: cases at once.
        max_cost_usd: stop before the sum would pass this; None for no cap.
        fresh: forget what an earlier run of the same key has done.
    """

    seed: int = 0
    concurrency: int = 8
    max_cost_usd: Decimal | None = None
    fresh: bool = False


@dataclass(frozen=True)
class RunRows:
    """What a run has: rows by case in the order of the data, how many were there before, and why it stopped early."""

    rows: tuple[dict[str, Any], ...]
    before: int = 0
    stopped: str = ""
    put_aside: Path | None = None

    @property
    def cost_usd(self) -> Decimal | None:
        """Sum of the costs; None where one is unknown."""
        costs = [row["cost_usd"] for row in self.rows]
        return None if None in costs else sum((Decimal(cost) for cost in costs), Decimal(0))


class CostCap:
    """Lets a case begin only while what it may cost still fits.

    A case may cost as much as the dearest so far; until one has been paid, one case runs at a time. So the cap is
    passed only by a case that is dearer than all before it. After a case of unknown cost nothing begins any more.
    """

    def __init__(self, cap: Decimal | None, spent: Iterable[Decimal | None] = ()) -> None:
        self.cap = cap
        self.spent = Decimal(0)
        self.dearest: Decimal | None = None
        self.running = 0
        self.stopped = ""
        self._free = asyncio.Condition()
        for cost in spent:
            self._count(cost)

    async def begin(self) -> bool:
        """Wait for room; whether the case may begin."""
        if self.cap is None:
            return True
        async with self._free:
            while not self.stopped and not self._fits() and self.running:
                await self._free.wait()
            if not self.stopped and not self._fits():
                self.stopped = f"stopped at the cost cap: {self.spent} of {self.cap} USD spent"
            if self.stopped:
                return False
            self.running += 1
            return True

    async def end(self, cost: Decimal | None) -> None:
        """Count what a case cost."""
        if self.cap is None:
            return
        async with self._free:
            self.running -= 1
            self._count(cost)
            self._free.notify_all()

    def _count(self, cost: Decimal | None) -> None:
        if cost is None:
            if self.cap is not None:
                self.stopped = "stopped: a case has an unknown cost, so the cost cap cannot be kept"
            return
        self.spent += cost
        self.dearest = cost if self.dearest is None else max(self.dearest, cost)

    def _fits(self) -> bool:
        assert self.cap is not None
        if self.dearest is None:
            return self.running == 0 and self.spent < self.cap
        return self.spent + self.dearest * (self.running + 1) <= self.cap


def run_key(data: Dataset, target: Target, scorers: Iterable[str], seed: int) -> dict[str, Any]:
    """What has to be equal for rows of an earlier run to hold."""
    facts = dict(target.facts)
    return {"data": data.digest, "target": target.name, "facts": facts, "scorers": sorted(scorers), "seed": seed}


def run_cases(
    data: Dataset,
    target: Target,
    scorers: Mapping[str, Scorer],
    folder: Path,
    options: RunOptions | None = None,
    progress: Callable[[int, int, str], None] = keep_silent,
) -> RunRows:
    """Run what is not done yet and return all rows.

    Args:
        data: the cases.
        target: gives an output for each.
        scorers: by name.
        folder: where the journal lies; run again with the same arguments, finished cases are not repeated.
        options: how to run.
        progress: called as `progress(done, total, name)`.

    Returns:
        RunRows: a row has case_id, group, slices, value, accepted, confidence, cost_usd (text), seconds, reason, error,
        and `scores`: name to {value, reason, error}.
    """
    options = options or RunOptions()
    key = run_key(data, target, scorers, options.seed)
    with Journal(folder, key, fresh=options.fresh) as journal:
        assert journal.done is not None
        before = len(journal.done)
        cases = list(data.cases())
        left = [case for case in cases if case.id not in journal.done]
        work = _Work(target, scorers, journal, options, progress, len(cases))
        stopped = asyncio.run(work.run(left)) if left else ""
        rows = tuple(journal.done[case.id] for case in cases if case.id in journal.done)
    return RunRows(rows, before, stopped, journal.put_aside)


class _Work:
    """The coroutines of one run."""

    def __init__(
        self,
        target: Target,
        scorers: Mapping[str, Scorer],
        journal: Journal,
        options: RunOptions,
        progress: Callable[[int, int, str], None],
        total: int,
    ) -> None:
        self.target, self.scorers, self.journal = target, scorers, journal
        self.options, self.progress, self.total = options, progress, total

    async def run(self, cases: list[Case]) -> str:
        """Run the cases; why it stopped early, or ""."""
        assert self.journal.done is not None
        spent = [_decimal(row["cost_usd"]) for row in self.journal.done.values()]
        self.cap = CostCap(self.options.max_cost_usd, spent)
        waiting = iter(cases)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.options.concurrency, len(cases))):
                    group.create_task(self._worker(waiting))
        finally:
            closing = getattr(self.target, "aclose", None)
            if closing is not None:
                await closing()
        return self.cap.stopped

    async def _worker(self, waiting: Iterable[Case]) -> None:
        for case in waiting:
            if not await self.cap.begin():
                return
            row = await self._row(case)
            self.journal.append(row)
            await self.cap.end(_decimal(row["cost_usd"]))
            self.progress(len(self.journal.done or ()), self.total, self.target.name)

    async def _row(self, case: Case) -> dict[str, Any]:
        began = time.perf_counter()
        output, error = await self._output(case)
        row: dict[str, Any] = {
            "case_id": case.id,
            "group": case.group,
            **case.slices,
            "value": output.value,
            "accepted": output.accepted,
            "confidence": output.confidence,
            "cost_usd": None if output.cost_usd is None else str(output.cost_usd),
            "seconds": round(time.perf_counter() - began, 6),
            "reason": output.reason,
            "error": error,
        }
        row["scores"] = {} if error else {name: _scored(each, case, output) for name, each in self.scorers.items()}
        return row

    async def _output(self, case: Case) -> tuple[Output, str]:
        # Whatever a target or a scorer of somebody else raises belongs to the case and must not end the run.
        try:
            if inspect.iscoroutinefunction(type(self.target).__call__):
                found = self.target(case)
            else:
                found = await asyncio.to_thread(self.target, case)
            return (await found if inspect.isawaitable(found) else found), ""
        except Exception as error:  # noqa: BLE001
            free = Decimal(0) if getattr(self.target, "free", False) else None
            return Output(cost_usd=getattr(error, "cost_usd", free)), _problem(error)


def _scored(scorer: Scorer, case: Case, output: Output) -> dict[str, Any]:
    try:
        given = scorer(case, output)
        score = given if isinstance(given, Score) else Score(given)
        return {"value": score.value, "reason": score.reason, "error": ""}
    except Exception as error:  # noqa: BLE001
        return {"value": None, "reason": "", "error": _problem(error)}


def _problem(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:PROBLEM_CHARACTERS]


def _decimal(text: Any) -> Decimal | None:
    return None if text is None else Decimal(text)
