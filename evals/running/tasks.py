"""Run suites and own files into a folder; what is finished and still holds is not run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals import suites
from evals.harness.run import RunOptions, RunRows, run_cases
from evals.harness.summary import summarise
from evals.running.folder import Part, RunFolder
from evals.running.manifest import set_digests, sources_digest
from evals.running.own import OwnRun
from evals.suite import SuiteContext, SuiteResult, keep_silent


@dataclass(frozen=True)
class Done:
    """A finished part: its result, how long it took, whether an earlier call had it, why it stopped early."""

    result: SuiteResult
    seconds: float
    before: bool = False
    stopped: str = ""


def run_suite(name: str, context: SuiteContext, folder: RunFolder, *, fresh: bool = False) -> Done:
    """Run a suite, or return its result of an earlier call if code, data, seed and limit are the same.

    Args:
        name: of the suite.
        context: what it is given; `out` is set to its own folder.
        folder: of the run.
        fresh: run it in any case.

    Raises:
        InputError: there is no such suite.
    """
    suite = suites.find(name)
    key = suite_key(context, suite.SETS)
    earlier = None if fresh else folder.load(name)
    if earlier is not None and dict(earlier.key) == key:
        return Done(earlier.result, earlier.seconds, before=True)
    began = time.perf_counter()
    own = SuiteContext(context.data, context.seed, context.limit, folder.work(name), context.progress)
    result = suite.run(own)
    done = Done(result, time.perf_counter() - began)
    folder.save(Part(result, key, done.seconds))
    return done


def suite_key(context: SuiteContext, sets: tuple[str, ...]) -> dict[str, Any]:
    """What has to be equal for a result of an earlier call to hold."""
    digests = set_digests(context.data, sets)
    return {"code": sources_digest(), "sets": digests, "seed": context.seed, "limit": context.limit}


def run_own(
    own: OwnRun, folder: RunFolder, options: RunOptions, progress: Callable[[int, int, str], None] = keep_silent
) -> Done:
    """Run an evaluator's own file; cases that are finished are not repeated.

    Args:
        own: data, target and scorers.
        folder: of the run.
        options: how to run.
        progress: called as `progress(done, total, name)`.

    Raises:
        InputError: the journal of an earlier call is damaged.
    """
    began = time.perf_counter()
    rows = run_cases(own.data, own.target, own.scorers, folder.work(own.name), options, progress)
    result = summarise(own.name, own.data, rows.rows, options.seed)
    result = _with_notes(result, rows)
    done = Done(result, time.perf_counter() - began, rows.before == len(rows.rows) > 0, rows.stopped)
    folder.save(Part(result, _own_key(own, options), done.seconds))
    return done


def _own_key(own: OwnRun, options: RunOptions) -> Mapping[str, Any]:
    facts = dict(own.target.facts)
    return {"data": own.data.digest, "target": own.target.name, "facts": facts, "seed": options.seed}


def _with_notes(result: SuiteResult, rows: RunRows) -> SuiteResult:
    cost = "unknown" if rows.cost_usd is None else f"{rows.cost_usd} USD"
    notes = [*result.notes, f"cost: {cost}"]
    if rows.before:
        notes.append(f"{rows.before:,} cases were finished by an earlier call")
    if rows.stopped:
        notes.append(rows.stopped)
    if rows.put_aside is not None:
        notes.append(f"rows of an earlier run with other settings were put aside as {rows.put_aside.name}")
    return SuiteResult(result.suite, result.measures, result.tables, result.drawings, result.cases, tuple(notes))


def data_folder(given: Path | None) -> Path | None:
    """The folder of the sets: what was given, if it is a folder."""
    return given if given is not None and given.is_dir() else None
