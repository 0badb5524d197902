"""What changed in a period, as one frame: policies, models, prompts, fits, and figures that moved for good. Pure.

Public: `Turn`, `policy_turns`, `model_turns`, `judge_turns`, `fit_turns`, `moved_turns`, `as_frame`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_core.reports.definitions import BY_NAME
from hitl_core.reports.periods import Window
from hitl_core.reports.trends import FALSE_ALARMS, moves
from hitl_core.store.policies import PublishedPolicy
from hitl_core.store.reading.turns import Asked, Fitted

if TYPE_CHECKING:
    import polars as pl

WATCHED = ("human_review_rate", "override_rate", "sla_compliance")
"""Shares that are looked through for change-points: those whose newest periods do not wait for reviews to come."""

OF_MODELS = ("project", "model", "at")
"""Columns of decisions that `model_turns` looks at."""


class Turn(NamedTuple):
    """Something that changed: when, what kind (policy, model, prompt, calibrator, change), its name and more."""

    at: datetime
    kind: str
    name: str
    detail: str


def policy_turns(published: Iterable[PublishedPolicy]) -> list[Turn]:
    """Return each policy version with its author and reason."""
    return [
        Turn(each.created_at, "policy", f"policy {each.version}", f"{each.name}, by {each.author}: {each.reason}")
        for each in published
    ]


def model_turns(held: pl.DataFrame) -> list[Turn]:
    """Return the first output of each model of a project; the project's first model is no change.

    Args:
        held: the decisions of all times that stand, with `OF_MODELS`.
    """
    import polars as pl

    first = held.filter(pl.col("model").is_not_null()).group_by("project", "model").agg(pl.col("at").min())
    rows = first.sort("at", "project", "model").filter(pl.col("project").is_duplicated())
    later = rows.filter(pl.int_range(pl.len()).over("project") > 0)
    return [
        Turn(at, "model", str(model), f"first output in project {project}")
        for project, model, at in later.select("project", "model", "at").rows()
    ]


def judge_turns(asked: Sequence[Asked]) -> list[Turn]:
    """Return where a judge got another model or prompt; how it was asked first is no change."""
    found, seen = [], dict[str, tuple[set[str], set[str]]]()
    for at, judge, model, prompt in asked:
        known = judge in seen
        models, prompts = seen.setdefault(judge, (set(), set()))
        if known and model not in models:
            found.append(Turn(at, "model", f"{judge}: {model}", f"the judge {judge} asks another model"))
        if known and prompt not in prompts:
            found.append(Turn(at, "prompt", f"{judge}: {prompt}", f"the judge {judge} asks with another prompt"))
        models.add(model)
        prompts.add(prompt)
    return found


def fit_turns(fitted: Iterable[Fitted]) -> list[Turn]:
    """Return each calibrator and scorer that was fitted."""
    return [
        Turn(each.at, each.kind, f"{each.kind} {each.name} {each.version}", f"fitted for project {each.project}")
        for each in fitted
    ]


def moved_turns(figures: pl.DataFrame) -> list[Turn]:
    """Return the change-points of the watched shares; `figures` are grouped by day or week."""
    found = []
    for metric in WATCHED:
        for move in moves(figures, metric):
            at = datetime.fromisoformat(move.at).replace(tzinfo=UTC)
            name = f"{BY_NAME[metric].title} {'rises' if move.after.value > move.before.value else 'falls'}"
            levels = f"from {move.before} to {move.after}"
            found.append(Turn(at, "change", name, f"{levels}; chance of a false alarm {FALSE_ALARMS:.0%}"))
    return found


def as_frame(turns: Iterable[Turn], span: Window) -> pl.DataFrame:
    """Return the changes of a period, oldest first: at, kind, name, detail."""
    import polars as pl

    kept = [
        turn
        for turn in turns
        if (span.since is None or turn.at >= span.since) and (span.until is None or turn.at < span.until)
    ]
    columns: dict[str, Any] = {
        "at": pl.Datetime("us", "UTC"),
        "kind": pl.String,
        "name": pl.String,
        "detail": pl.String,
    }
    return pl.DataFrame(sorted(kept), schema=columns, orient="row")
