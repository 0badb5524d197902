"""docs/policy.md names every field, operator and key, and its examples load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hitl_core.domain.conditions import FIELDS, OPERATORS
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.domain.policy_judging import Committee, Judge, Judging, Price, Tier
from hitl_core.domain.policy_overlap import Overlap
from hitl_core.domain.policy_sections import (
    Audit,
    Breaker,
    CalibrationSection,
    Labels,
    Priority,
    ReviewRules,
    Rule,
    ScorerSection,
    Sla,
)
from hitl_core.domain.thresholds import Thresholds

TEXT = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(
    "model",
    [
        Policy,
        ScorerSection,
        CalibrationSection,
        Thresholds,
        Rule,
        Audit,
        Breaker,
        Priority,
        Sla,
        ReviewRules,
        Labels,
        Overlap,
        Prices,
        Judging,
        Judge,
        Committee,
        Tier,
        Price,
    ],
)
def test_every_key_is_documented(model: type) -> None:
    keys = set(re.findall(r"[`.]([a-z_]+)`", TEXT)) | {"overrides", "rules"} | set(re.findall(r"`([a-z]+)\.", TEXT))
    assert set(model.model_fields) <= keys  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*FIELDS, *OPERATORS])
def test_every_field_and_operator_is_documented(name: str) -> None:
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str) -> None:
    assert Policy.from_toml(example).digest() != Policy().digest()
