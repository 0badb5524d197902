"""`loop.audit`: what slipped through, segment by segment, and the breaker that stops a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from hitl_core.audit.estimate import ErrorEstimate, estimate_error
from hitl_core.audit.segments import (
    SegmentRows,
    SegmentState,
    SequencePoint,
    describe,
    same_segment,
    split,
    trace,
    watch_segment,
)
from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import InputError, NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import MONITOR, Breaker
from hitl_core.domain.records import Route
from hitl_core.domain.text import require_clean
from hitl_core.store import events, policies
from hitl_core.store.engine import Store
from hitl_core.store.trust import labelled

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.audit.monitor import Watch

NOBODY = ("system", MONITOR)
"""Actors that are no person."""


class Amend(Protocol):
    """Publishes a change of the live policy: `PolicyBook.amend`."""

    def __call__(
        self,
        change: Callable[[Policy], Policy | None],
        *,
        author: str,
        reason: str,
        then: Callable[[sa.Connection, int], None] | None = None,
    ) -> int | None:
        """Publish what `change` makes of the live policy, None where it leaves it as it is."""


@dataclass(frozen=True)
class Failure:
    """An auto-approved output that an audit found wrong."""

    item_id: str
    project: str
    segment: str
    decided_at: datetime
    confidence: float | None
    inclusion_probability: float
    reviewer: str
    reviewed_at: datetime
    policy_version: int


@dataclass
class _LastLook:
    """What a check saw last, so that the next one costs a lookup when nothing happened."""

    mark: tuple[str, int] | None = None


@dataclass(frozen=True)
class Auditor:
    """Reads what audits found and trips or resets breakers.

    Args:
        store: the database.
        clock: closes the window of an estimate.
        policy: returns the live policy (targets, segments, what a label is).
        amend: publishes a change of it.
        actor: whose name a reset carries.
    """

    store: Store
    clock: Clock
    policy: Callable[[], Policy]
    amend: Amend
    actor: str = "system"
    _last: _LastLook = field(default_factory=_LastLook)

    def acting_as(self, actor: str) -> Auditor:
        """Return the same auditor under another name."""
        return replace(self, actor=actor)

    def rows(
        self,
        *,
        project: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        routes: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return the rows drawn by design, as `store.trust.labelled.labelled_frame` describes them."""
        with self.store.read() as tx:
            return labelled.labelled_frame(
                tx,
                now=self.clock.now(),
                since=since,
                until=until,
                project=project,
                routes=routes,
                cosmetic=self.policy().labels.cosmetic_reasons,
            )

    def states(self, project: str | None = None) -> list[SegmentState]:
        """Return every segment's state, the ones that need a look first: breached, then watching, then certified."""
        policy, restarts = self.policy(), self._restarts()
        tripped = {each.segment(): each for each in policy.breakers}
        parts = self._segments(policy, restarts, project)
        for name, breaker in tripped.items():
            parts.setdefault(
                name, SegmentRows(name, {str(key): value for key, value in breaker.when.items()}, (), (), (), (), ())
            )
        made = [
            describe(
                rows,
                policy.audit,
                until=self.closed_until(),
                breaker=tripped.get(name),
                since=restarts.get(name),
            )
            for name, rows in parts.items()
        ]
        order = ("breached", "watching", "certified")
        return sorted(made, key=lambda each: (order.index(each.state), -each.estimate.weighted.high, each.segment))

    def sequence(self, segment: str, project: str | None = None) -> list[SequencePoint]:
        """Return the running estimate of a segment with its confidence sequence, at most 2,000 points.

        Raises:
            NotFoundError: no output of such a segment was audited.
        """
        policy = self.policy()
        return trace(self._segment(policy, segment, project), policy.audit)

    def estimate(
        self,
        *,
        project: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        routes: Sequence[str] = (Route.AUTO_APPROVE.value,),
    ) -> ErrorEstimate:
        """Return the share of wrong outputs in a closed window, weighted and naive.

        Args:
            project: only this project.
            since: start of the window.
            until: its end; default (and at the latest) the time up to which labels should have arrived.
            routes: of the outputs; default those that went out by themselves, all of them for an empty sequence.
        """
        closed = self.closed_until()
        end = closed if until is None else min(until, closed)
        frame = self.rows(project=project, since=since, until=end, routes=tuple(routes) or None)
        there = frame.filter(frame["correct"].is_not_null())
        settings = self.policy().audit
        return estimate_error(
            there["correct"].to_numpy(),
            there["inclusion_probability"].to_numpy(),
            unanswered=frame.filter(frame["correct"].is_null())["inclusion_probability"].to_numpy(),
            groups=there["group"].to_numpy() if there.height else None,
            confidence=settings.confidence,
            max_unanswered=settings.max_unanswered,
        )

    def closed_until(self) -> datetime:
        """Return the moment before which every label asked for should have arrived."""
        policy = self.policy()
        return self.clock.now() - max(policy.audit_due(), *policy.sla.targets().values(), timedelta(0))

    def failures(
        self, segment: str | None = None, *, project: str | None = None, limit: int | None = 200
    ) -> list[Failure]:
        """Return auto-approved outputs that audits found wrong, newest first."""
        policy = self.policy()
        frame = self.rows(project=project, routes=(Route.AUTO_APPROVE.value,))
        wrong = frame.filter(~frame["correct"]).reverse()
        made = []
        for row in wrong.iter_rows(named=True):
            name = Breaker.name_of(row, policy.audit.segment_by)
            if segment is None or same_segment(name, segment):
                values = {key: row[key] for key in Failure.__dataclass_fields__ if key != "segment"}
                made.append(Failure(segment=name, **values))
        return made[:limit]

    def mark(self) -> tuple[str, int]:
        """Return what changes whenever a label or the policy may have: the newest review and the live version."""
        with self.store.read() as tx:
            return labelled.newest_review(tx), policies.live_version(tx) or 0

    def check(self) -> list[str]:
        """Trip the breaker of every segment whose breach test raises the alarm; return their names.

        Costs one lookup when nothing was reviewed and nothing published since the last time.
        """
        mark = self.mark()
        if mark == self._last.mark:
            return []
        policy, restarts = self.policy(), self._restarts()
        off = {each.segment() for each in policy.breakers}
        tripped = []
        for name, rows in self._segments(policy, restarts, None).items():
            if name in off or not (watch := watch_segment(rows, policy.audit)).breached:
                continue
            if self._trip(rows, watch, restarts.get(name)):
                tripped.append(name)
        self._last.mark = self.mark() if tripped else mark
        return tripped

    def tripped(self) -> tuple[Breaker, ...]:
        """Return the breakers that are tripped: what a lead has to be told."""
        return self.policy().breakers

    def reset(self, segment: str, reason: str) -> int:
        """Let a segment's outputs go out again; the breach test starts over. Return the new policy version.

        Raises:
            InputError: no reason, or nobody's name: only a person switches it back on.
            NotFoundError: no breaker of that name is tripped.
        """
        if not reason.strip():
            raise InputError("resetting a breaker needs a reason; say why the segment may go out again")
        require_clean(reason, "reason")
        if self.actor.strip().casefold() in NOBODY:
            raise InputError("only a person resets a breaker; say who you are: loop.acting_as(name).audit.reset(…)")
        names = [each.segment() for each in self.policy().breakers]
        version = self.amend(
            lambda live: _without(live, segment),
            author=self.actor,
            reason=f"reset {segment}: {reason.strip()}",
            then=lambda tx, number: self._event(
                tx, "breaker.reset", self.actor, {"segment": segment, "version": number, "reason": reason.strip()}
            ),
        )
        if version is None:
            known = f"tripped: {', '.join(sorted(names))}" if names else "no breaker is tripped"
            raise NotFoundError(f"no breaker of segment {segment!r:.80} is tripped; {known}")
        return version

    def _trip(self, rows: SegmentRows, watch: Watch, since: datetime | None) -> bool:
        """Trip a segment's breaker by rows read since its last reset, unless a person reset it meanwhile."""
        reason = (
            f"breach: {watch.errors} of {watch.n} audits wrong, the rise began with audit {watch.since}; "
            f"target {watch.target:.1%}, a false alarm in {watch.run_length:,.0f} audits"
        )
        data = {"segment": rows.segment, "errors": watch.errors, "n": watch.n, "target": watch.target}

        def trip(live: Policy) -> Policy | None:
            if any(each.segment() == rows.segment for each in live.breakers):
                return None
            breaker = Breaker.model_validate({"when": rows.when, "reason": reason, "since": self.clock.now()})
            return live.model_copy(update={"breakers": (*live.breakers, breaker)})

        def note(tx: sa.Connection, number: int) -> None:
            if _restarts(tx).get(rows.segment) != since:
                raise _ResetMeanwhileError
            self._event(tx, "breaker.tripped", MONITOR, data | {"version": number})

        try:
            return self.amend(trip, author=MONITOR, reason=f"{rows.segment}: {reason}", then=note) is not None
        except _ResetMeanwhileError:
            return False

    def _event(self, tx: sa.Connection, kind: str, actor: str, data: dict[str, object]) -> None:
        events.append(tx, kind, at=self.clock.now(), actor=actor, data=data)

    def _segment(self, policy: Policy, segment: str, project: str | None) -> SegmentRows:
        parts = self._segments(policy, self._restarts(), project)
        found = next((rows for name, rows in parts.items() if same_segment(name, segment)), None)
        if found is None:
            known = ", ".join(sorted(parts)) or "none yet"
            raise NotFoundError(f"no output of segment {segment!r:.80} was audited; segments: {known}")
        return found

    def _segments(self, policy: Policy, restarts: dict[str, datetime], project: str | None) -> dict[str, SegmentRows]:
        frame = self.rows(project=project, routes=(Route.AUTO_APPROVE.value,))
        return split(frame, policy.audit.segment_by, restarts)

    def _restarts(self) -> dict[str, datetime]:
        with self.store.read() as tx:
            return _restarts(tx)


class _ResetMeanwhileError(Exception):
    """A person reset the breaker while its old audits were being read; nothing is published."""


def _restarts(tx: sa.Connection) -> dict[str, datetime]:
    """Return when each segment's breaker was last taken away: the version that no longer has it says so."""
    found: dict[str, datetime] = {}
    before: set[str] = set()
    for version in reversed(policies.history(tx)):
        now = {Breaker.model_validate(each).segment() for each in version.body.get("breakers", ())}
        found |= dict.fromkeys(before - now, version.created_at)
        before = now
    return found


def _without(live: Policy, segment: str) -> Policy | None:
    kept = tuple(each for each in live.breakers if not same_segment(each.segment(), segment))
    return None if len(kept) == len(live.breakers) else live.model_copy(update={"breakers": kept})
