"""What publishing a threshold does to a policy, and when a certificate no longer covers it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hitl_core import InputError, Policy
from hitl_core.domain.policy_sections import Selector
from hitl_core.loop.trust.evidence import Scope
from hitl_core.loop.trust.thresholds import digest_of, population, with_thresholds

LEGAL = {"domain": "legal"}


def part(threshold: float | None, where: dict[str, str] | None = None, key: str = "k") -> Any:
    certificate = None if threshold is None else SimpleNamespace(threshold=threshold)
    return SimpleNamespace(key=key, scope=Scope("default", where or {}), certificate=certificate)


def bounds(policy: Policy) -> tuple[float | None, ...]:
    held = policy.effective_thresholds(policy.overrides[-1])
    return held.auto_approve.value, held.async_review.value, held.sync_review.value


@pytest.mark.parametrize(
    ("text", "threshold", "after"),
    [
        ("", 0.9, (0.9, 0.8, 0.6)),
        ("", 0.7, (0.7, 0.7, 0.6)),
        ("", 0.5, (0.5, 0.5, 0.5)),
        ("threshold = 0.9", 0.7, (0.7, 0.7, 0.0)),
        ("threshold = 0.5", 0.7, (0.7, 0.5, 0.0)),
        ("[[overrides]]\nwhen = { project = 'Default' }\nthreshold = 0.9", 0.95, (0.95, 0.9, 0.0)),
        ("[[overrides]]\nwhen = { project = 'default' }\nthresholds.sync_review = 0.2", 0.7, (0.7, 0.7, 0.2)),
    ],
)
def test_tiers_below_give_way(text: str, threshold: float, after: tuple[float | None, ...]) -> None:
    made = with_thresholds(Policy.from_toml(text), [part(threshold)], "")
    assert bounds(made) == after
    assert [each.certificate for each in made.overrides] == ["k"]
    assert Policy.from_mapping(made.to_mapping()) == made, "it can be stored"


def test_what_is_not_certified_lets_nothing_out() -> None:
    made = with_thresholds(Policy(), [part(0.7, LEGAL), part(None, {"domain": "tax"}, "t")], "")
    assert [each.certificate for each in made.overrides] == ["k", ""]
    assert made.effective_thresholds(made.overrides[1]).auto_approve.value is None


def test_the_calibrator_is_the_projects_own() -> None:
    policy = Policy.from_toml("calibration = { artefact = 'old', projects = { other = 'theirs' } }")
    assert with_thresholds(policy, [part(0.7)], "old").calibration == policy.calibration
    assert with_thresholds(policy, [part(0.7)], "new").calibration.projects == {"other": "theirs", "default": "new"}
    assert with_thresholds(policy, [part(0.7)], "").calibration.artefact_of("default") == ""


def test_a_threshold_under_auto_reject_is_refused() -> None:
    with pytest.raises(InputError, match="default: the threshold found does not go with the policy: auto_reject"):
        with_thresholds(Policy.from_toml("thresholds.auto_reject = 0.5"), [part(0.4)], "")


def test_where_a_high_confidence_is_bad_no_threshold_lets_out() -> None:
    with pytest.raises(InputError, match="auto_reject_above"):
        with_thresholds(Policy.from_toml("thresholds.auto_reject_above = 0.9"), [part(0.7)], "")


def test_breakers_do_not_make_another_policy_to_publish_on() -> None:
    broken = Policy.from_toml("[[breakers]]\nwhen = { domain = 'd' }\nreason = 'r'\nsince = '2026-01-01T00:00:00Z'")
    assert digest_of(broken) == digest_of(Policy())
    assert digest_of(Policy(name="other")) != digest_of(Policy())


RULE = "[[rules]]\nid = 'r'\nwhen = { field = 'label', eq = 'l' }\n"


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (RULE + "route = 'manual'", True),
        (RULE + "priority_class = 'high'", False),
        ("[[overrides]]\nwhen = { project = 'default', domain = 'legal', label = 'l' }\nthreshold = 0.9", True),
        ("[[overrides]]\nwhen = { project = 'default', domain = 'tax', label = 'l' }\nthreshold = 0.9", False),
        ("[[overrides]]\nwhen = { project = 'default' }\nthreshold = 0.9", False),
        ("[[overrides]]\nwhen = { project = 'default', domain = 'legal' }\nthreshold = 0.9", False),
        ("threshold = 0.9", False),
    ],
)
def test_what_changes_the_items_that_a_threshold_is_about(text: str, changes: bool) -> None:
    mine = Selector.model_validate({"project": "default", "domain": "legal"})
    assert (population(Policy.from_toml(text), mine) != population(Policy(), mine)) is changes
