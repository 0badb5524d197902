"""One reviewer of the soak: claims, works, dawdles, and writes down only what was acknowledged.

A line is written with one `write` before a lease may end (`intent`) and after each answer (everything else), so
that a SIGKILL at any moment leaves a truthful log: what stands there happened, and what happened last may be missing.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from hitl_core import HitlError, LeaseLostError, Loop, Review, ReviewTask, UndoRefusedError

IDLE_SECONDS = 0.1
STOP = "stop"
SHARES = {"skip": 0.02, "release": 0.02, "escalate": 0.005, "heartbeat": 0.03, "undo": 0.02, "draft": 0.01}


class Station(NamedTuple):
    """Where a worker works: database, folder of the logs, its place and its life's number, chance, habits."""

    url: str
    folder: str
    slot: int
    life: int
    seed: int
    dawdle_share: float
    lease_seconds: float


class Diary:
    """The worker's own append-only file; each entry is on its way to disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, kind: str, began: float, **facts: Any) -> None:
        """Append one line: what was acknowledged, when the call began and when it returned."""
        os.write(self._file, orjson.dumps({"kind": kind, "began": began, "ended": time.time(), **facts}) + b"\n")


def work(station: Station) -> None:
    """Work until the folder holds a file `stop`; the target of a process."""
    chance = random.Random(f"{station.seed}.{station.slot}.{station.life}")  # noqa: S311 - chance, not a secret
    diary = Diary(Path(station.folder) / f"{station.slot:03d}-{station.life:03d}.jsonl")
    stop = Path(station.folder) / STOP
    loop = Loop.open(station.url)
    worker = Worker(loop, diary, chance, f"worker {station.slot}", station)
    worker.resume()
    while not stop.exists():
        worker.step()


class Worker:
    """What a reviewer does, one step at a time.

    Args:
        loop: the database.
        diary: where acknowledgements go.
        chance: seeded.
        name: the reviewer; a restarted worker keeps it.
        station: habits.
    """

    def __init__(self, loop: Loop, diary: Diary, chance: random.Random, name: str, station: Station) -> None:
        self._queue = loop.queue
        self._diary = diary
        self._chance = chance
        self._name = name
        self._station = station

    def resume(self) -> None:
        """Go on with what the worker held when it was killed, as a reloaded page does; sometimes do not."""
        began = time.time()
        for task in self._queue.held(self._name):
            self._diary.write("held", began, **_lease(task))
            if self._chance.random() < 0.5:
                self._decide(task)

    def step(self) -> None:
        """Claim one task and do something with it."""
        began = time.time()
        task = self._queue.claim(self._name)
        if task is None:
            time.sleep(IDLE_SECONDS)
            return
        self._diary.write("claim", began, **_lease(task))
        self._handle(task)

    def _handle(self, task: ReviewTask) -> None:
        if self._chance.random() < self._station.dawdle_share:
            time.sleep(self._station.lease_seconds * self._chance.choice((1.001, 1.3)))
        elif self._happens("heartbeat"):
            time.sleep(0.01)
            self._renew(task)
        if self._happens("draft"):
            self._try("draft", task, lambda: self._queue.save_draft(task.token, output="half a tho"), ends=False)
        for kind, leave in (
            ("skip", self._queue.skip),
            ("release", self._queue.release),
            ("escalate", self._queue.escalate),
        ):
            if self._happens(kind):
                self._try(kind, task, lambda leave=leave: leave(task.token))
                return
        self._decide(task)
        if self._happens("undo"):
            self._undo()

    def _decide(self, task: ReviewTask) -> None:
        verdict = self._chance.choices(("approve", "edit", "reject"), (0.8, 0.1, 0.1))[0]
        review = Review(
            verdict=verdict,
            output=f"{task.item.output} (corrected {self._chance.random():.12f})" if verdict == "edit" else None,
            reasons=() if verdict == "approve" else ("wrong_fact",),
        )
        self._try(
            "complete", task, lambda: self._queue.complete(task.token, review), verdict=verdict, output=review.output
        )

    def _renew(self, task: ReviewTask) -> None:
        began = time.time()
        try:
            expires = self._queue.heartbeat(task.token)
        except LeaseLostError:
            self._diary.write("lost", began, task=task.id, token=task.token, doing="heartbeat")
            return
        self._diary.write("heartbeat", began, task=task.id, token=task.token, expires=expires.timestamp())

    def _undo(self) -> None:
        began = time.time()
        try:
            task = self._queue.undo(self._name)
        except UndoRefusedError as error:
            self._diary.write("refused", began, reason=str(error))
            return
        self._diary.write("undo", began, **_lease(task))
        self._decide(task)

    def _try(self, kind: str, task: ReviewTask, call: Any, *, ends: bool = True, **facts: Any) -> None:
        """Write the intent, call, and write down what was answered."""
        began = time.time()
        names = {"task": task.id, "token": task.token}
        if ends:
            self._diary.write("intent", began, doing=kind, **names)
        try:
            answer = call()
        except LeaseLostError:
            self._diary.write("lost", began, doing=kind, late=began > _expires(task), **names)
        except HitlError as error:
            self._diary.write("error", began, doing=kind, reason=str(error), **names)
        else:
            if isinstance(answer, Review):
                facts |= {"review": answer.id, "reviewer": self._name, "late": began > _expires(task)}
            self._diary.write(kind, began, **names, **facts)

    def _happens(self, kind: str) -> bool:
        return self._chance.random() < SHARES[kind]


def _expires(task: ReviewTask) -> float:
    return task.lease_expires_at.timestamp() if task.lease_expires_at else 0.0


def _lease(task: ReviewTask) -> dict[str, Any]:
    return {"task": task.id, "token": task.token, "version": task.version, "expires": _expires(task)}
