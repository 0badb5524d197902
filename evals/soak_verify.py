"""What the soak proves, from the workers' diaries and the database: pure functions of entries and rows.

A lease piece is held from the moment its call returned until its lease ran out or the worker set out to end it,
whichever came first. That is less than the true holding time on both sides, so two pieces of different tokens that
overlap were truly held by two workers at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Entry = dict[str, Any]
STARTS = ("claim", "held", "heartbeat", "undo")
CLOCK_SLACK_SECONDS = 0.000_01
"""Times are floats of seconds: their rounding."""


class Piece(NamedTuple):
    """A stretch of time in which one token held one task."""

    task: str
    token: str
    start: float
    end: float


class ReviewRow(NamedTuple):
    """What the database says about a review or an undo."""

    key: str
    task: str
    kind: str
    supersedes: str | None
    reviewer: str
    verdict: str
    output: str | None
    item: str = ""
    stage: str = "human"


@dataclass
class Findings:
    """Violations, each with a few examples; empty lists are what is promised."""

    double_leases: list[str] = field(default_factory=list)
    double_grants: list[str] = field(default_factory=list)
    lost_reviews: list[str] = field(default_factory=list)
    lost_undos: list[str] = field(default_factory=list)
    duplicate_reviews: list[str] = field(default_factory=list)
    missing_events: list[str] = field(default_factory=list)
    stuck_tasks: list[str] = field(default_factory=list)
    overshoots: list[str] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(vars(self).values())


def verify(
    entries: Sequence[Entry],
    statuses: dict[str, str],
    rows: Sequence[ReviewRow],
    completed_events: Iterable[str],
    *,
    overlap: int = 1,
) -> Findings:
    """Compare the diaries with the database.

    Args:
        entries: every line of every diary, in any order.
        statuses: status of each task by key.
        rows: every review and undo.
        completed_events: the review key that each `task.completed` event names.
        overlap: opinions wanted on each item.
    """
    found = Findings()
    found.double_leases = overlaps(pieces(entries))
    found.double_grants = double_grants(entries)
    found.lost_reviews = lost_reviews(entries, rows)
    found.lost_undos = lost_undos(entries, rows)
    found.duplicate_reviews = duplicates(rows)
    wanted = {row.key for row in rows if row.kind == "review"}
    found.missing_events = sorted(wanted ^ set(completed_events))
    found.stuck_tasks = sorted(key for key, status in statuses.items() if status not in ("done", "cancelled"))
    if overlap > 1:
        found.overshoots, found.repeats, found.unsettled = shared_work(rows, overlap)
    found.errors = [f"{each['doing']}: {each['reason']}" for each in entries if each["kind"] == "error"]
    return found


def pieces(entries: Iterable[Entry]) -> list[Piece]:
    """Return the stretches in which tasks were held, at their most certain."""
    starts: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    intents: dict[tuple[str, str], list[float]] = defaultdict(list)
    for entry in entries:
        if entry["kind"] in STARTS:
            starts[entry["task"], entry["token"]].append(entry)
        elif entry["kind"] == "intent":
            intents[entry["task"], entry["token"]].append(entry["began"])
    held = []
    for (task, token), each in starts.items():
        for entry in each:
            leaving = [moment for moment in intents[task, token] if moment >= entry["ended"]]
            end = min([entry["expires"], *leaving])
            if end > entry["ended"]:
                held.append(Piece(task, token, entry["ended"], end))
    return held


def overlaps(held: Iterable[Piece]) -> list[str]:
    """Return a line for each pair of pieces in which two tokens held one task at the same time."""
    by_task: dict[str, list[Piece]] = defaultdict(list)
    for piece in held:
        by_task[piece.task].append(piece)
    lines = []
    for task, own in by_task.items():
        own.sort(key=lambda piece: piece.start)
        longest: Piece | None = None
        for piece in own:
            if longest is not None and longest.token != piece.token:
                both = min(longest.end, piece.end) - piece.start
                if both > CLOCK_SLACK_SECONDS:
                    lines.append(f"task {task}: two valid leases for {both * 1000:.3f} ms from {piece.start:.6f}")
            if longest is None or piece.end > longest.end:
                longest = piece
    return lines


def double_grants(entries: Iterable[Entry]) -> list[str]:
    """Return tasks of which one version was handed out twice; needs no clock."""
    granted = Counter((each["task"], each["version"]) for each in entries if each["kind"] in ("claim", "undo"))
    return [f"task {task} version {version} handed out {n} times" for (task, version), n in granted.items() if n > 1]


def lost_reviews(entries: Iterable[Entry], rows: Iterable[ReviewRow]) -> list[str]:
    """Return acknowledged reviews that are not in the database as they were sent."""
    stored = {row.key: row for row in rows if row.kind == "review"}
    lines = []
    for entry in entries:
        if entry["kind"] != "complete":
            continue
        row = stored.get(entry["review"])
        if row is None:
            lines.append(f"review {entry['review']} of task {entry['task']} was acknowledged and is not there")
        elif (row.task, row.verdict, row.output, row.reviewer) != tuple(
            entry[name] for name in ("task", "verdict", "output", "reviewer")
        ):
            lines.append(f"review {entry['review']} of task {entry['task']} differs from what was sent")
    return lines


def lost_undos(entries: Sequence[Entry], rows: Sequence[ReviewRow]) -> list[str]:
    """Return acknowledged undos without a row, and undo rows that take back nothing."""
    reviews = {row.key for row in rows if row.kind == "review"}
    stored = Counter(row.task for row in rows if row.kind == "undo")
    acknowledged = Counter(each["task"] for each in entries if each["kind"] == "undo")
    missing = [
        f"task {task}: {n} undos acknowledged, {stored[task]} stored"
        for task, n in acknowledged.items()
        if n > stored[task]
    ]
    dangling = [
        f"undo {row.key} takes back nothing" for row in rows if row.kind == "undo" and row.supersedes not in reviews
    ]
    return missing + dangling


def shared_work(rows: Sequence[ReviewRow], overlap: int) -> tuple[list[str], list[str], list[str]]:
    """Return items with too many opinions, with two of one person, and such that nobody settled."""
    undone = {row.supersedes for row in rows if row.kind == "undo"}
    kept: dict[str, list[ReviewRow]] = defaultdict(list)
    for row in rows:
        if row.kind == "review" and row.key not in undone:
            kept[row.item].append(row)
    overshoots, repeats, unsettled = [], [], []
    for item, given in kept.items():
        opinions = [row for row in given if row.stage == "human"]
        if len(opinions) > overlap:
            overshoots.append(f"item {item} has {len(opinions)} opinions, {overlap} were wanted")
        people = Counter(row.reviewer for row in given)
        repeats += [f"item {item}: {n} opinions of {who}" for who, n in people.items() if n > 1]
        senior = any(row.stage == "adjudicate" for row in given)
        most = max(Counter(row.verdict for row in opinions).values(), default=0)
        if not senior and (len(opinions) < overlap or most < 0.6 * overlap):
            unsettled.append(f"item {item}: {len(opinions)} opinions, at most {most} alike, and no senior's")
    return overshoots, repeats, unsettled


def duplicates(rows: Sequence[ReviewRow]) -> list[str]:
    """Return tasks with more than one review that was not taken back."""
    undone = {row.supersedes for row in rows if row.kind == "undo"}
    effective = Counter(row.task for row in rows if row.kind == "review" and row.key not in undone)
    return [f"task {task} has {n} reviews" for task, n in effective.items() if n > 1]
