"""Load the demo project: a synthetic history is replayed through the product itself, then work is left to do.

What is left was judged with recorded verdicts. Their judges have no certificate, so all of it waits for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_core.domain.clock import ManualClock, SystemClock
from hitl_core.domain.errors import ConflictError
from hitl_core.domain.records import Decision, Item, Review, Reviewer
from hitl_core.integrations.demo import (
    REVIEWERS,
    HistoryStep,
    PlannedReview,
    demo_data_dir,
    history,
    load_demo,
    pending,
)
from hitl_core.loop.hallway import Loop
from hitl_core.store import items as item_rows

if TYPE_CHECKING:
    from hitl_core.settings import Settings

PROJECT = "demo"
ACTOR = "demo (synthetic)"
_OLDEST_PENDING = timedelta(hours=20)


class HalfLoadedError(ConflictError):
    """An earlier load was interrupted, so that its history cannot be continued."""


@dataclass(frozen=True)
class DemoReport:
    """What was loaded; all zero when it was there already."""

    submitted: int = 0
    reviewed: int = 0
    waiting: int = 0
    judged: int = 0


def load_demo_project(
    url: str,
    *,
    now: datetime | None = None,
    settings: Settings | None = None,
    folder: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> DemoReport:
    """Fill a database with the demo project; one that has it already is left as it is.

    Args:
        url: the database.
        now: the end of the history; default the present.
        settings: default: HITL_* variables and `.env`.
        folder: where the demo set lies; default the packaged one.
        on_progress: called with (steps done, steps in all).

    Raises:
        HalfLoadedError: an earlier load was interrupted, so that its history cannot be continued.
        ConflictError: somebody else claims tasks of the project meanwhile.
    """
    end = now or SystemClock().now()
    items, labels = load_demo(folder)
    waiting = pending(items, labels)
    clock = ManualClock(end)
    with Loop.open(url, clock=clock, actor=ACTOR, settings=settings) as loop:
        if _is_there(loop, waiting[-1].id):
            return DemoReport()
        steps = list(history(items, labels, now=end))
        if _is_there(loop, steps[0].item.id):
            raise HalfLoadedError("the demo project was loaded only in part; load it into an empty database")
        for who in REVIEWERS:
            loop.save_reviewer(Reviewer(name=who.name))
        reviewed = 0
        for number, step in enumerate(steps, 1):
            reviewed += _replay(loop, clock, step)
            if on_progress is not None:
                on_progress(number, len(steps))
        # The history had no judges. One transaction at the very end: that these are there says the load is complete.
        clock.set(end)
        loop.publish((folder or demo_data_dir()) / "policy.toml", reason="judges whose verdicts were recorded")
        spread = _OLDEST_PENDING / len(waiting)
        loop.submit_many(
            item.model_copy(update={"created_at": end - _OLDEST_PENDING + index * spread})
            for index, item in enumerate(waiting)
        )
        judged = _judge(loop, waiting)
    return DemoReport(len(steps) + len(waiting), reviewed, len(waiting), judged)


def _judge(loop: Loop, waiting: Sequence[Item]) -> int:
    """Let the recorded judges speak about everything that waits; what a rule sends to a person they only comment on."""
    settled = {each.item_id for each in loop.judges.judge_waiting(len(waiting), project=PROJECT)}
    for item in waiting:
        if item.id not in settled:
            loop.judges.judge_item(item.id, project=PROJECT)
    return len(waiting)


def _is_there(loop: Loop, item_id: str) -> bool:
    with loop.store.read() as tx:
        return item_rows.find(tx, PROJECT, item_id) is not None


def _replay(loop: Loop, clock: ManualClock, step: HistoryStep) -> int:
    """Submit one item and, where the router wants a person, let the planned one decide; return the reviews."""
    clock.set(step.at)
    decision = loop.submit(step.item)
    if not (decision.needs_human or decision.audited):
        return 0
    return _review(loop, clock, decision, step.review)


def _review(loop: Loop, clock: ManualClock, decision: Decision, planned: PlannedReview) -> int:
    # Each item is decided before the next comes in, so the only open task is the planned one.
    clock.set(max(planned.at - timedelta(seconds=planned.active_seconds), decision.created_at))
    task = loop.queue.claim(planned.reviewer, project=PROJECT)
    if task is None or task.item.id != decision.item_id:
        raise ConflictError("somebody else works in the demo project while it is loaded; load it into a new database")
    clock.set(planned.at)
    review = Review(
        verdict=planned.verdict,
        output=planned.output,
        label=planned.label,
        reasons=planned.reasons,
        comment=planned.comment,
        active_seconds=planned.active_seconds,
    )
    loop.queue.complete(task.token, review)
    return 1
