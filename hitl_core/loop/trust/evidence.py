"""What a calibrator or a threshold may rest on: the labels of a closed window, for one project and part of it.

Public: `Scope`, `Evidence`, `read_evidence`, `read_rows`, `make_evidence`, `SEGMENT_KEYS`.

Which side of the split a row is on depends on its question alone, so rows that a calibrator was fitted on never certify
a threshold, however often either is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hitl_core.audit.estimate import ErrorEstimate, estimate_error
from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import Override, Selector, folded, segment_name
from hitl_core.domain.text import require_clean_names
from hitl_core.loop.standing import same_selector, selector_of
from hitl_core.routing.plan import compile_plan

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

SEGMENT_KEYS = ("domain", "label", "model")
FITTED_SHARE = 1 / 3
"""Part of the questions whose labels fit calibrators; the labels of the others certify thresholds."""
MONTH = timedelta(days=365.25 / 12)


@dataclass(frozen=True)
class Scope:
    """A project, the part of it that a statement is about, and the window of its decisions.

    Attributes:
        project: a calibrator and a certificate hold for one project.
        where: values of domain, label or model; empty for the whole project.
        since, until: of the decisions; None for the first one, and for the newest of which the labels have arrived.
    """

    project: str = "default"
    where: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not self.project.strip():
            raise InputError("the project has no name; leave it out to mean default")
        require_clean_names(project=self.project, **self.where)
        if unknown := sorted(set(self.where) - set(SEGMENT_KEYS)):
            raise InputError(f"a segment is given by {', '.join(SEGMENT_KEYS)}, not by {unknown[0]!r:.40}")
        if empty := [name for name, value in self.where.items() if not value.strip()]:
            raise InputError(f"the segment's {empty[0]} is empty; leave it out to mean any")

    @property
    def segment(self) -> str:
        """The segment's name; empty for the whole project."""
        return segment_name(self.where[key] for key in SEGMENT_KEYS if key in self.where) if self.where else ""

    @property
    def name(self) -> str:
        """The project, and the segment where there is one."""
        return "/".join(filter(None, (self.project, self.segment)))

    def selector(self) -> Selector:
        """Return what an override for exactly this part selects by."""
        return selector_of(self.project, self.where)


@dataclass(frozen=True)
class Evidence:
    """The labelled rows of a scope in a closed window.

    Attributes:
        scope: what they are about.
        rows: answered rows, as `labelled_frame` has them, with `fitted` (on the side that fits calibrators) and
            `segment` (by the policy's `audit.segment_by`).
        estimate: of the error among all of the scope's items; says how many answers are missing.
        start, end: of the window.
        forced: labelled rows left out because a rule, and no threshold, sent them to a person.
        items: estimated number of items in the window that a threshold decides about.
    """

    scope: Scope
    rows: pl.DataFrame
    estimate: ErrorEstimate
    start: datetime
    end: datetime
    forced: int
    items: float

    @property
    def n(self) -> int:
        """Labelled rows."""
        return self.rows.height

    @property
    def items_a_month(self) -> float:
        """Estimated items a month; windows of less than a day count as a day."""
        return self.items * MONTH / max(self.end - self.start, timedelta(days=1))

    def side(self, *, fitted: bool) -> pl.DataFrame:
        """Return the rows that fit calibrators, or those that certify."""
        import polars as pl

        return self.rows.filter(pl.col("fitted") == fitted)


def read_evidence(
    tx: sa.Connection, scope: Scope, policy: Policy, *, now: datetime, closed: datetime, decided: bool = False
) -> Evidence:
    """Read a scope's labels.

    Args:
        tx: an open transaction.
        scope: of the statement.
        policy: what a label is, and which override decides about an item.
        now: the time.
        closed: the moment before which all labels should have arrived.
        decided: leave out the items of a part of the scope for which the policy has a more telling override: what a
            threshold for exactly this scope would decide about.
    """
    frame, end = read_rows(tx, scope, policy, now=now, closed=closed)
    return make_evidence(frame, scope, policy, end=end, decided=decided)


def read_rows(
    tx: sa.Connection, scope: Scope, policy: Policy, *, now: datetime, closed: datetime
) -> tuple[pl.DataFrame, datetime]:
    """Return the rows of a scope's project and window that a confidence decides about, and the window's end."""
    from hitl_core.store.trust.labelled import labelled_frame

    end = closed if scope.until is None else min(closed, scope.until)
    cosmetic = policy.labels.cosmetic_reasons
    frame = labelled_frame(tx, now=now, since=scope.since, until=end, project=scope.project, cosmetic=cosmetic)
    return _routed(frame, policy), end


