"""When judges may be asked first, and what they may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hitl_core import Decision, Item, Policy, Route
from hitl_core.routing.judged import FORBIDDEN, Opinion, decide_again, may_be_judged
from hitl_core.routing.router import route

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = b"0123456789abcdef"
JUDGES = '[judging]\ntiers = [{ judge = "j" }]\n[judging.judges]\nj = { model = "m" }\n'
YES = Opinion(accepted=True, holds_back=False, reasons=("judge:j:accepted",), path=("j",), cost_usd=Decimal("0.01"))
NO = Opinion(accepted=False, holds_back=False, reasons=("judge:j:abstained",), path=("j", "person"), cost_usd=None)
HELD = NO._replace(holds_back=True, reasons=("judge:j:rejected",))


def policy(more: str = "") -> Policy:
    return Policy.from_toml(more + JUDGES)


def item(**fields: object) -> Item:
    return Item(**({"id": "a", "query": "q", "output": "o", "confidence": 0.85} | fields))


def first(given: Item, held: Policy) -> Decision:
    return route(given, held, policy_version=1, now=NOW, audit_secret=SECRET)


def again(given: Item, held: Policy, opinion: Opinion, *, later: Policy | None = None) -> Decision:
    before = first(given, held)
    after = NOW + timedelta(minutes=5)
    return decide_again(given, later or held, before, opinion, policy_version=2, now=after, audit_secret=SECRET)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"confidence": 0.1}, True),
        ({"confidence": 0.99}, False),
        ({"confidence": None}, False),
        ({"requires_compliance": True}, False),
        ({"amount": 20_000.0}, False),
    ],
    ids=str,
)
def test_judges_come_first_only_where_nothing_but_the_confidence_asks_for_a_person(
    fields: dict[str, object], expected: bool
) -> None:
    assert may_be_judged(first(item(**fields), policy()), policy()) is expected


def test_a_reason_that_is_not_known_keeps_judges_away() -> None:
    decision = first(item(), policy())
    tripped = decision.model_copy(update={"reasons": (*decision.reasons, "breaker:drift")})
    assert may_be_judged(decision, policy())
    assert not may_be_judged(tripped, policy())
    assert not may_be_judged(decision, Policy())


def test_acceptance_lets_go_with_the_same_audit_coin_as_the_router() -> None:
    for rate in (0.0, 0.3, 1.0):
        held = policy(f"[audit]\nrate = {rate}\n")
        for n in range(40):
            given = item(id=f"i{n}")
            decision = again(given, held, YES)
            direct = first(given.model_copy(update={"confidence": 0.99}), held)
            assert decision.route is direct.route is Route.AUTO_APPROVE
            assert (decision.audited, decision.inclusion_probability) == (direct.audited, rate)
            assert (decision.due_at is not None) is decision.audited
            assert decision.priority_class is direct.priority_class


def test_a_person_keeps_what_was_promised_at_first() -> None:
    before = first(item(), policy())
    decision = again(item(), policy(), NO)
    assert (decision.route, decision.due_at, decision.seq) == (Route.ASYNC_REVIEW, before.due_at, 2)
    assert decision.reasons == (*before.reasons, "judge:j:abstained")
    assert decision.inclusion_probability == 1.0


def test_an_objection_makes_the_route_stricter_and_never_milder() -> None:
    assert again(item(), policy(), HELD).route is Route.SYNC_REVIEW
    assert again(item(confidence=0.2), policy(), HELD).route is Route.MANUAL


def test_a_rule_that_holds_now_is_stronger_than_an_acceptance() -> None:
    rule = '[[rules]]\nid = "now"\nwhen = { field = "domain", eq = "law" }\nroute = "manual"\n'
    decision = again(item(domain="law"), policy(), YES, later=policy(rule))
    assert decision.route is Route.MANUAL
    assert decision.reasons[-1] == FORBIDDEN
    assert "now" in decision.reasons
