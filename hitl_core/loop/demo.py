"""Load the demo project: a synthetic history is replayed through the product itself, then work is left to do.

Outputs come in once an hour, as a batch; the reviewers then take what the queue gives them, and a senior settles what
they disagree on. What is left was judged with recorded verdicts; their judges have no certificate, so it all waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_core.domain.clock import ManualClock, SystemClock
from hitl_core.domain.errors import ConflictError
from hitl_core.domain.records import Decision, Item, Review, Reviewer, ReviewTask, Stage
from hitl_core.integrations.demo import demo_data_dir, load_demo, pending
from hitl_core.integrations.demo_history import (
    OUTPUTS,
    SEED,
    HistoryStep,
    PlannedReview,
    history,
    history_policies,
    staged_dispute,
)
from hitl_core.integrations.demo_truth import AUDITOR, REVIEWERS, SENIORS
from hitl_core.loop.hallway import Loop
from hitl_core.store import items as item_rows

if TYPE_CHECKING:
    from hitl_core.settings import Settings

PROJECT = "demo"
ACTOR = "demo (synthetic)"
REASONS = ("start careful: people see about a third", "assistant-large answers better: people see about a tenth")
_OLDEST_PENDING = timedelta(hours=20)
_DISPUTED_AGO = timedelta(hours=3)
_PEOPLE = (Stage.HUMAN, Stage.AUDIT)
_DISTURBED = "somebody else works in the demo project while it is loaded; load it into a new database"


class HalfLoadedError(ConflictError):
    """An earlier load was interrupted, so that its history cannot be continued."""


@dataclass(frozen=True)
class DemoReport:
    """What was loaded; all zero when it was there already.

    `waiting` items are open to everybody, `disputed` ones to seniors; `reviewed` counts opinions.
    """

    submitted: int = 0
    reviewed: int = 0
    waiting: int = 0
    judged: int = 0
    disputed: int = 0


def load_demo_project(
    url: str,
    *,
    now: datetime | None = None,
    settings: Settings | None = None,
    folder: Path | None = None,
    outputs: int = OUTPUTS,
    seed: int = SEED,
    on_progress: Callable[[int, int], None] | None = None,
) -> DemoReport:
    """Fill a database with the demo project; one that has it already is left as it is.

    Args:
        url: the database.
        now: the end of the history; default the present.
        settings: default: HITL_* variables and `.env`.
        folder: where the demo set lies; default the packaged one.
        outputs: how many outputs the history has.
        seed: of its draws.
        on_progress: called with (outputs replayed, outputs in all).

    Raises:
        HalfLoadedError: an earlier load was interrupted, so that its history cannot be continued.
        ConflictError: somebody else claims tasks of the project meanwhile.
    """
    end = now or SystemClock().now()
    items, labels = load_demo(folder)
    waiting = pending(items, labels)
    steps = list(history(items, labels, now=end, outputs=outputs, seed=seed))
    clock = ManualClock(steps[0].at - timedelta(minutes=1))
    with Loop.open(url, clock=clock, actor=ACTOR, settings=settings) as loop:
        if _is_there(loop, waiting[-1].id):
            return DemoReport()
        if _is_there(loop, steps[0].item.id):
            raise HalfLoadedError("the demo project was loaded only in part; load it into an empty database")
        replay = _Replay(loop, clock, folder)
        for done in replay.batches(steps):
            if on_progress is not None:
                on_progress(done, len(steps))
        replay.leave_disputed(staged_dispute(items, labels, at=end - _DISPUTED_AGO))
        _leave_work(loop, clock, waiting, end, folder)
    return DemoReport(len(steps) + 1 + len(waiting), replay.reviewed, len(waiting), len(waiting), 1)


@dataclass
class _Replay:
    """Replays planned steps: `reviewed` counts the opinions given."""

    loop: Loop
    clock: ManualClock
    folder: Path | None
    reviewed: int = 0
    _plan: dict[str, HistoryStep] = field(default_factory=dict)
    _said: dict[str, list[str]] = field(default_factory=dict)
    _disputes: int = 0

    def batches(self, steps: Sequence[HistoryStep]) -> Iterator[int]:
        """Replay a history hour by hour; yield how many outputs are done."""
        for who in REVIEWERS:
            self.loop.save_reviewer(Reviewer(name=who.name, senior=who.senior))
        policies, phase, done = history_policies(self.folder), -1, 0
        for (later, _), group in groupby(steps, key=lambda step: (step.phase, _hour(step.at))):
            batch = list(group)
            if later != phase:
                phase = later
                self.clock.set(batch[0].at)
                self.loop.publish(policies[phase], reason=REASONS[phase])
            self._replay(batch)
            done += len(batch)
            yield done

    def leave_disputed(self, step: HistoryStep) -> None:
        """Submit an output on which two reviewers disagree; nobody settles it."""
        self._submit([step])
        for who, hours in zip(step.raters, step.waits, strict=False):
            self._review(who, step.at + timedelta(hours=hours))

    def _replay(self, batch: Sequence[HistoryStep]) -> None:
        decisions = self._submit(batch)
        # Whoever comes takes the most urgent task, so an opinion may fall to another reviewer than it was meant for.
        slots = sorted(self._slots(decisions))
        for _, at, name in (slot for slot in slots if not slot[0]):
            self._review(name, at)
        self._settle()
        for _, at, name in (slot for slot in slots if slot[0]):
            self._review(name, at)
        self._settle()

    def _submit(self, batch: Sequence[HistoryStep]) -> tuple[Decision, ...]:
        self.clock.set(batch[-1].at)
        self._plan = {step.item.id: step for step in batch}
        result = self.loop.submit_many(step.item for step in batch)
        if result.errors:
            raise ConflictError(f"{result.errors[0].reason}; {_DISTURBED}")
        return result.decisions

    def _slots(self, decisions: Iterable[Decision]) -> Iterator[tuple[bool, datetime, str]]:
        """Yield (audit, when, who) of each opinion that is asked for."""
        for decision in decisions:
            step = self._plan[decision.item_id]
            if decision.audited:
                yield True, decision.created_at + timedelta(hours=step.waits.audit), AUDITOR.name
            elif decision.needs_human:
                times = zip(step.raters[: decision.overlap], (step.waits.first, step.waits.second), strict=False)
                yield from ((False, decision.created_at + timedelta(hours=hours), who) for who, hours in times)

    def _review(self, meant: str, at: datetime) -> None:
        """Let a reviewer answer a task, or another one where nothing is open to the first."""
        self.clock.set(at)
        for name in (meant, *(who.name for who in REVIEWERS)):
            task = self.loop.queue.claim(name, project=PROJECT, stages=_PEOPLE)
            if task is not None:
                return self._answer(task, self._step(task).opinions[name])
        raise ConflictError(_DISTURBED)

    def _settle(self) -> None:
        """Let the seniors settle what reviewers disagree on, each what they were not asked about before."""
        for name in (who.name for who in SENIORS):
            while self._disputes and (task := self.loop.queue.claim(name, project=PROJECT, stages=(Stage.ADJUDICATE,))):
                step = self._step(task)
                self.clock.set(max(self.clock.now(), task.created_at + timedelta(hours=step.waits.ruling)))
                self._answer(task, step.rulings[name])
                self._disputes -= 1
        if self._disputes:
            raise ConflictError(_DISTURBED)

    def _step(self, task: ReviewTask) -> HistoryStep:
        if task.item.id not in self._plan:
            raise ConflictError(_DISTURBED)
        return self._plan[task.item.id]

    def _answer(self, task: ReviewTask, planned: PlannedReview) -> None:
        self.clock.advance(seconds=planned.active_seconds)
        review = Review(
            verdict=planned.verdict,
            output=planned.output,
            label=planned.label,
            reasons=planned.reasons,
            comment=planned.comment,
            active_seconds=planned.active_seconds,
        )
        self.loop.queue.complete(task.token, review)
        self.reviewed += 1
        if task.stage is Stage.HUMAN and task.decision.overlap > 1:
            said = self._said.setdefault(task.item.id, [])
            said.append(planned.verdict)
            self._disputes += len(said) == task.decision.overlap and len(set(said)) > 1


def _leave_work(loop: Loop, clock: ManualClock, waiting: Sequence[Item], end: datetime, folder: Path | None) -> None:
    """Submit what waits for a person, in one transaction at the very end: that it is there says the load is complete.

    The history had no judges. Here recorded ones speak; what a rule sends to a person they only comment on.
    """
    clock.set(end)
    loop.publish((folder or demo_data_dir()) / "policy.toml", reason="judges whose verdicts were recorded")
    spread = _OLDEST_PENDING / len(waiting)
    loop.submit_many(
        item.model_copy(update={"created_at": end - _OLDEST_PENDING + index * spread})
        for index, item in enumerate(waiting)
    )
    settled = {each.item_id for each in loop.judges.judge_waiting(len(waiting), project=PROJECT)}
    for item in waiting:
        if item.id not in settled:
            loop.judges.judge_item(item.id, project=PROJECT)


def _is_there(loop: Loop, item_id: str) -> bool:
    with loop.store.read() as tx:
        return item_rows.find(tx, PROJECT, item_id) is not None


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
