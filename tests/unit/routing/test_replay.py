"""Replaying is routing again: whatever the policy, it says what the router says, by what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core import Decision, Item, Policy, Route
from hitl_core.routing.judged import Opinion, decide_again
from hitl_core.routing.replay import Recorded, Replayer
from hitl_core.routing.router import route

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = b"s" * 16
JUDGES = {
    "judges": {"cheap": {"model": "m"}},
    "tiers": [{"judge": "cheap"}],
}


def decided(item: Item, policy: Policy, **more: Any) -> Decision:
    return route(item, policy, policy_version=1, now=NOW, audit_secret=SECRET, **more)


def recorded(item: Item, decision: Decision, **changes: Any) -> Recorded:
    found = Recorded(
        project=item.project,
        body=orjson.loads(item.model_dump_json(exclude_none=True)),
        route=decision.route.value,
        reasons=decision.reasons,
        raw_confidence=decision.raw_confidence,
        confidence=decision.confidence,
        signals=decision.signals,
        judged=bool(decision.path),
    )
    return found._replace(**changes)


def item(**fields: Any) -> Item:
    return Item(**({"id": "i", "query": "q", "output": "o"} | fields))


items = st.builds(
    Item,
    id=st.sampled_from(["a", "b", "c"]),
    project=st.sampled_from(["p", "Q "]),
    query=st.sampled_from(["may I sue?", "hello"]),
    output=st.just("o"),
    context=st.sampled_from([(), ({"text": "t", "retrieval_score": 0.4},), ({"text": "t"}, {"text": " "})]),
    confidence=st.one_of(
        st.none(), st.just(float("nan")), st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.95, 1.0]), st.floats(0, 1)
    ),
    domain=st.sampled_from([None, "law", " LAW", "it"]),
    amount=st.sampled_from([None, 1.0, 20_000.0]),
    requires_compliance=st.booleans(),
    metadata=st.sampled_from([{}, {"vip": True}, {"vip": 1}, {"vip": "True"}, {"tags": ["x", "y"]}]),
)
rules = st.lists(
    st.sampled_from(
        [
            {"id": "vip", "when": {"field": "metadata.vip", "eq": True}, "route": "manual"},
            {"id": "tag", "when": {"field": "metadata.tags", "contains": "x"}, "route": "async_review"},
            {"id": "sure", "when": {"field": "confidence", "gt": 0.8, "lte": 0.93}, "route": "sync_review"},
            {"id": "weak", "when": {"field": "signals.support", "lt": 0.5}, "route": "async_review"},
            {"id": "sue", "when": {"field": "query", "contains": "sue"}, "route": "manual"},
            {"id": "thin", "when": {"field": "context.min_score", "lt": 0.5}, "route": "sync_review"},
            {"id": "off", "when": {"field": "domain", "eq": "it"}, "route": "auto_reject"},
        ]
    ),
    max_size=3,
    unique_by=lambda rule: str(rule["id"]),
)
policies = st.builds(
    lambda bound, rules, overrides, default_rules, rate: Policy.from_mapping(
        {
            "thresholds": {"auto_approve": bound},
            "rules": rules,
            "overrides": overrides,
            "default_rules": default_rules,
            "audit": {"rate": rate},
        }
    ),
    st.sampled_from([0.8, 0.9, {"value": 0.95, "inclusive": False}, "never"]),
    rules,
    st.sampled_from(
        [
            [],
            [{"when": {"domain": "law"}, "thresholds": {"auto_approve": 0.99}}],
            [{"when": {"project": "q"}, "audit_rate": 0.5}],
        ]
    ),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
)
signals = st.sampled_from([None, {}, {"support": 0.2}, {"support": 0.9}])


@given(st.lists(st.tuples(items, signals), min_size=1, max_size=6), policies, policies)
def test_it_says_what_the_router_says(pairs: list[tuple[Item, Any]], live: Policy, other: Policy) -> None:
    for policy in (live, other):
        replayer = Replayer(policy)
        for each, measured in pairs:
            before = decided(each, live, signals=measured).model_copy(update={"signals": measured})
            now = decided(each, policy, signals=measured)
            found = replayer.replay(recorded(each, before))
            assert (found.route, found.reasons) == (now.route, now.reasons)
            assert found.audit_rate == now.inclusion_probability
            if not now.needs_human:
                assert replayer.audited(found.audit_rate, SECRET, each.project, each.id) == now.audited
            else:
                assert replayer.opinions(found.fired, SECRET, each.project, each.id) == now.overlap


def test_items_that_are_alike_are_placed_once_and_others_are_not_mixed_up() -> None:
    policy = Policy.from_mapping(
        {"rules": [{"id": "vip", "when": {"field": "metadata.vip", "eq": True}, "route": "manual"}]}
    )
    replayer = Replayer(policy)

    def routed(vip: Any, confidence: float) -> Any:
        each = item(confidence=confidence, metadata={"vip": vip})
        return replayer.replay(recorded(each, decided(each, Policy())))

    assert routed(1, 0.96) is routed(1, 0.97)
    assert routed(True, 0.96).route is Route.MANUAL
    assert routed("True", 0.96).route is Route.AUTO_APPROVE
    assert routed(1, 0.949999).route is Route.ASYNC_REVIEW
    assert routed(1, 0.95).route is Route.AUTO_APPROVE


@pytest.mark.parametrize("held_for", ["calibrator_broken", "calibrator_stale"])
def test_a_policy_without_calibration_takes_the_confidence_as_it_came(held_for: str) -> None:
    each = item(confidence=0.97)
    calibrated = Policy.from_mapping({"calibration": {"artefact": "a" * 32}})
    before = decided(each, calibrated, held_for=held_for)
    assert before.route is Route.SYNC_REVIEW
    assert Replayer(calibrated).replay(recorded(each, before)).reasons == before.reasons
    assert Replayer(Policy()).replay(recorded(each, before)).route is Route.AUTO_APPROVE


def test_a_scorers_word_counts_only_where_a_scorer_fills_in() -> None:
    each = item()
    filled = Policy.from_mapping({"scorer": {"use": "fill"}})
    before = decided(each, filled, confidence=0.97)
    assert before.route is Route.AUTO_APPROVE
    assert Replayer(filled).replay(recorded(each, before)).route is Route.AUTO_APPROVE
    without = Replayer(Policy()).replay(recorded(each, before))
    assert (without.route, without.reasons) == (Route.SYNC_REVIEW, ("confidence_missing",))


def test_an_expired_certificate_holds_only_what_rests_on_one() -> None:
    each = item(confidence=0.97, domain="law")
    override = {"when": {"domain": "law"}, "thresholds": {"auto_approve": 0.95}}
    certified = Policy.from_mapping({"overrides": [override | {"certificate": "c1"}]})
    before = decided(each, certified, held_for="certificate_expired", confidence=0.97)
    assert Replayer(certified).replay(recorded(each, before)).route is Route.SYNC_REVIEW
    assert (
        Replayer(Policy.from_mapping({"overrides": [override]})).replay(recorded(each, before)).route
        is Route.AUTO_APPROVE
    )


def again(policy: Policy, each: Item, opinion: Opinion) -> Decision:
    return decide_again(
        each, policy, decided(each, policy), opinion, policy_version=1, now=NOW, audit_secret=SECRET
    )  # fmt: skip


def test_what_judges_said_counts_where_judges_would_be_asked() -> None:
    policy = Policy.from_mapping({"judging": JUDGES})
    each = item(confidence=0.85)
    released = again(policy, each, Opinion(True, False, ("judge:cheap:accept",), ("cheap",), None))
    assert released.route is Route.AUTO_APPROVE
    replayed = Replayer(policy).replay(recorded(each, released))
    assert (replayed.route, replayed.reasons) == (released.route, released.reasons)
    assert Replayer(Policy()).replay(recorded(each, released)).route is Route.ASYNC_REVIEW
    forcing = {"rules": [{"id": "all", "when": {"field": "query", "exists": True}, "route": "manual"}]}
    assert (
        Replayer(Policy.from_mapping(forcing | {"judging": JUDGES})).replay(recorded(each, released)).route
        is Route.MANUAL
    )


def test_a_judge_that_objects_makes_it_a_matter_for_now() -> None:
    policy = Policy.from_mapping({"judging": JUDGES})
    each = item(confidence=0.85)
    held = again(policy, each, Opinion(False, True, ("judge:cheap:reject",), ("cheap",), None))
    assert held.route is Route.SYNC_REVIEW
    assert Replayer(policy).replay(recorded(each, held)).route is Route.SYNC_REVIEW
    undecided = again(policy, each, Opinion(False, False, ("judge:cheap:unsure",), ("cheap",), None))
    assert Replayer(policy).replay(recorded(each, undecided)).route is undecided.route is Route.ASYNC_REVIEW


def test_who_was_not_asked_then_is_not_made_up() -> None:
    each = item(confidence=0.85)
    found = Replayer(Policy.from_mapping({"judging": JUDGES})).replay(recorded(each, decided(each, Policy())))
    assert found.route is Route.ASYNC_REVIEW
    assert found.unasked
