"""The policy file: defaults, overrides, bounds, what is refused and how it is said, storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import PolicyError
from hitl_core.domain.policy import DEFAULT_RULES, MAX_POLICY_BYTES, Policy
from hitl_core.domain.records import Route
from hitl_core.domain.thresholds import tiers

SECRET = "correct horse battery staple"


def place(policy: Policy, confidence: float) -> str:
    return tiers(policy.effective_thresholds()).place(confidence)[0].value


def test_the_defaults_are_those_of_the_specification() -> None:
    policy = Policy()
    bounds = policy.thresholds
    assert [bounds.auto_approve.value, bounds.async_review.value, bounds.sync_review.value] == [0.95, 0.80, 0.60]
    assert policy.audit.rate == 0.05
    weights = policy.priority
    assert (weights.impact, weights.waiting, weights.uncertainty, weights.compliance) == (0.4, 0.3, 0.2, 0.1)
    assert [target.total_seconds() / 3600 for target in policy.sla.targets().values()] == [1, 4, 24, 72]
    assert (policy.review.lease_seconds, policy.review.undo_seconds) == (900, 600)
    assert len(policy.review.reasons) == 8


@pytest.mark.parametrize(
    ("toml", "confidence", "expected"),
    [
        ("", 0.95, "auto_approve"),
        ("", 0.9499999, "async_review"),
        ("", 0.80, "async_review"),
        ("", 0.60, "sync_review"),
        ("", 0.5999999, "manual"),
        ("", 0.0, "manual"),
        ("thresholds = { auto_approve = { value = 0.95, inclusive = false } }", 0.95, "async_review"),
        ("thresholds = { auto_approve = { value = 1, inclusive = false } }", 1.0, "async_review"),
        ("thresholds = { auto_approve = 1 }", 1.0, "auto_approve"),
        ('thresholds = { auto_approve = "never" }', 1.0, "async_review"),
        ('thresholds = { async_review = "never" }', 0.9, "sync_review"),
        ('thresholds = { sync_review = "never" }', 0.7, "manual"),
        ("threshold = 0.8", 0.8, "auto_approve"),
        ("threshold = 0.8", 0.0, "sync_review"),
        ("threshold = { value = 0.8, inclusive = false }", 0.8, "sync_review"),
        ("thresholds = { auto_reject = 0.4 }", 0.4, "manual"),
        ("thresholds = { auto_reject = 0.4 }", 0.3999999, "auto_reject"),
        ("thresholds = { auto_reject = { value = 0.4, inclusive = true } }", 0.4, "auto_reject"),
        ("thresholds = { auto_reject = { value = 0.4 } }", 0.4, "manual"),
        ("thresholds = { auto_reject_above = 0.99 }", 0.99, "sync_review"),
        ("thresholds = { auto_reject_above = 0.99 }", 0.991, "auto_reject"),
        ("thresholds = { auto_reject_above = { value = 0.99, inclusive = true } }", 0.99, "auto_reject"),
        ("threshold = 0.8\nthresholds = { auto_reject = 0.8 }", 0.79, "auto_reject"),
    ],
)
def test_bounds(toml: str, confidence: float, expected: str) -> None:
    assert place(Policy.from_toml(toml), confidence) == expected


def test_an_override_changes_only_what_it_names() -> None:
    policy = Policy.from_toml(
        "[[overrides]]\nwhen = { domain = ['law', 'tax'] }\nthresholds = { auto_approve = 0.99 }\n"
        "[[overrides]]\nwhen = { label = 'bad' }\nthresholds = { auto_reject_above = 0.9 }\n"
        "[[overrides]]\nwhen = { model = 'm' }\nthreshold = 0.7\n"
    )
    law, bad, model = (policy.effective_thresholds(override) for override in policy.overrides)
    assert (law.auto_approve.value, law.async_review.value) == (0.99, 0.80)
    assert (bad.auto_approve.value, bad.async_review.value, bad.sync_review.value) == (None, None, 0.60)
    assert (model.auto_approve.value, model.sync_review.value) == (0.7, 0.0)


def test_an_override_can_turn_a_reversed_scale_back() -> None:
    policy = Policy.from_toml(
        "thresholds = { auto_reject_above = 0.9 }\n"
        "[[overrides]]\nwhen = { label = 'safe' }\nthresholds = { auto_approve = 0.9 }\n"
    )
    assert policy.effective_thresholds(policy.overrides[0]).auto_reject_above.value is None


RULE = "[[rules]]\nid = 'r'\nroute = 'manual'\nwhen = "
REFUSED = [
    ("tresholds = {}", "tresholds: unknown key (did you mean 'thresholds'?)"),
    ("thresholds = { auto_aprove = 0.9 }", "auto_aprove: unknown key (did you mean 'auto_approve'?)"),
    ("thresholds = { auto_approve = 95 }", "expected a number from 0 to 1, got 95 (did you mean 0.95?)"),
    ("thresholds = { auto_approve = true }", "got True"),
    ("thresholds = { auto_approve = 'high' }", "got 'high'"),
    ("thresholds = { auto_approve = { value = 2 } }", "less than or equal to 1"),
    ("thresholds = { auto_approve = { value = 0.9, inclusive = 1 } }", "valid boolean"),
    ("thresholds = { auto_approve = { inclusive = true } }", "field required"),
    ("thresholds = { auto_approve = { value = 0.9, inclusiv = true } }", "(did you mean 'inclusive'?)"),
    ("thresholds = { auto_approve = 0.7 }", "auto_approve (0.7) is below async_review (0.8)"),
    ("thresholds = { sync_review = 0.81 }", "async_review (0.8) is below sync_review (0.81)"),
    ("thresholds = { auto_reject = 0.85 }", "auto_reject (0.85) reaches into async_review (0.8)"),
    ("thresholds = { auto_reject = { value = 0.8, inclusive = true } }", "reaches into async_review"),
    ("thresholds = { auto_reject_above = 0.5 }", "auto_reject_above (0.5) is below sync_review (0.6)"),
    ("thresholds = { auto_reject_above = 0.9, auto_approve = 0.9 }", "exclude each other"),
    ("threshold = 0.8\nthresholds = { auto_approve = 0.9 }", "threshold and thresholds.auto_approve exclude"),
    ("[[overrides]]\nwhen = { lable = 'x' }\nthreshold = 0.8", "lable: unknown key (did you mean 'label'?)"),
    ("[[overrides]]\nwhen = {}\nthreshold = 0.8", "one or more of label, domain, model, project"),
    ("[[overrides]]\nwhen = { label = 'x' }", "must change something"),
    ("[[overrides]]\nwhen = { label = 'x' }\nthresholds = { auto_approve = 0.7 }", "overrides.0 (label=x)"),
    ("[[overrides]]\nwhen = { label = 'x' }\nthreshold = 0.8\nthresholds = { sync_review = 0.7 }", "exclude"),
    (
        "thresholds = { auto_reject_above = 0.9 }\n"
        "[[overrides]]\nwhen = { label = 'x' }\nthresholds = { async_review = 0.8 }",
        "async_review has no effect",
    ),
    (RULE + "{ field = 'amout', gt = 1 }", "rules.0.when: unknown field 'amout' (did you mean 'amount'?)"),
    (RULE + "{ not = { any = [ { field = 'query', eq = 1 } ] } }", "rules.0.when.not.any.0: query eq needs text"),
    (RULE + "{ field = 'query', matches = '(a+)+' }", "a repeat inside a repeat"),
    (RULE + "{ field = 'amount', gt = 1 }\nrouted = 'x'", "(did you mean 'route'?)"),
    ("[[rules]]\nid = 'r'\nroute = 'manul'\nwhen = { field = 'amount', gt = 1 }", "got 'manul'"),
    ("[[rules]]\nid = 'r'\nwhen = { field = 'amount', gt = 1 }", "rule 'r' does nothing"),
    ("[[rules]]\nid = 'tier:x'\nroute = 'manual'\nwhen = { field = 'amount', gt = 1 }", "got 'tier:x'"),
    ("[[rules]]\nid = 'confidence_missing'\nroute = 'manual'\nwhen = { field = 'amount', gt = 1 }", "own"),
    (2 * (RULE + "{ field = 'amount', gt = 1 }\n"), "two rules have the id 'r'"),
    ("rules = 3", "rules: input should be a list, got 3"),
    ("default_rules = 'yes'", "default_rules: input should be a valid boolean"),
    ("audit = { rate = nan }", "audit.rate is nan"),
    ("audit = { rate = '0.1' }", "audit.rate: input should be a valid number, got '0.1'"),
    ("audit = { rate = 1.1 }", "less than or equal to 1"),
    ("audit = { secret = 'hunter2' }", "the secret has 7 characters, expected at least 16"),
    ("priority = { class_floor = { urgent = 0.5 } }", "priority.class_floor"),
    ("priority = { class_floor = 3 }", "priority.class_floor"),
    ("priority = { waiting_cap_hours = 0 }", "greater than 0"),
    ("sla = { high_hours = -1 }", "sla.high_hours"),
    ("review = { reasons = [] }", "reasons is empty"),
    ("review = { reasons = ['a', 'b', 'a'] }", "reasons has 'a' twice"),
    ("review = { lease_seconds = 0 }", "review.lease_seconds"),
    ('name = "a\\u0000"', "NUL"),
    ("name = 1979-05-27", "policy.name is a date"),
    ("name = ", "is not valid TOML: Invalid value"),
    ("threshold = .8", "numbers need a digit before the point: 0.95, not .95"),
]


@pytest.mark.parametrize(("toml", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_says_why_in_one_line(toml: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_toml(toml)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert message.startswith("policy.toml")
    assert "hunter2" not in message


def test_deep_nesting_is_refused() -> None:
    condition: dict[str, Any] = {"field": "amount", "gt": 1}
    for _ in range(3000):
        condition = {"not": condition}
    with pytest.raises(PolicyError, match="nested deeper"):
        Policy.from_mapping({"rules": [{"id": "r", "route": "manual", "when": condition}]})


@pytest.mark.parametrize("given", [None, [], "x", 3])
def test_a_policy_is_a_table(given: Any) -> None:
    with pytest.raises(PolicyError, match="expected a table"):
        Policy.from_mapping(given)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no such file"):
        Policy.load(tmp_path / "none.toml")
    with pytest.raises(PolicyError, match="cannot read the policy"):
        Policy.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    with pytest.raises(PolicyError, match="not UTF-8"):
        Policy.load(tmp_path / "latin.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (MAX_POLICY_BYTES + 1))
    with pytest.raises(PolicyError, match="larger than"):
        Policy.load(tmp_path / "big.toml")


FULL = """
name = "full"
thresholds = { auto_reject = 0.2, sync_review = { value = 0.5, inclusive = false } }
[[overrides]]
when = { project = "p", label = ["a", "b"] }
thresholds = { auto_reject_above = 0.99 }
audit_rate = 0.2
[[rules]]
id = "r"
when = { all = [ { field = "query", matches = 'tax' }, { not = { field = "label", not_in = ["a"] } } ] }
route = "manual"
priority_class = "critical"
expertise = "tax"
"""


@pytest.mark.parametrize(
    "toml",
    ["", FULL, "threshold = 0.8", "threshold = 0.8\nthresholds.auto_reject = 0.1", "thresholds.auto_reject_above = 1"],
)
def test_storage_brings_back_the_same_policy(toml: str) -> None:
    policy = Policy.from_toml(toml)
    again = Policy.from_mapping(policy.to_mapping())
    assert again.digest() == policy.digest()
    assert again.effective_thresholds() == policy.effective_thresholds()
    assert again.effective_rules() == policy.effective_rules()


def test_the_secret_is_never_written() -> None:
    policy = Policy.from_toml(f"audit = {{ secret = '{SECRET}' }}")
    assert policy.audit.secret == SECRET
    assert SECRET not in f"{policy!r} {policy} {policy.to_mapping()} {policy.model_dump_json()}"
    assert policy.digest() == Policy().digest()


def test_the_digest_tells_policies_apart() -> None:
    digests = {Policy.from_toml(toml).digest() for toml in ("", FULL, "threshold = 0.8", "name = 'x'")}
    assert len(digests) == 4
    assert Policy.from_toml("name = 'default'\naudit.rate = 0.05").digest() == Policy().digest()


def test_default_rules_stay_unless_replaced_or_switched_off() -> None:
    own = RULE + "{ field = 'amount', gt = 1 }"
    names = [rule.id for rule in Policy.from_toml(own).effective_rules()]
    assert names == [*(rule.id for rule in DEFAULT_RULES), "r"]
    replaced = Policy.from_toml(own.replace("'r'", "'large_amount'")).effective_rules()
    assert [(rule.id, rule.route) for rule in replaced] == [
        ("compliance", Route.SYNC_REVIEW),
        ("large_amount", Route.MANUAL),
    ]
    assert Policy.from_toml("default_rules = false").effective_rules() == ()


def test_a_file_may_name_only_the_classes_it_changes() -> None:
    floors = Policy.from_toml("[priority.class_floor]\nlow = 0.1").priority.class_floor
    assert {str(name): value for name, value in floors.items()} == {
        "critical": 0.5,
        "high": 0.25,
        "medium": 0,
        "low": 0.1,
    }


@given(st.floats(0, 1), st.booleans(), st.floats(0, 1))
def test_a_bound_is_inclusive_exactly_when_it_says_so(value: float, inclusive: bool, confidence: float) -> None:
    policy = Policy.from_mapping({"threshold": {"value": value, "inclusive": inclusive}})
    passes = confidence >= value if inclusive else confidence > value
    assert (place(policy, confidence) == "auto_approve") is passes
