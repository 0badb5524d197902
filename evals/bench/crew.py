"""Several processes that do the same at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

PATIENCE_SECONDS = 300.0


def together(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run `work(ready, *arguments)` in a process per tuple and return the answers.

    `ready()` returns when everybody is ready; what comes before it (imports, connections) is not measured.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hitl_core.loop.opening"])
    barrier = context.Barrier(len(arguments))
    answers = context.SimpleQueue()
    crew = [context.Process(target=_one, args=(work, barrier, answers, each), daemon=True) for each in arguments]
    for process in crew:
        process.start()
    found = [answers.get() for _ in crew]
    for process in crew:
        process.join()
    failed = [each for kind, each in found if kind == "failed"]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(crew)} processes failed; the first said: {failed[0]}")
    return [each for _, each in found]


def _one(work: Callable[..., Any], barrier: Any, answers: Any, arguments: tuple[Any, ...]) -> None:
    try:
        answers.put(("done", work(lambda: barrier.wait(PATIENCE_SECONDS), *arguments)))
    except Exception as error:  # noqa: BLE001 - reported to the parent, which raises
        barrier.abort()
        answers.put(("failed", f"{type(error).__name__}: {error}"))
