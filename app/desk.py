"""One reviewer's desk: the task in front of them, the next one already fetched, and what was just saved.

No Streamlit here. Every decision names the task it was made on; a press that belongs to a task that is no longer
in front, or that comes before a person could have seen the task, changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from app.wiring import Workup
from hitl_core import Loop
from hitl_core.domain.errors import ConflictError, HitlError, LeaseLostError, NotFoundError, StoreError, explain
from hitl_core.domain.records import Review, ReviewTask, Stage
from hitl_core.loop.raters.dispute import PeerOpinion

TOO_SOON_SECONDS = 0.3
MOST_IDLE_SECONDS = 3600.0
BEAT_SECONDS = 45.0
Mode = Literal["read", "edit", "edit_reasons", "reject_reasons"]
Verdict = Literal["approve", "edit", "reject"]


@dataclass
class Shown:
    """A task on the desk with what the reviewer did to it so far."""

    task: ReviewTask
    workup: Workup
    text: str
    label: str
    comment: str = ""
    mode: Mode = "read"
    shown_at: float | None = None
    quiet_since: float | None = None


@dataclass(frozen=True)
class Notice:
    """What the page says about the last action; `about` and `kept_text` are untrusted."""

    kind: Literal["saved", "info", "problem"]
    text: str
    about: str = ""
    kept_text: str = ""
    number: int = 0


@dataclass
class Desk:
    """What one browser session of a reviewer works on.

    Args:
        loop: the open database.
        reviewer: whose desk it is.
        prepare: starts the work-up of a task beside the page.
        project: only tasks of this project; None means all.
        now: monotonic seconds; tests pass their own.
        stages: only tasks of these stages; None means all that the reviewer may do.
    """

    loop: Loop
    reviewer: str
    prepare: Callable[[ReviewTask], Workup]
    project: str | None = None
    now: Callable[[], float] = time.monotonic
    stages: tuple[Stage, ...] | None = None
    current: Shown | None = None
    following: Shown | None = None
    notice: Notice | None = None
    _touched_at: float = field(default=0.0)
    _beaten_at: float = field(default=0.0)
    _notices: int = 0
    _decided: Shown | None = None

    def sit_down(self) -> None:
        """Make sure a task is in front: one held already (after a reload), the prefetched one, or a new claim."""
        self._touched_at = self._touched_at or self.now()
        self._beaten_at = self._beaten_at or self.now()
        if self.current is None and self.following is not None:
            self.current, self.following = self.following, None
        if self.current is None:
            held = [task for task in self.loop.queue.held(self.reviewer) if self._fits(task)]
            task = held[0] if held else self._claim()
            self.current = self._shown(task) if task else None

    def fetch_next(self) -> None:
        """Claim the task after this one, so that it is there when this one is decided."""
        if self.current is None or self.following is not None:
            return
        mine = self.current.task.id
        held = [task for task in self.loop.queue.held(self.reviewer) if task.id != mine and self._fits(task)]
        task = held[0] if held else self._claim()
        self.following = self._shown(task) if task else None

    def was_drawn(self) -> None:
        """Note that the task in front is on the screen from now."""
        if self.current is not None and self.current.shown_at is None:
            self.current.shown_at = self.current.quiet_since = self.now()

    def at(self, task_id: str) -> Shown | None:
        """Return the task in front if it is the one a press was made on and could have been read; else say why not."""
        shown = self.current
        if shown is None or shown.task.id != task_id:
            return None
        if shown.quiet_since is None or self.now() - shown.quiet_since < TOO_SOON_SECONDS:
            # Each early press starts the wait again, so that a held-down key decides nothing.
            shown.quiet_since = self.now() if shown.shown_at is not None else None
            self.say("info", "That key came before this item could be read; nothing was decided. Press it again.")
            return None
        self._touched_at = self.now()
        return shown

    def take_over(self, task_id: str, opinion: PeerOpinion) -> None:
        """Decide the task in front as somebody else did; a rejection without a reason asks for one first."""
        shown = self.at(task_id)
        if shown is None:
            return
        if opinion.verdict == "reject" and not opinion.reasons:
            shown.mode = "reject_reasons"
            return
        if opinion.verdict == "edit":
            shown.text = opinion.output if opinion.output is not None else shown.text
        shown.label = opinion.label or shown.label
        self.decide(task_id, opinion.verdict, opinion.reasons)

    def decide(self, task_id: str, verdict: Verdict, reasons: tuple[str, ...] = (), *, exemplary: bool = False) -> None:
        """Save a decision on the task in front and bring the next one forward."""
        shown = self.at(task_id)
        if shown is None:
            return
        try:
            review = Review(
                verdict=verdict,
                output=shown.text if verdict == "edit" else None,
                label=shown.label.strip() or None if verdict == "edit" else None,
                reasons=reasons,
                comment=shown.comment,
                exemplary=exemplary,
                active_seconds=self._active_seconds(shown),
            )
        except ValidationError as error:
            self.say("problem", "Not saved:", about=explain(error, Review))
            return
        saved = {"approve": "Approved", "edit": "Edit saved", "reject": "Rejected"}[verdict]
        self._attempt(shown, lambda: self.loop.queue.complete(shown.task.token, review), saved)

    def skip(self, task_id: str) -> None:
        """Put the task in front back for others."""
        if (shown := self.at(task_id)) is not None:
            self._attempt(shown, lambda: self.loop.queue.skip(shown.task.token, shown.comment), "Skipped", kind="info")

    def escalate(self, task_id: str) -> None:
        """Pass the task in front to a senior."""
        if (shown := self.at(task_id)) is not None:
            action = lambda: self.loop.queue.escalate(shown.task.token, shown.comment)  # noqa: E731
            self._attempt(shown, action, "Escalated to a senior", kind="info")

    def undo(self, task_id: str | None) -> None:
        """Take back the newest decision and bring its task to the front; the task in front becomes the next one."""
        if task_id is not None and self.at(task_id) is None:
            return
        try:
            task = self.loop.queue.undo(self.reviewer)
        except HitlError as error:
            self.say("problem", "Not undone.", about=str(error))
            return
        if not self._here(task):
            self.say("info", "Taken back; it waits for you on the page where you decided it:", about=task.item.query)
            return
        self._release(self.following)
        self.following, self.current = self.current, self._shown(task)
        self._give_back_text(self.current)
        if self.following is not None:
            self.following.shown_at = self.following.quiet_since = None
        self.say("info", "Taken back; decide it again:", about=task.item.query)

    def save_draft(self, task_id: str, text: str | None = None, comment: str | None = None) -> None:
        """Keep typed text here and on the server."""
        shown = self.current
        if shown is None or shown.task.id != task_id:
            return
        shown.text = shown.text if text is None else text
        shown.comment = shown.comment if comment is None else comment
        self._touched_at = self.now()
        output = shown.text if shown.text != shown.task.item.output else None
        try:
            self.loop.queue.save_draft(shown.task.token, output=output, comment=shown.comment)
        except LeaseLostError as error:
            self._lost(shown, error)
        except HitlError as error:
            self.say("problem", "The draft is only on this page:", about=str(error))

    def beat(self) -> None:
        """Renew the leases every 45 s while somebody works here; after an hour without a touch they may run out."""
        now = self.now()
        if now - self._beaten_at < BEAT_SECONDS or now - self._touched_at > MOST_IDLE_SECONDS:
            return
        self._beaten_at = now
        for shown in (self.current, self.following):
            if shown is None:
                continue
            try:
                self.loop.queue.heartbeat(shown.task.token)
            except ConflictError as error:
                if shown is self.current:
                    self._lost(shown, error)
                else:
                    self.following = None
            except StoreError:
                return

    def leave(self) -> None:
        """Give everything back."""
        self._release(self.current)
        self._release(self.following)
        self.current = self.following = None

    def say(self, kind: Literal["saved", "info", "problem"], text: str, about: str = "", kept_text: str = "") -> None:
        """Set what the page says next."""
        self._notices += 1
        self.notice = Notice(kind, text, about, kept_text, self._notices)

    def _attempt(
        self, shown: Shown, action: Callable[[], object], done: str, *, kind: Literal["saved", "info"] = "saved"
    ) -> None:
        try:
            action()
        except (LeaseLostError, NotFoundError) as error:
            self._lost(shown, error)
            return
        except StoreError as error:
            self.say("problem", "Not saved, your text is still here; try again:", about=str(error))
            return
        except HitlError as error:
            self.say("problem", "Not saved:", about=str(error))
            return
        self.say(kind, f"{done}:", about=shown.task.item.query)
        self._decided = shown
        self.current, self.following = self.following, None

    def _lost(self, shown: Shown, error: Exception) -> None:
        typed = shown.text if shown.text != shown.task.item.output else ""
        kept = "\n\n".join(part for part in (typed, shown.comment) if part)
        self.say("problem", "Nothing was saved for that item:", about=str(error), kept_text=kept)
        self.current, self.following = self.following, None

    def _claim(self) -> ReviewTask | None:
        return self.loop.queue.claim(self.reviewer, project=self.project, stages=self.stages)

    def _fits(self, task: ReviewTask) -> bool:
        return self._here(task) and self.project in (None, task.item.project)

    def _here(self, task: ReviewTask) -> bool:
        return self.stages is None or task.stage in self.stages

    def _shown(self, task: ReviewTask) -> Shown:
        shown = Shown(task, self.prepare(task), task.item.output, task.item.label or "")
        draft = self.loop.queue.draft(task.id, self.reviewer)
        if draft is not None:
            shown.comment = draft.comment
            if draft.output is not None:
                shown.text, shown.mode = draft.output, "edit"
        return shown

    def _give_back_text(self, shown: Shown) -> None:
        before = self._decided
        if before is not None and before.task.id == shown.task.id:
            shown.text, shown.label, shown.comment = before.text, before.label, before.comment

    def _release(self, shown: Shown | None) -> None:
        if shown is None:
            return
        try:
            self.loop.queue.release(shown.task.token)
        except HitlError:
            # It was taken over or the database is away; either way the lease ends by itself.
            return

    def _active_seconds(self, shown: Shown) -> float | None:
        if shown.shown_at is None:
            return None
        return round(min(self.now() - shown.shown_at, self.loop.policy.review.lease_seconds), 1)
