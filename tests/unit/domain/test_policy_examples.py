"""The policies under docs/policies say what their comments say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Decision, Item, Passage, PriorityClass, Route
from hitl_core.routing.router import route

FOLDER = Path(__file__).parents[3] / "docs" / "policies"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = (Passage(text="A source.", retrieval_score=0.9),)


def decide(name: str, signals: dict[str, Any] | None = None, **item: Any) -> Decision:
    policy = Policy.load(FOLDER / f"{name}.toml")
    made = Item(**({"query": "q", "output": "o"} | item))
    return route(made, policy, policy_version=1, now=NOW, audit_secret=b"0123456789abcdef", signals=signals)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_loads_and_survives_storage(path: Path) -> None:
    policy = Policy.load(path)
    assert policy.name == path.stem
    assert Policy.from_mapping(policy.to_mapping()).digest() == policy.digest()


def test_the_default_example_is_the_default() -> None:
    assert Policy.load(FOLDER / "default.toml").digest() == Policy().digest()


@pytest.mark.parametrize(
    ("label", "confidence", "expected"),
    [
        ("safe", 0.951, Route.AUTO_APPROVE),
        ("safe", 0.95, Route.SYNC_REVIEW),
        ("unsafe", 0.991, Route.AUTO_REJECT),
        ("unsafe", 0.99, Route.SYNC_REVIEW),
        ("unsafe", 0.97, Route.SYNC_REVIEW),
        ("unsafe", 0.05, Route.SYNC_REVIEW),
        ("spam", 1.0, Route.SYNC_REVIEW),
        (None, 1.0, Route.SYNC_REVIEW),
    ],
)
def test_content_moderation(label: str | None, confidence: float, expected: Route) -> None:
    assert decide("content_moderation", label=label, confidence=confidence).route is expected


def test_content_moderation_reads_threats_whatever_the_confidence() -> None:
    decision = decide("content_moderation", label="unsafe", confidence=1.0, output="I will kill myself")
    assert (decision.route, decision.priority_class) == (Route.SYNC_REVIEW, PriorityClass.CRITICAL)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.81, Route.AUTO_APPROVE),
        (0.80, Route.SYNC_REVIEW),
        (0.40, Route.SYNC_REVIEW),
        (0.39, Route.AUTO_REJECT),
        (0.0, Route.AUTO_REJECT),
    ],
)
def test_loans(confidence: float, expected: Route) -> None:
    decision = decide("loans", confidence=confidence, amount=25_000, inputs={"debt_ratio": 0.2})
    assert decision.route is expected
    assert decision.expertise == "underwriting"
    if expected is Route.AUTO_REJECT:
        assert decision.reasons[-1] == "tier:auto_reject"


def test_loans_without_a_debt_ratio_go_to_an_underwriter() -> None:
    decision = decide("loans", confidence=0.99, amount=25_000)
    assert decision.route is Route.SYNC_REVIEW
    assert "missing:inputs.debt_ratio" in decision.reasons


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.8, Route.AUTO_APPROVE), (0.79, Route.SYNC_REVIEW), (0, Route.SYNC_REVIEW)]
)
def test_two_way(confidence: float, expected: Route) -> None:
    assert decide("two_way", confidence=confidence).route is expected


@pytest.mark.parametrize(
    ("item", "rule", "expected"),
    [
        ({"query": "What is the diagnosis?", "context": GOOD}, "diagnosis_or_dose", Route.SYNC_REVIEW),
        ({"output": "Take 500 mg twice a day.", "context": GOOD}, "diagnosis_or_dose", Route.SYNC_REVIEW),
        ({"context": ()}, "empty_context", Route.MANUAL),
        ({"context": ["  "]}, "empty_context", Route.MANUAL),
        ({"context": ["no score"]}, "weak_retrieval", Route.SYNC_REVIEW),
        ({"context": GOOD}, "tier:auto_approve", Route.AUTO_APPROVE),
    ],
)
def test_medical(item: dict[str, Any], rule: str, expected: Route) -> None:
    decision = decide("medical", confidence=0.99, **item)
    assert decision.route is expected
    assert rule in decision.reasons


@pytest.mark.parametrize(
    ("item", "signals", "rule", "expected"),
    [
        ({"domain": "Medical", "query": "Differential diagnosis?"}, {}, "medical_diagnosis", Route.MANUAL),
        ({"domain": "finance", "amount": 10_001}, {}, "financial_amount", Route.SYNC_REVIEW),
        ({"domain": "finance"}, {}, "financial_amount", Route.SYNC_REVIEW),
        ({"domain": "legal"}, {}, "legal", Route.SYNC_REVIEW),
        ({"requires_compliance": True}, {}, "compliance", Route.SYNC_REVIEW),
        ({}, {"novelty": 0.9}, "novelty", Route.SYNC_REVIEW),
        ({}, {"novelty": None}, "novelty", Route.SYNC_REVIEW),
        ({"confidence": None}, {}, "no_confidence", Route.MANUAL),
        ({"context": ()}, {}, "empty_context", Route.SYNC_REVIEW),
        ({"context": [Passage(text="t", retrieval_score=0.1)]}, {}, "weak_retrieval", Route.SYNC_REVIEW),
        ({"domain": "finance", "amount": 10_000}, {}, "tier:auto_approve", Route.AUTO_APPROVE),
        ({"confidence": 0.5, "label": "small_talk"}, {}, "small_talk", Route.AUTO_APPROVE),
    ],
)
def test_presets(item: dict[str, Any], signals: dict[str, Any], rule: str, expected: Route) -> None:
    base: dict[str, Any] = {"confidence": 0.99, "context": GOOD}
    decision = decide("presets", {"novelty": 0.1} | signals, **(base | item))
    assert decision.route is expected
    assert rule in decision.reasons
