"""The demo's world drawn again with another seed: routed by the product's router, in the frames that reports read.

A short cut for repetitions: what people say is put into the frames without a database and without a queue, so each
opinion is the planned reviewer's. Loads through the product itself are in test_known_truth_loaded.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from hitl_core.domain.labels import Opinion, settle
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Decision
from hitl_core.integrations.demo import load_demo
from hitl_core.integrations.demo_history import HistoryStep, PlannedReview, history, history_policies
from hitl_core.integrations.demo_truth import AUDITOR, SENIORS, Cell, cells, true_values
from hitl_core.reports.metrics import Facts, prepare
from hitl_core.routing.router import route
from hitl_core.store.frames.facts import DECISIONS, REVIEWS, packed_types

NOW = datetime(2026, 3, 11, 15, 30, tzinfo=UTC)
SET = load_demo()
POLICIES = tuple(Policy.from_mapping(policy.to_mapping()) for policy in history_policies())
"""Without their audit secret: each repetition throws its own coins."""


class World(NamedTuple):
    """One repetition: its frames, and the labelled rows that a threshold decides about (no rule forced them)."""

    decisions: pl.DataFrame
    reviews: pl.DataFrame
    facts: Facts
    labelled: pl.DataFrame

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return confidence, whether the label says right, and the inclusion probability."""
        rows = self.labelled
        return rows["confidence"].to_numpy(), rows["right"].to_numpy(), rows["inclusion"].to_numpy()


@cache
def population() -> list[Cell]:
    """Return every kind of output of the demo's world."""
    return cells(POLICIES)


@cache
def free_population() -> list[Cell]:
    """Return the kinds of output that a threshold decides about."""
    return [cell for cell in population() if not cell.compliance]


@cache
def truth_of(by: str | None, group: str, first_version: int = 1) -> dict[str, float]:
    """Return what is true of a group of outputs; the history begins under the policy of number `first_version`."""

    def inside(cell: Cell) -> bool:
        values = {"policy_version": str(cell.phase + first_version), "domain": cell.domain, "model": cell.model}
        return by is None or values[by] == group

    return true_values(population(), inside)


def world(seed: int) -> World:
    """Draw a history with this seed, and the coins of audits and second opinions with it."""
    made, said, labelled = [], [], []
    secret = f"repetition {seed} of the demo".encode()
    for number, step in enumerate(history(*SET, now=NOW, seed=seed), 1):
        policy = POLICIES[step.phase]
        decision = route(step.item, policy, policy_version=step.phase + 1, now=step.at, audit_secret=secret)
        shared = _shared(number, step, decision)
        made.append(shared)
        spoken = [shared | each for each in _spoken(step, decision)]
        said += spoken
        if spoken and not step.item.requires_compliance:
            right = _settled(spoken)
            labelled.append((decision.confidence, right, decision.inclusion_probability, step.item.domain, number))
    decisions, reviews = _frame(made, packed_types(DECISIONS)), _frame(said, packed_types(REVIEWS))
    rows = pl.DataFrame(labelled, schema=["confidence", "right", "inclusion", "domain", "number"], orient="row")
    return World(decisions, reviews, prepare(decisions, reviews), rows)


def _shared(number: int, step: HistoryStep, decision: Decision) -> dict[str, Any]:
    item = step.item
    return {
        "decision": number,
        "item": number,
        "seq": 1,
        "at": step.at,
        "project": item.project,
        "domain": item.domain,
        "model": item.model,
        "label": item.label,
        "policy_version": decision.policy_version,
        "route": decision.route.value,
        "reasons": orjson.dumps(decision.reasons).decode(),
        "raw_confidence": decision.raw_confidence,
        "confidence": decision.confidence,
        "audited": decision.audited,
        "inclusion_probability": decision.inclusion_probability,
        "origin": decision.origin.value,
        "due_at": decision.due_at,
        "overlap": decision.overlap,
        "kind": "review",
        "asked_at": step.at,
    }


def _spoken(step: HistoryStep, decision: Decision) -> Iterator[dict[str, Any]]:
    """Yield what is said of an output, in order: by an auditor, or by one or two reviewers and then by a senior."""
    if decision.audited:
        yield _said(step, AUDITOR.name, step.opinions[AUDITOR.name], "audit", step.waits.audit)
    if not decision.needs_human:
        return
    asked = step.raters[: decision.overlap]
    for name, hours in zip(asked, step.waits, strict=False):
        yield _said(step, name, step.opinions[name], "human", hours)
    if len({step.opinions[name].verdict for name in asked}) > 1:
        free = [who.name for who in SENIORS if who.name not in asked] or [who.name for who in SENIORS]
        yield _said(step, free[0], step.rulings[free[0]], "adjudicate", sum(step.waits))


def _said(step: HistoryStep, name: str, opinion: PlannedReview, stage: str, hours: float) -> dict[str, Any]:
    return {
        "review": int(step.item.id[-4:]) * 8
        + ("human", "audit", "adjudicate").index(stage) * 2
        + (name == step.raters[1]),
        "at": step.at + timedelta(hours=hours, seconds=opinion.active_seconds),
        "stage": stage,
        "reviewer": name,
        "verdict": opinion.verdict,
        "review_reasons": orjson.dumps(opinion.reasons).decode(),
        "active_seconds": opinion.active_seconds,
    }


def _settled(spoken: list[dict[str, Any]]) -> bool:
    voices = [
        Opinion(each["reviewer"], each["verdict"], tuple(orjson.loads(each["review_reasons"])), each["stage"])
        for each in spoken
    ]
    label = settle(voices)
    assert label is not None
    return label.correct


def _frame(rows: list[dict[str, Any]], types: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types, orient="row")
