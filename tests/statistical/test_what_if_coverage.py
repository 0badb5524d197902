"""What-if in repeated worlds with a known truth: its intervals cover what really escapes as often as they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import orjson
import polars as pl
from scipy import stats

from hitl_core import Item, Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.periods import Window
from hitl_core.reports.whatif.replaying import Asked, compute_what_if
from hitl_core.reports.whatif.result import Figure, WhatIf
from hitl_core.routing.router import route

WORLDS = 80
OUTPUTS = 400
LEVEL = 0.9
SECRET = b"k" * 16
LIVE = Policy.from_mapping({
    "thresholds": {"auto_approve": 0.85},
    "overrides": [{"when": {"domain": "law"}, "audit_rate": 0.4}],
    "audit": {"rate": 0.15},
})  # fmt: skip
LOOSER = Policy.from_mapping({"thresholds": {"auto_approve": 0.75, "async_review": 0.7}})
STRICTER = Policy.from_mapping({"thresholds": {"auto_approve": 0.95}})
PRICES = Prices(human_usd=2, model_usd=0.01, escaped_error_usd=20, reviewer_miss=0.07)


class Row(NamedTuple):
    """A row as the store gives it."""

    key: str
    item_key: str
    project: str
    id: str
    body: str
    at: int
    route: str
    reasons: str
    raw_confidence: float | None
    confidence: float | None
    policy_version: int
    inclusion_probability: float
    audited: bool
    overlap: int
    signals: str | None
    calibrator: str | None
    path: str | None


class World(NamedTuple):
    """Decisions, labels of some of them, and whether each output is wrong."""

    rows: list[Row]
    labelled: pl.DataFrame
    wrong: dict[str, bool]


def made(seed: int) -> World:
    """Outputs that are right as often as their confidence says but for a tenth; one review in twenty has not come."""
    rng = np.random.default_rng(seed)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    rows, labels, wrong = [], [], {}
    for k in range(OUTPUTS):
        confidence = float(rng.beta(6, 1.2))
        item = Item(
            id=f"w{seed}-{k}", query="q", output="o", confidence=confidence, domain=str(rng.choice(["law", "it"]))
        )
        decision = route(item, LIVE, policy_version=1, now=now, audit_secret=SECRET)
        wrong[item.id] = bool(rng.random() > confidence * 0.97)
        key = f"{k:032x}"
        body = orjson.dumps({"domain": item.domain}).decode()
        reasons = orjson.dumps(decision.reasons).decode()
        given = (decision.route.value, reasons, confidence, confidence, 1, decision.inclusion_probability)
        rows.append(Row(key, key, "default", item.id, body, 0, *given, decision.audited, 1, None, None, None))
        looked_at = decision.audited or (decision.needs_human and rng.random() < 0.95)
        if looked_at:
            labels.append((k, k, not wrong[item.id]))
    schema = {"item": pl.UInt64, "decision": pl.UInt64, "right": pl.Boolean}
    return World(rows, pl.DataFrame(labels, schema=schema, orient="row"), wrong)


def asked(world: World, policy: Policy) -> WhatIf:
    question = Asked(policy, "other", Window(), None, PRICES, most_items=OUTPUTS, level=LEVEL)
    return compute_what_if([world.rows], world.labelled, question, {1: SECRET})


def truths(world: World, found: WhatIf) -> Iterator[tuple[str, Figure, float]]:
    """Yield each estimate with what is true in this world."""
    new = {row.id: row.route for row in world.rows} | {each.item_id: each.new for each in found.items}
    before = sum(world.wrong[row.id] for row in world.rows if row.route == "auto_approve")
    after = sum(world.wrong[item] for item, way in new.items() if way == "auto_approve")
    seen = [sum(world.wrong.values()) - out for out in (before, after)]
    looks = [found.reviews_before + found.audits_before, found.reviews_after + found.audits_after]
    usd = [
        PRICES.model_usd * OUTPUTS + 2 * look + 20 * (out + PRICES.reviewer_miss * missed)
        for look, out, missed in zip(looks, (before, after), seen, strict=True)
    ]
    yield "escaped before", found.escaped_before, before
    yield "escaped after", found.escaped_after, after
    yield "escaped change", found.escaped_change, after - before
    yield "cost before", found.cost_before, usd[0]
    yield "cost after", found.cost_after, usd[1]
    yield "cost change", found.cost_change, usd[1] - usd[0]


def test_intervals_cover_the_truth_at_their_level() -> None:
    misses: dict[str, int] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(WORLDS):
        world = made(seed)
        for name, policy in (("looser", LOOSER), ("stricter", STRICTER)):
            found = asked(world, policy)
            assert found.moved == len(found.items) > 0
            for what, figure, truth in truths(world, found):
                at = f"{name}: {what}"
                inside = figure.low - 1e-6 <= truth <= figure.high + 1e-6
                misses[at] = misses.get(at, 0) + (not inside)
                widths.setdefault(at, []).append(figure.high - figure.low)
    most = int(stats.binom.ppf(0.999, WORLDS, 1 - LEVEL))
    assert len(misses) == 12
    assert all(count <= most for count in misses.values()), misses
    # An interval that covers because it says nothing is no good: audits narrow it to a part of what goes out.
    assert np.mean(widths["looser: escaped after"]) < 0.25 * OUTPUTS


def test_the_live_policy_moves_nothing_and_estimates_are_unbiased() -> None:
    errors = []
    for seed in range(40):
        world = made(seed)
        found = asked(world, LIVE)
        assert found.moved == 0
        assert found.audits_before == found.audits_after
        _, figure, truth = next(iter(truths(world, found)))
        assert figure.value is not None
        errors.append(figure.value - truth)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))


def test_labels_that_were_asked_for_out_of_turn_do_not_count() -> None:
    world = made(3)
    unaudited = [k for k, row in enumerate(world.rows) if row.route == "auto_approve" and not row.audited]
    found = asked(world, LIVE).escaped_before
    # Somebody looked at outputs that no coin had chosen, because they were wrong: their decision has no audit.
    asked_for = pl.DataFrame(
        {"item": unaudited, "decision": [10_000 + k for k in unaudited], "right": [False] * len(unaudited)}
    )
    more = pl.concat([world.labelled, asked_for.cast(world.labelled.schema)])
    assert asked(world._replace(labelled=more), LIVE).escaped_before == found
