"""Segments of what goes out by itself: their rows in decision order, and what can be said about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from hitl_core.audit.estimate import ErrorEstimate, estimate_error
from hitl_core.audit.monitor import Watch, watch_rows
from hitl_core.audit.sequence import ConfidenceSequence
from hitl_core.domain.policy_sections import Audit, Breaker, folded, segment_name
from hitl_core.stats import Interval

if TYPE_CHECKING:
    import polars as pl

State = Literal["certified", "watching", "breached"]
POINTS = 2000


@dataclass(frozen=True)
class SegmentState:
    """What audits say about one segment's auto-approved outputs.

    Attributes:
        segment: its name.
        when: the values that make it up.
        state: "certified" (the sequence's upper bound is at most the target, and the labels arrived), "watching", or
            "breached" (a breaker is tripped, or is about to be).
        estimate: of the window in which the labels should have arrived, up to `until`.
        sequence: the interval that holds at all times, for a constant error rate, from all labels since `since`.
        value: the weighted mean of the same labels, NaN without one; outside `sequence` once the rate has changed.
        n: labels it rests on. `errors` of them say wrong.
        watch: the breach test.
        unanswered: audits without an answer; the oldest was asked for at `oldest_at`.
        breaker: the tripped breaker, None where outputs may go out.
        since: when a person last reset the breaker; None where none ever did.
    """

    segment: str
    when: dict[str, str]
    state: State
    estimate: ErrorEstimate
    until: datetime
    sequence: Interval
    value: float
    n: int
    errors: int
    watch: Watch
    unanswered: int
    oldest_at: datetime | None
    breaker: Breaker | None
    since: datetime | None
    target: float

    @property
    def changed(self) -> bool:
        """Whether the labels contradict a constant error rate, so that `sequence` is about none."""
        return self.value < self.sequence.low or self.value > self.sequence.high


@dataclass(frozen=True)
class SequencePoint:
    """The running estimate and its confidence sequence after `n` labels, the last of an output decided at `at`."""

    at: datetime
    n: int
    errors: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SegmentRows:
    """One segment's audited outputs in decision order: `errors` is None where no label has arrived."""

    segment: str
    when: dict[str, str]
    decided_at: tuple[datetime, ...]
    asked_at: tuple[datetime, ...]
    errors: tuple[float | None, ...]
    inclusion: tuple[float, ...]
    groups: tuple[str, ...]

    def answered(self) -> list[tuple[datetime, float, float]]:
        """Return (decided, error, inclusion probability) of the labels that have arrived."""
        rows = zip(self.decided_at, self.errors, self.inclusion, strict=True)
        return [(at, error, chance) for at, error, chance in rows if error is not None]

    def least(self) -> float:
        """Return the least inclusion probability."""
        return min(self.inclusion, default=1.0)


def split(frame: pl.DataFrame, keys: Sequence[str], restarts: Mapping[str, datetime]) -> dict[str, SegmentRows]:
    """Return the rows of each segment since its breaker was last reset.

    Args:
        frame: as `labelled_frame` returns it.
        keys: what makes up a segment.
        restarts: when a segment's breaker was last reset, by name.
    """
    import polars as pl

    tidy = frame.with_columns(
        *(pl.col(key).fill_null("").str.strip_chars().str.to_lowercase().alias(f"key_{key}") for key in keys),
        (1 - pl.col("correct").cast(pl.Float64)).alias("error"),
    )
    columns = [f"key_{key}" for key in keys]
    # Two spellings may be of one name (Straße, STRASSE), which only Python's folding knows.
    kinds = tidy.select(columns).unique(maintain_order=True)
    kinds = kinds.with_columns(pl.Series("name", [segment_name(row) for row in kinds.iter_rows()], dtype=pl.String))
    named = tidy.join(kinds, on=columns, how="left", maintain_order="left")
    found = {}
    for (spelled,), part in named.group_by("name", maintain_order=True):
        name, values = str(spelled), part.select(columns).row(0)
        when = dict(zip(keys, map(str, values), strict=True))
        since = restarts.get(name)
        kept = part if since is None else part.filter(pl.col("decided_at") > since)
        found[name] = SegmentRows(
            segment=name,
            when=when,
            decided_at=tuple(kept["decided_at"].to_list()),
            asked_at=tuple(kept["asked_at"].to_list()),
            errors=tuple(kept["error"].to_list()),
            inclusion=tuple(kept["inclusion_probability"].to_list()),
            groups=tuple(kept["group"].to_list()),
        )
    return found


def watch_segment(rows: SegmentRows, settings: Audit) -> Watch:
    """Return what the breach test says about a segment."""
    return watch_rows(
        ((error, chance) for _, error, chance in rows.answered()),
        target=settings.target_error,
        run_length=settings.false_alarm_audits,
        min_inclusion=rows.least(),
    )


def trace(rows: SegmentRows, settings: Audit, *, points: int = POINTS) -> list[SequencePoint]:
    """Return the running estimate after each label, thinned to at most `points`; the last one is always there."""
    answered = rows.answered()
    sequence = ConfidenceSequence(confidence=settings.confidence, min_inclusion=rows.least())
    step = max(1, -(-len(answered) // points))
    made, errors = [], 0
    for number, (at, error, chance) in enumerate(answered, 1):
        sequence.update(error, chance)
        errors += error > 0
        if number % step == 0 or number == len(answered):
            low, high = sequence.interval
            made.append(SequencePoint(at, number, errors, sequence.value, low, high))
    return made[-points:]


def describe(
    rows: SegmentRows, settings: Audit, *, until: datetime, breaker: Breaker | None, since: datetime | None
) -> SegmentState:
    """Return a segment's state; `until` closes the window of the estimate."""
    path = trace(rows, settings)
    interval = Interval(path[-1].low, path[-1].high) if path else Interval(0.0, 1.0)
    estimate, watch = estimate_window(rows, settings, until=until), watch_segment(rows, settings)
    waiting = [at for at, error in zip(rows.asked_at, rows.errors, strict=True) if error is None]
    state: State = "watching"
    if breaker is not None or watch.breached:
        state = "breached"
    elif interval.high <= settings.target_error and not estimate.refused:
        state = "certified"
    return SegmentState(
        segment=rows.segment,
        when=rows.when,
        state=state,
        estimate=estimate,
        until=until,
        sequence=interval,
        value=path[-1].value if path else float("nan"),
        n=watch.n,
        errors=watch.errors,
        watch=watch,
        unanswered=len(waiting),
        oldest_at=min(waiting, default=None),
        breaker=breaker,
        since=since,
        target=settings.target_error,
    )


def estimate_window(rows: SegmentRows, settings: Audit, *, until: datetime) -> ErrorEstimate:
    """Return the estimate of the outputs that were decided before `until`."""
    closed = [index for index, at in enumerate(rows.decided_at) if at < until]
    there = [index for index in closed if rows.errors[index] is not None]
    missing = [rows.inclusion[index] for index in closed if rows.errors[index] is None]
    return estimate_error(
        [1 - (rows.errors[index] or 0.0) for index in there],
        [rows.inclusion[index] for index in there],
        unanswered=missing,
        groups=[rows.groups[index] for index in there],
        confidence=settings.confidence,
        max_unanswered=settings.max_unanswered,
    )


def same_segment(name: str, other: str) -> bool:
    """Whether two names mean the same segment."""
    return folded(name) == folded(other)
