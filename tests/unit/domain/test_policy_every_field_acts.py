"""Every field of a policy changes what happens; a field added without an entry here fails the test.

The panel below is decided under both policies of an entry; anything a decision carries counts as behaviour. What the
queue and the review page act on is listed apart, with the test that shows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.domain.policy_judging import Committee, Judge, Judging, Price, Tier
from hitl_core.domain.policy_sections import CalibrationSection, ScorerSection
from hitl_core.domain.records import Item, Passage
from hitl_core.routing.priority import priority_at
from hitl_core.routing.router import route

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = b"0123456789abcdef"
BASE: dict[str, Any] = {"query": "tax advice", "output": "o", "domain": "d", "label": "l", "model": "m"}
PANEL = [
    *(Item(id=f"c{n}", confidence=n / 100, **BASE) for n in (0, 10, 30, 50, 60, 70, 80, 85, 90, 95, 96, 99, 100)),
    *(Item(id=f"p{n}", project="p", confidence=0.9, **BASE) for n in range(3)),
    Item(id="none", confidence=None, **BASE),
    Item(id="nan", confidence=math.nan, **BASE),
    Item(id="impact", confidence=0.9, impact=0.3, **BASE),
    Item(id="amount", confidence=0.9, amount=500, **BASE),
    Item(id="large", confidence=0.99, amount=50_000, **BASE),
    Item(id="compliance", confidence=0.9, requires_compliance=True, **BASE),
    Item(id="context", confidence=0.9, context=[Passage(text="t", retrieval_score=0.4)], **BASE),
    Item(id="bare", query="q", output="o", confidence=0.97),
]

ACTED_ON_BY_THE_QUEUE = {"ReviewRules.reasons", "ReviewRules.lease_seconds", "ReviewRules.undo_seconds"}
TESTS = Path(__file__).parents[2]
QUEUE_TEST = TESTS / "contract" / "test_queue_policy.py"
ACTED_ON_BY_SETTLING = {"Overlap.adaptive", "Overlap.rater_accuracy", "Overlap.opinion_cost", "Overlap.error_cost"}
ACTED_ON_BY_PAGES = {
    "Overlap.show_judges": "app/test_adjudicate_page.py",
    "Overlap.hide_names": "app/test_agreement_page.py",
}
ACTED_ON_BY_AUDITS = {
    "Labels.cosmetic_reasons",
    "Audit.target_error",
    "Audit.confidence",
    "Audit.false_alarm_audits",
    "Audit.max_unanswered",
    "Audit.segment_by",
}
AUDIT_TESTS = tuple(TESTS / "contract" / "audits" / name for name in ("test_labelled_rows.py", "test_audits.py"))
TRUST_TESTS = TESTS / "contract" / "trust"
MEASURING_TEST = TESTS / "contract" / "measuring" / "test_measuring.py"
ACTED_ON_BY_MEASURING = {
    f"{model.__name__}.{name}" for model in (ScorerSection, CalibrationSection) for name in model.model_fields
}
ACTED_ON_BY_CERTIFYING = {"Override.certificate", "Labels.missed", "Labels.false_alarm"} | {
    f"CalibrationSection.{name}" for name in ("projects", "yearly_delta", "ramp")
}
ACTED_ON_BY_MEASURING -= ACTED_ON_BY_CERTIFYING
ACTED_ON_BY_REPORTS = {f"Prices.{name}" for name in Prices.model_fields}
COST_TEST = TESTS / "unit" / "reports" / "test_cost.py"
JUDGING = (Judging, Judge, Committee, Tier, Price)
ACTED_ON_BY_JUDGES = {f"{model.__name__}.{name}" for model in JUDGING for name in model.model_fields}
# The rooms whose tests show that a field of the judging section acts.
JUDGING_TESTS = ("unit/judging", "unit/loop", "contract")


def rule(when: str, rest: str = "route = 'manual'") -> str:
    return f"[[rules]]\nid = 'r'\n{rest}\nwhen = {when}"


def override(when: str, rest: str = "threshold = 0.75") -> str:
    return f"[[overrides]]\nwhen = {{ {when} }}\n{rest}"


def changed(bound: str) -> str:
    return override("label = 'l'", f"thresholds = {{ {bound} }}")


def breaker(when: str) -> str:
    return f"[[breakers]]\nwhen = {when}\nreason = 'r'\nsince = '2026-01-01T00:00:00Z'"


FLOOR = "\n[audit]\nmin_rate = 0.04"
RAISED = rule("{ field = 'label', eq = 'l' }", "priority_class = 'critical'")
AMOUNT = "{ field = 'amount', gt = 100, if_missing = false }"

CASES: dict[str, tuple[str, str]] = {
    "Policy.threshold": ("", "threshold = 0.5"),
    "Policy.default_rules": ("", "default_rules = false"),
    "Thresholds.auto_approve": ("", "thresholds.auto_approve = 0.9"),
    "Thresholds.async_review": ("", "thresholds.async_review = 0.9"),
    "Thresholds.sync_review": ("", "thresholds.sync_review = 0.5"),
    "Thresholds.auto_reject": ("", "thresholds.auto_reject = 0.4"),
    "Thresholds.auto_reject_above": ("", "thresholds.auto_reject_above = 0.9"),
    "Bound.value": ("threshold = { value = 0.5 }", "threshold = { value = 0.6 }"),
    "Bound.inclusive": ("threshold = { value = 0.5 }", "threshold = { value = 0.5, inclusive = false }"),
    "Override.threshold": (override("label = 'l'"), override("label = 'l'", "threshold = 0.5")),
    "Override.audit_rate": ("", override("label = 'l'", "audit_rate = 1.0")),
    "Selector.project": (override("project = 'p'"), override("project = 'other'")),
    "Selector.domain": (override("domain = 'd'"), override("domain = 'other'")),
    "Selector.label": (override("label = 'l'"), override("label = 'other'")),
    "Selector.model": (override("model = 'm'"), override("model = 'other'")),
    "ThresholdChanges.auto_approve": ("", changed("auto_approve = 0.9")),
    "ThresholdChanges.async_review": ("", changed("async_review = 0.9")),
    "ThresholdChanges.sync_review": ("", changed("sync_review = 0.5")),
    "ThresholdChanges.auto_reject": ("", changed("auto_reject = 0.4")),
    "ThresholdChanges.auto_reject_above": ("", changed("auto_reject_above = 0.9")),
    "Rule.id": (rule(AMOUNT), rule(AMOUNT).replace("'r'", "'s'")),
    "Rule.when": (rule(AMOUNT), rule("{ field = 'impact', gt = 0.1, if_missing = false }")),
    "Rule.route": (rule(AMOUNT), rule(AMOUNT, "route = 'sync_review'")),
    "Rule.priority_class": (rule(AMOUNT), rule(AMOUNT, "route = 'manual'\npriority_class = 'critical'")),
    "Rule.overlap": (rule(AMOUNT), rule(AMOUNT, "route = 'manual'\noverlap = 2")),
    "Overlap.share": ("", "overlap.share = 1.0"),
    "Overlap.opinions": ("overlap.share = 1.0", "overlap = { share = 1.0, opinions = 3 }"),
    "Rule.expertise": (rule(AMOUNT), rule(AMOUNT, "route = 'manual'\nexpertise = 'tax'")),
    "Condition.all": ("", rule(f"{{ all = [ {AMOUNT} ] }}")),
    "Condition.any": ("", rule(f"{{ any = [ {AMOUNT} ] }}")),
    "Condition.not_": (rule(AMOUNT), rule(f"{{ not = {AMOUNT} }}")),
    "Condition.field": (rule(AMOUNT), rule(AMOUNT.replace("amount", "impact"))),
    "Condition.eq": ("", rule("{ field = 'label', eq = 'l' }")),
    "Condition.ne": ("", rule("{ field = 'label', ne = 'l' }")),
    "Condition.in_": ("", rule("{ field = 'label', in = ['l'] }")),
    "Condition.not_in": ("", rule("{ field = 'label', not_in = ['l'] }")),
    "Condition.lt": ("", rule("{ field = 'confidence', lt = 0.9 }")),
    "Condition.lte": (rule("{ field = 'confidence', lt = 0.9 }"), rule("{ field = 'confidence', lte = 0.9 }")),
    "Condition.gt": ("", rule("{ field = 'confidence', gt = 0.9 }")),
    "Condition.gte": (rule("{ field = 'confidence', gt = 0.9 }"), rule("{ field = 'confidence', gte = 0.9 }")),
    "Condition.contains": ("", rule("{ field = 'query', contains = 'tax' }")),
    "Condition.matches": ("", rule("{ field = 'query', matches = '^tax' }")),
    "Condition.exists": ("", rule("{ field = 'context', exists = true }")),
    "Condition.missing": ("", rule("{ field = 'context', missing = true }")),
    "Condition.if_missing": (rule(AMOUNT), rule(AMOUNT.replace("false", "true"))),
    "Audit.rate": ("", "audit.rate = 0.5"),
    "Audit.secret": ("audit.rate = 0.5", "audit = { rate = 0.5, secret = 'sixteen or more characters' }"),
    "Audit.min_rate": (
        override("label = 'l'", "audit_rate = 0.0"),
        override("label = 'l'", "audit_rate = 0.0") + FLOOR,
    ),
    "Audit.due_hours": ("audit.rate = 1.0", "audit = { rate = 1.0, due_hours = 2 }"),
    "Breaker.when": (breaker("{ domain = 'd' }"), breaker("{ project = 'p' }")),
    "Breaker.reason": ("", breaker("{ domain = 'd' }")),
    "Breaker.since": ("", breaker("{ domain = 'd' }")),
    "Priority.impact": ("", "priority.impact = 0.5"),
    "Priority.waiting": ("", "priority.waiting = 0.5"),
    "Priority.uncertainty": ("", "priority.uncertainty = 0.5"),
    "Priority.compliance": ("", "priority.compliance = 0.5"),
    "Priority.waiting_cap_hours": ("", "priority.waiting_cap_hours = 48"),
    "Priority.amount_cap_usd": ("", "priority.amount_cap_usd = 1000"),
    "Priority.class_impact": ("", "priority.class_impact.high = 0.1"),
    "Priority.class_floor": (RAISED, RAISED + "\n[priority.class_floor]\ncritical = 0.9"),
    "Sla.critical_hours": (RAISED, RAISED + "\n[sla]\ncritical_hours = 2"),
    "Sla.high_hours": ("", "sla.high_hours = 2"),
    "Sla.medium_hours": ("", "sla.medium_hours = 2"),
    "Sla.low_hours": ("audit.rate = 1.0", "audit.rate = 1.0\nsla.low_hours = 2"),
}
SECTIONS = {
    f"Policy.{name}"
    for name in (
        "thresholds",
        "overrides",
        "rules",
        "audit",
        "priority",
        "sla",
        "review",
        "judging",
        "labels",
        "overlap",
        "cost",
        "scorer",
        "calibration",
        "breakers",
    )
} | {
    "Override.when",
    "Override.thresholds",
}
"""Fields that only hold others."""


def observe(policy: Policy) -> list[tuple[Any, ...]]:
    seen = []
    for item in PANEL:
        decision = route(item, policy, policy_version=1, now=NOW, audit_secret=SECRET)
        waited = priority_at(decision.priority, NOW, NOW + timedelta(hours=12), policy)
        body = decision.model_dump(exclude={"id"})
        seen.append((item.id, waited, *body.values()))
    return seen


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def fields_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    seen.add(model)
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}"
        for inner in models_in(field.annotation):
            if inner not in seen:
                yield from fields_of(inner, seen)


def test_every_field_has_an_entry() -> None:
    elsewhere = (
        ACTED_ON_BY_THE_QUEUE | ACTED_ON_BY_AUDITS | ACTED_ON_BY_JUDGES | ACTED_ON_BY_SETTLING | ACTED_ON_BY_MEASURING
    ) | (ACTED_ON_BY_REPORTS | set(ACTED_ON_BY_PAGES))
    elsewhere |= ACTED_ON_BY_CERTIFYING
    listed = set(CASES) | SECTIONS | elsewhere | {"Policy.name"}
    assert set(fields_of(Policy, set())) == listed


@pytest.mark.parametrize("field", CASES)
def test_the_field_acts(field: str) -> None:
    before, after = (Policy.from_toml(text) for text in CASES[field])
    assert observe(before) == observe(Policy.from_toml(CASES[field][0]))
    assert observe(before) != observe(after)


def test_the_name_makes_another_version() -> None:
    assert Policy(name="other").digest() != Policy().digest()


@pytest.mark.skipif(not QUEUE_TEST.exists(), reason="this copy has no contract tests")
@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_THE_QUEUE))
def test_the_queue_shows_that_its_fields_act(field: str) -> None:
    assert field.partition(".")[2] in QUEUE_TEST.read_text(encoding="utf-8")


def judging_tests() -> str:
    paths = (path for folder in JUDGING_TESTS for path in (TESTS / folder).rglob("test_*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_JUDGES))
def test_a_judging_test_shows_that_its_fields_act(field: str) -> None:
    if not QUEUE_TEST.exists():
        pytest.skip("this copy has no contract tests")
    assert re.search(rf"\b{field.partition('.')[2]}\b", judging_tests())


@pytest.mark.skipif(not QUEUE_TEST.exists(), reason="this copy has no contract tests")
@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_AUDITS))
def test_audits_show_that_their_fields_act(field: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in AUDIT_TESTS if path.exists()]
    assert any(field.partition(".")[2] in text for text in texts)


@pytest.mark.skipif(not MEASURING_TEST.exists(), reason="this copy has no contract tests")
@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_MEASURING))
def test_a_submission_shows_that_the_fields_of_measuring_act(field: str) -> None:
    assert field.partition(".")[2] in MEASURING_TEST.read_text(encoding="utf-8")


@pytest.mark.skipif(not TRUST_TESTS.exists(), reason="this copy has no contract tests")
@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_CERTIFYING))
def test_certifying_shows_that_its_fields_act(field: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in TRUST_TESTS.glob("test_*.py")]
    assert any(field.partition(".")[2] in text for text in texts)


@pytest.mark.skipif(not COST_TEST.exists(), reason="this copy has no tests of reports")
@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_REPORTS))
def test_the_cost_report_shows_that_prices_act(field: str) -> None:
    assert field.partition(".")[2] in COST_TEST.read_text(encoding="utf-8")


@pytest.mark.parametrize("field", sorted(ACTED_ON_BY_PAGES))
def test_a_page_shows_that_its_field_acts(field: str) -> None:
    test = TESTS / ACTED_ON_BY_PAGES[field]
    if not test.exists():
        pytest.skip("this copy has no tests of pages")
    assert field.partition(".")[2] in test.read_text(encoding="utf-8")
