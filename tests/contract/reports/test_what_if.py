"""What-if on both databases: a project small enough to check by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_core import InputError, Loop, NotFoundError, Policy, PolicyError, Review
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.policy_cost import Prices
from hitl_core.routing.coin import audit_draw

LIVE = Policy.from_mapping({"thresholds": {"auto_approve": 0.9}, "audit": {"rate": 0.5, "secret": "a" * 16}})
LOOSER = {"thresholds": {"auto_approve": 0.8}, "audit": {"rate": 0.5, "secret": "a" * 16}}
PRICES = Prices(human_usd=2, model_usd=0, escaped_error_usd=20, reviewer_miss=0)


@pytest.fixture
def loop(database_url: str, clock: ManualClock) -> Iterator[Loop]:
    with Loop.open(database_url, policy=LIVE, clock=clock) as opened:
        yield opened


def review_everything(loop: Loop, wrong: set[str]) -> int:
    """Review what waits, audits too; return how many there were."""
    done = 0
    while (task := loop.queue.claim("ann")) is not None:
        bad = task.item.id in wrong
        review = Review(verdict="reject", reasons=("wrong_fact",)) if bad else Review(verdict="approve")
        loop.queue.complete(task.token, review)
        done += 1
    return done


def submit(loop: Loop, prefix: str, confidence: float | None, n: int, **fields: Any) -> list[Any]:
    rows = [
        {"id": f"{prefix}{k}", "query": f"q {prefix}{k}", "output": "o", "confidence": confidence} | fields
        for k in range(n)
    ]
    return list(loop.submit_many(rows).decisions)


def test_a_looser_threshold_by_hand(loop: Loop) -> None:
    submit(loop, "low", 0.7, 4)  # reviewed under both
    submit(loop, "mid", 0.85, 10)  # reviewed, and would go out
    out = submit(loop, "high", 0.95, 20)  # out under both
    audited = [each.item_id for each in out if each.audited]
    assert 0 < len(audited) < 20
    wrong = {"mid1", "mid2", audited[0], "low0"}
    assert review_everything(loop, wrong) == 14 + len(audited)

    found = loop.reports.what_if(Policy.from_mapping(LOOSER), prices=PRICES)

    assert (found.outputs, found.moved, found.versions, found.unlabelled) == (34, 10, (1,), 0)
    assert found.review_rate_before.value == pytest.approx(14 / 34)
    assert found.review_rate_after.value == pytest.approx(4 / 34)
    assert found.review_rate_change.value == pytest.approx(-10 / 34)
    assert found.review_rate_change.low < -10 / 34 < found.review_rate_change.high < 0
    # Two known errors go out: labels of what was reviewed, each counting for itself.
    assert found.escaped_change == type(found.escaped_change)(2.0, 2.0, 2.0, 10)
    # One error in so many audits of twenty outputs.
    assert found.escaped_before.value == pytest.approx(20 / len(audited))
    assert found.escaped_before.low >= 1
    assert found.escaped_after.value == pytest.approx(20 / len(audited) + 2)
    assert (found.reviews_before, found.reviews_after) == (14, 4)
    assert found.audits_before == len(audited)
    # The same coin: outputs that went out are audited as they were, ten more have a coin now.
    assert 0 <= found.audits_after - found.audits_before <= 10
    paid = 2 * (4 - 14 + found.audits_after - found.audits_before) + 20 * 2
    assert found.cost_change.value == pytest.approx(paid)
    assert {(each.old, each.new, each.outputs, each.labelled, each.wrong) for each in found.routes} == {
        ("sync_review", "sync_review", 4, 4, 1),
        ("async_review", "auto_approve", 10, 10, 2),
        ("auto_approve", "auto_approve", 20, len(audited), 1),
    }
    assert {each.item_id for each in found.items} == {f"mid{k}" for k in range(10)}
    first = found.items[0]
    assert (first.old, first.new, first.right, first.link) == (
        "async_review",
        "auto_approve",
        True,
        "history?item=mid0&project=default",
    )
    assert first.reasons_before == ("tier:async_review",)
    assert first.reasons_after == ("tier:auto_approve",)


def test_audits_are_those_that_the_items_own_coins_say(loop: Loop) -> None:
    submit(loop, "mid", 0.85, 40)
    draws = [audit_draw(b"a" * 16, "default", f"mid{k}") < 0.5 for k in range(40)]
    assert loop.reports.what_if(Policy.from_mapping(LOOSER)).audits_after == sum(draws)


@pytest.mark.parametrize("version", [True, False])
def test_the_live_policy_moves_nothing(loop: Loop, version: bool) -> None:
    for prefix, confidence in (("a", 0.3), ("b", 0.65), ("c", 0.85), ("d", 0.95), ("e", None)):
        submit(loop, prefix, confidence, 5, amount=20_000.0 if prefix == "d" else None)
    submit(loop, "f", 0.99, 5, requires_compliance=True)
    review_everything(loop, {"b1", "c2"})
    found = loop.reports.what_if(1 if version else loop.policy)
    assert (found.moved, found.items) == (0, ())
    assert found.escaped_change.value == found.escaped_change.low == found.escaped_change.high == 0
    assert found.cost_change.value == 0
    assert (found.audits_before, found.reviews_before) == (found.audits_after, found.reviews_after)
    assert found.review_rate_change.value == 0


def test_what_nobody_has_looked_at_is_bounded_and_never_guessed(loop: Loop) -> None:
    submit(loop, "mid", 0.85, 10)
    found = loop.reports.what_if(Policy.from_mapping(LOOSER), prices=PRICES)
    assert found.escaped_after.value is None
    assert (found.escaped_after.low, found.escaped_after.high, found.escaped_after.n) == (0, 10, 0)
    assert found.unlabelled == 10
    assert any("no label yet" in note for note in found.notes)
    assert found.cost_change.value is None
    assert found.cost_change.high - found.cost_change.low == pytest.approx(200)


def test_audits_without_an_answer_are_named(loop: Loop) -> None:
    out = submit(loop, "high", 0.95, 30)
    due = sum(each.audited for each in out)
    task = loop.queue.claim("ann")
    assert task is not None
    loop.queue.complete(task.token, Review(verdict="approve"))
    found = loop.reports.what_if(LIVE)
    assert found.notes == (f"{due - 1} audits have no answer yet; those that have stand for them too",)
    assert (found.escaped_before.value, found.escaped_before.low, found.escaped_before.n) == (0.0, 0.0, 1)
    assert found.escaped_before.high > 25  # one audit says little about thirty


def test_holding_more_back_catches_what_audits_found(loop: Loop) -> None:
    out = submit(loop, "high", 0.95, 30)
    audited = [each.item_id for each in out if each.audited]
    review_everything(loop, set(audited[:2]))
    strict = Policy.from_mapping({"thresholds": {"auto_approve": "never"}})
    found = loop.reports.what_if(strict, prices=PRICES)
    assert found.moved == 30
    assert found.escaped_after.value == found.escaped_after.high == 0
    assert found.escaped_change.value == pytest.approx(-30 * 2 / len(audited))
    assert found.escaped_change.value is not None
    assert found.escaped_change.low < found.escaped_change.value < found.escaped_change.high <= -2
    assert found.audits_after == 0


def test_only_the_period_and_the_project_count(loop: Loop, clock: ManualClock) -> None:
    submit(loop, "old", 0.85, 3)
    clock.advance(days=40)
    submit(loop, "new", 0.85, 2)
    submit(loop, "other", 0.85, 4, project="other")
    policy = Policy.from_mapping(LOOSER)
    assert loop.reports.what_if(policy, "30d").outputs == 6
    assert loop.reports.what_if(policy, None).outputs == 9
    assert loop.reports.what_if(policy, "30d", project="other").moved == 4
    nothing = loop.reports.what_if(policy, "30d", project="none")
    assert (nothing.outputs, nothing.moved, nothing.review_rate_before.value) == (0, 0, None)


def test_the_list_is_capped_and_the_count_is_not(loop: Loop) -> None:
    submit(loop, "mid", 0.85, 7)
    found = loop.reports.what_if(Policy.from_mapping(LOOSER), most_items=3)
    assert (found.moved, len(found.items)) == (7, 3)
    with pytest.raises(InputError, match="0 or more"):
        loop.reports.what_if(LIVE, most_items=-1)


def test_overrides_rules_and_files(loop: Loop, tmp_path: Path) -> None:
    submit(loop, "law", 0.95, 3, domain="law")
    submit(loop, "it", 0.95, 3, domain="it", metadata={"tier": "gold"})
    file = tmp_path / "new.toml"
    file.write_text(
        """
        name = "new"
        thresholds.auto_approve = 0.9
        [[overrides]]
        when = {domain = "law"}
        thresholds = {auto_approve = 0.99}
        [[rules]]
        id = "gold"
        when = {field = "metadata.tier", eq = "gold"}
        route = "manual"
        """,
        encoding="utf-8",
    )
    found = loop.reports.what_if(file)
    assert found.policy == "new (new.toml)"
    assert {(each.new, each.reasons_after) for each in found.items} == {
        ("async_review", ("override:domain=law", "tier:async_review")),
        ("manual", ("gold",)),
    }
    with pytest.raises(NotFoundError, match="policy version 9"):
        loop.reports.what_if(9)
    file.write_text("threshold = 3", encoding="utf-8")
    with pytest.raises(PolicyError):
        loop.reports.what_if(file)


def test_a_breaker_stays_tripped_whatever_policy_is_tried(loop: Loop, clock: ManualClock) -> None:
    breaker = {"when": {"domain": "law"}, "reason": "too many errors", "since": clock.now().isoformat()}
    loop.publish(Policy.from_mapping(LIVE.to_mapping() | {"breakers": [breaker]}), reason="stop")
    submit(loop, "law", 0.95, 2, domain="law")
    submit(loop, "it", 0.95, 2, domain="it")
    assert loop.reports.what_if(Policy.from_mapping(LOOSER)).moved == 0
    assert loop.reports.what_if(2).moved == 0


def test_opinions_count_where_several_people_look(loop: Loop) -> None:
    submit(loop, "mid", 0.85, 5)
    double = Policy.from_mapping(LIVE.to_mapping() | {"overlap": {"share": 1.0, "opinions": 2}})
    found = loop.reports.what_if(double)
    assert (found.moved, found.reviews_before, found.reviews_after) == (0, 5, 10)
