"""The router: tiers, rules, overrides, reasons, class, due time. Hand-computed cases, then properties."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import ConfigurationError, PolicyError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import REASON_CODES
from hitl_core.domain.records import Decision, Item, PriorityClass, Route
from hitl_core.routing.replay import PROBLEMS
from hitl_core.routing.router import HELD_FOR, route

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = b"0123456789abcdef"
STRICT = [Route.AUTO_APPROVE, Route.ASYNC_REVIEW, Route.SYNC_REVIEW, Route.MANUAL]
PERSON = STRICT[1:]
ALWAYS = {"field": "project", "exists": True}


def policy_of(*rules: dict[str, Any], **rest: Any) -> Policy:
    return Policy.from_mapping(
        {"rules": [{"id": f"r{n}", "when": ALWAYS} | rule for n, rule in enumerate(rules)], **rest}
    )


def decide(
    policy: Policy | None = None,
    *,
    signals: dict[str, Any] | None = None,
    secret: bytes = SECRET,
    **item: Any,
) -> Decision:
    return route(
        Item(**({"id": "i1", "query": "q", "output": "o", "confidence": 0.97} | item)),
        policy or Policy(),
        policy_version=3,
        now=NOW,
        audit_secret=secret,
        signals=signals,
    )


@pytest.mark.parametrize(
    ("confidence", "expected", "priority_class"),
    [
        (1.0, Route.AUTO_APPROVE, PriorityClass.LOW),
        (0.95, Route.AUTO_APPROVE, PriorityClass.LOW),
        (math.nextafter(0.95, 0), Route.ASYNC_REVIEW, PriorityClass.MEDIUM),
        (0.80, Route.ASYNC_REVIEW, PriorityClass.MEDIUM),
        (math.nextafter(0.80, 0), Route.SYNC_REVIEW, PriorityClass.HIGH),
        (0.60, Route.SYNC_REVIEW, PriorityClass.HIGH),
        (math.nextafter(0.60, 0), Route.MANUAL, PriorityClass.HIGH),
        (0.0, Route.MANUAL, PriorityClass.HIGH),
        (-0.0, Route.MANUAL, PriorityClass.HIGH),
    ],
)
def test_tiers(confidence: float, expected: Route, priority_class: PriorityClass) -> None:
    decision = decide(Policy.from_toml("audit.rate = 0"), confidence=confidence)
    assert (decision.route, decision.priority_class) == (expected, priority_class)
    assert decision.reasons == (f"tier:{expected.value}",)
    hours = {"high": 4, "medium": 24}.get(priority_class.value)
    assert decision.due_at == (NOW + timedelta(hours=hours) if hours else None)


def test_a_decision_names_where_it_comes_from() -> None:
    item = Item(id="i9", project="p", query="q", output="o", confidence=0.7)
    decision = route(
        item, Policy(), policy_version=7, now=NOW, audit_secret=SECRET, confidence=0.99, seq=2, supersedes="d1"
    )
    assert (decision.item_id, decision.project, decision.policy_version) == ("i9", "p", 7)
    assert (decision.seq, decision.supersedes, decision.created_at) == (2, "d1", NOW)
    assert (decision.raw_confidence, decision.confidence, decision.route) == (0.7, 0.99, Route.AUTO_APPROVE)


@pytest.mark.parametrize(
    ("raw", "calibrated", "reason"),
    [
        (None, None, "confidence_missing"),
        (math.nan, None, "confidence_not_finite"),
        (math.inf, None, "confidence_not_finite"),
        (-math.inf, None, "confidence_not_finite"),
        (math.nan, 0.99, "confidence_not_finite"),
        (0.99, math.nan, "confidence_not_finite"),
        (0.99, 1.01, "confidence_out_of_range"),
        (None, -0.01, "confidence_out_of_range"),
    ],
)
@pytest.mark.parametrize("forced", ["auto_approve", "auto_reject", None])
def test_without_a_usable_confidence_a_person_decides(
    raw: float | None, calibrated: float | None, reason: str, forced: str | None
) -> None:
    policy = policy_of({"route": forced}) if forced else policy_of()
    item = Item(query="q", output="o", confidence=raw)
    decision = route(item, policy, policy_version=1, now=NOW, audit_secret=SECRET, confidence=calibrated)
    assert decision.route is Route.SYNC_REVIEW
    assert decision.reasons[-1] == reason
    assert decision.confidence is None
    assert decision.raw_confidence == (raw if raw is not None and math.isfinite(raw) else None)
    assert decision.due_at == NOW + timedelta(hours=4)


def test_a_missing_confidence_may_be_computed() -> None:
    item = Item(query="q", output="o")
    decision = route(item, Policy(), policy_version=1, now=NOW, audit_secret=SECRET, confidence=0.97)
    assert (decision.route, decision.raw_confidence) == (Route.AUTO_APPROVE, None)


@pytest.mark.parametrize(
    ("forced", "confidence", "expected", "reasons"),
    [
        (["sync_review"], 0.99, Route.SYNC_REVIEW, ("r0",)),
        (["async_review", "manual", "sync_review"], 0.99, Route.MANUAL, ("r0", "r1", "r2")),
        (["auto_approve", "async_review"], 0.99, Route.ASYNC_REVIEW, ("r0", "r1")),
        (["auto_reject", "async_review"], 0.99, Route.ASYNC_REVIEW, ("r0", "r1")),
        (["async_review"], 0.70, Route.SYNC_REVIEW, ("r0", "tier:sync_review")),
        (["sync_review"], 0.70, Route.SYNC_REVIEW, ("r0", "tier:sync_review")),
        (["sync_review"], 0.10, Route.MANUAL, ("r0", "tier:manual")),
        (["auto_approve"], 0.10, Route.AUTO_APPROVE, ("r0",)),
        (["auto_approve", "auto_reject"], 0.99, Route.AUTO_REJECT, ("r0", "r1")),
        (["auto_approve"], 0.99, Route.AUTO_APPROVE, ("r0", "tier:auto_approve")),
    ],
)
def test_rules_and_tiers_together(
    forced: list[str], confidence: float, expected: Route, reasons: tuple[str, ...]
) -> None:
    policy = policy_of(*({"route": name} for name in forced))
    decision = decide(policy, confidence=confidence)
    assert (decision.route, decision.reasons) == (expected, reasons)


@pytest.mark.parametrize(
    ("forced", "fires"),
    [("manual", True), ("sync_review", True), ("async_review", True), ("auto_approve", False), ("auto_reject", False)],
)
def test_unknown_counts_against_deciding_without_a_person(forced: str, fires: bool) -> None:
    policy = policy_of({"when": {"field": "signals.novelty", "gt": 0.5}, "route": forced, "expertise": "x"})
    decision = decide(policy, signals={})
    assert ("r0" in decision.reasons, "missing:signals.novelty" in decision.reasons) == (fires, fires)
    assert decision.expertise == ("x" if fires else "")
    assert decide(policy, signals={"novelty": 0.4}).reasons == ("tier:auto_approve",)


def test_unknown_does_not_raise_a_class_by_itself() -> None:
    policy = policy_of({"when": {"field": "signals.novelty", "gt": 0.5}, "priority_class": "critical"})
    assert decide(policy).priority_class is PriorityClass.LOW


def test_default_rules() -> None:
    assert decide(requires_compliance=True).reasons == ("compliance",)
    assert decide(amount=10_000.01).reasons == ("large_amount",)
    assert decide(amount=10_000).route is Route.AUTO_APPROVE
    assert decide(Policy.from_toml("default_rules = false"), requires_compliance=True).route is Route.AUTO_APPROVE


def test_the_highest_class_and_the_first_expertise_win() -> None:
    policy = policy_of(
        {"priority_class": "medium"},
        {"expertise": "law"},
        {"priority_class": "critical", "expertise": "tax"},
        {"priority_class": "high"},
        {"when": {"field": "query", "eq": "other"}, "expertise": "never"},
    )
    decision = decide(policy, confidence=0.9)
    assert (decision.priority_class, decision.expertise) == (PriorityClass.CRITICAL, "law")
    assert decision.due_at == NOW + timedelta(hours=1)
    assert decide(policy_of({"priority_class": "low"}), confidence=0.9).priority_class is PriorityClass.MEDIUM


def override(threshold: float, **when: str) -> dict[str, Any]:
    return {"when": when, "threshold": threshold}


@pytest.mark.parametrize(
    ("overrides", "wins"),
    [
        ([{"project": "p"}], "project=p"),
        ([{"project": "p"}, {"model": "m"}], "model=m"),
        ([{"domain": "d"}, {"model": "m"}], "domain=d"),
        ([{"label": "l"}, {"domain": "d"}], "label=l"),
        ([{"project": "p", "model": "m"}, {"label": "l"}], "model=m,project=p"),
        ([{"label": "l", "domain": "other"}, {"project": "p"}], "project=p"),
        ([{"label": ["x", "L"]}, {"label": ["l", "y"]}], "label=l|y"),
    ],
)
def test_the_most_specific_override_wins_then_the_later(overrides: list[dict[str, Any]], wins: str) -> None:
    policy = Policy.from_mapping({"overrides": [{"when": when, "threshold": 0.5} for when in overrides]})
    decision = decide(policy, project="p", domain="D", label="l", model="m", confidence=0.6)
    assert decision.reasons == (f"override:{wins}", "tier:auto_approve")
    assert decide(policy, confidence=0.6).reasons == ("tier:sync_review",)


def test_audit_rate_of_an_override() -> None:
    policy = Policy.from_mapping({"overrides": [{"when": {"label": "l"}, "audit_rate": 1.0}]})
    decision = decide(policy, label="l")
    assert (decision.audited, decision.inclusion_probability) == (True, 1.0)
    assert decision.due_at == NOW + timedelta(hours=72)
    assert decide(policy).inclusion_probability == 0.05


def test_what_a_person_sees_anyway_is_not_audited() -> None:
    for confidence in (0.9, 0.7, 0.1):
        decision = decide(Policy.from_toml("audit.rate = 1.0"), confidence=confidence)
        assert (decision.audited, decision.inclusion_probability) == (False, 1.0)


def test_rejections_are_audited_too() -> None:
    policy = Policy.from_mapping({"threshold": 0.8, "thresholds": {"auto_reject": 0.4}, "audit": {"rate": 1.0}})
    decision = decide(policy, confidence=0.1)
    assert (decision.route, decision.audited) == (Route.AUTO_REJECT, True)


def test_rate_zero_audits_nothing_and_needs_no_secret() -> None:
    decision = decide(Policy.from_toml("audit.rate = 0"), secret=b"")
    assert (decision.audited, decision.inclusion_probability) == (False, 0.0)


def test_without_a_secret_there_is_no_coin() -> None:
    with pytest.raises(ConfigurationError, match=r"audit\.secret"):
        decide(secret=b"")


confidences = st.floats(0, 1)
bounds = st.lists(confidences, min_size=3, max_size=3).map(lambda values: sorted(values, reverse=True))


@given(bounds, st.lists(st.booleans(), min_size=3, max_size=3), confidences, confidences)
def test_more_confidence_is_never_stricter(
    values: list[float], inclusive: list[bool], one: float, other: float
) -> None:
    names = ("auto_approve", "async_review", "sync_review")
    table = {n: {"value": v, "inclusive": i} for n, v, i in zip(names, values, inclusive, strict=True)}
    policy = Policy.from_mapping({"thresholds": table})
    low, high = sorted((one, other))
    routes = [decide(policy, confidence=value).route for value in (low, high)]
    assert STRICT.index(routes[0]) >= STRICT.index(routes[1])


@given(
    confidences,
    st.sampled_from(PERSON),
    st.lists(st.sampled_from(list(Route)), max_size=4),
    st.integers(0, 4),
    st.booleans(),
)
def test_a_person_rule_is_never_overridden(
    confidence: float, person: Route, others: list[Route], position: int, unknown: bool
) -> None:
    rules: list[dict[str, Any]] = [{"route": other} for other in others]
    when = {"field": "signals.none", "gt": 0.5} if unknown else ALWAYS
    rules.insert(position, {"id": "person", "route": person, "when": when})
    policy = policy_of(*rules, thresholds={"auto_reject": 0.3}, overrides=[override(0.3, project="default")])
    decision = decide(policy, confidence=confidence)
    assert decision.needs_human
    assert STRICT.index(decision.route) >= STRICT.index(person)
    assert "person" in decision.reasons
    assert not decision.audited


@given(st.one_of(st.none(), st.floats()), st.one_of(st.none(), st.floats()))
def test_any_number_is_decided_on(raw: float | None, calibrated: float | None) -> None:
    if raw is not None and math.isfinite(raw) and not 0 <= raw <= 1:
        raw = None
    item = Item(query="q", output="o", confidence=raw)
    decision = route(item, Policy(), policy_version=1, now=NOW, audit_secret=SECRET, confidence=calibrated)
    assert decision.confidence is None or 0 <= decision.confidence <= 1
    assert decision.needs_human or decision.confidence is not None
    assert 0 <= decision.priority <= 0.7 + 1e-12


def test_no_rule_can_be_called_like_a_reason_of_the_products_own() -> None:
    own = {code for code in HELD_FOR | PROBLEMS if ":" not in code}
    assert own == REASON_CODES, "a new reason code has to be kept from the ids of rules"
    for code in sorted(own):
        with pytest.raises(PolicyError, match=rf"'{code}' is the product's own reason code"):
            Policy.from_toml(f"[[rules]]\nid = '{code}'\nroute = 'manual'\nwhen = {{ field = 'label', eq = 'x' }}")