def make_evidence(
    frame: pl.DataFrame, scope: Scope, policy: Policy, *, end: datetime, decided: bool = False
) -> Evidence:
    """Return the evidence of a scope out of the rows of its project; arguments as in `read_evidence`."""
    import polars as pl

    frame = _decided(frame, scope, policy) if decided else _within(frame, scope)
    free = frame.filter(~pl.col("forced_by_rule"))
    answered = free.filter(pl.col("correct").is_not_null())
    missing = free.filter(pl.col("correct").is_null())["inclusion_probability"]
    estimate = estimate_error(
        answered["correct"].to_numpy(),
        answered["inclusion_probability"].to_numpy(),
        unanswered=missing.to_numpy(),
        groups=answered["group"].to_numpy() if answered.height else None,
        confidence=policy.audit.confidence,
        max_unanswered=policy.audit.max_unanswered,
    )
    first = free["decided_at"].min()
    start = scope.since or (first if isinstance(first, datetime) else end)
    return Evidence(
        scope=scope,
        rows=_marked(answered, scope.project, policy.audit.segment_by),
        estimate=estimate,
        start=min(start, end),
        end=end,
        forced=frame.height - free.height,
        items=float((1 / free["inclusion_probability"]).sum()),
    )


def is_fitted_on(project: str, group: str) -> bool:
    """Whether the labels of a question are on the side that fits calibrators; never changes."""
    digest = hashlib.sha256(f"{project}\n{group}".encode()).digest()
    return int.from_bytes(digest[:6], "big") < FITTED_SHARE * 2**48


def segment_names(rows: pl.DataFrame, keys: Collection[str]) -> NDArray[np.str_]:
    """Return the name of each row's segment, shape (rows,)."""
    return np.array([segment_name(values) for values in rows.select(list(keys)).iter_rows()], dtype=np.str_)


def _routed(frame: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Keep what a threshold decides about: items that brought a confidence, or got one from the live scorer."""
    import polars as pl

    scorer = policy.scorer.artefact if policy.scorer.use == "fill" else ""
    scored = (pl.col("calibrator") == scorer).fill_null(value=False) & pl.lit(bool(scorer))
    brought = pl.col("raw_confidence").is_between(0, 1).fill_null(value=False)
    filled = pl.col("raw_confidence").is_null() & pl.col("confidence").is_not_null() & scored
    return frame.filter((pl.col("inclusion_probability") > 0) & (brought | filled))


def _within(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """Keep the rows of the scope's part of the project."""
    if not scope.where:
        return frame
    return _of_kinds(frame, lambda row: all(folded(row[key]) == folded(scope.where[key]) for key in scope.where))


def _decided(frame: pl.DataFrame, scope: Scope, policy: Policy) -> pl.DataFrame:
    """Keep the rows about which an override for this scope would decide: a more telling one takes its items away."""
    mine = Override(when=scope.selector(), audit_rate=0.5)
    plan = compile_plan(policy.model_copy(update={"overrides": (*_deciding(policy, scope), mine)}))
    wanted = f"override:{mine.when.describe()}"
    ground: Any = plan.ground_for
    return _of_kinds(frame, lambda row: ground(SimpleNamespace(**row)).reason == wanted)


def _of_kinds(frame: pl.DataFrame, wanted: Callable[[dict[str, Any]], bool]) -> pl.DataFrame:
    """Keep the rows whose project, domain, label and model are wanted; asked once for each combination."""
    import polars as pl

    names = ("project", *SEGMENT_KEYS)
    kinds = frame.select(names).unique()
    keep = pl.Series([wanted(row) for row in kinds.iter_rows(named=True)], dtype=pl.Boolean)
    return frame.join(kinds.filter(keep), on=names, how="semi", nulls_equal=True, maintain_order="left")


def _deciding(policy: Policy, scope: Scope) -> tuple[Override, ...]:
    """Return the overrides that are not for exactly this scope."""
    same = same_selector(scope.selector())
    return tuple(each for each in policy.overrides if same_selector(each.when) != same)


def _marked(rows: pl.DataFrame, project: str, keys: Collection[str]) -> pl.DataFrame:
    import polars as pl

    sides = {group: is_fitted_on(project, group) for group in rows["group"].unique().to_list()}
    return rows.with_columns(
        pl.Series("fitted", [sides[group] for group in rows["group"].to_list()], dtype=pl.Boolean),
        pl.Series("segment", segment_names(rows, keys), dtype=pl.String),
    )
