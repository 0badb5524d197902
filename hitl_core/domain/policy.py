"""The policy: what may go out by itself, what needs a person, and how soon.

Public: `Policy` with `load`, `from_toml`, `from_mapping`, `to_mapping`, `digest`. The language is in docs/policy.md.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import StrictBool, ValidationError, model_validator

from hitl_core.domain.conditions import Condition
from hitl_core.domain.errors import PolicyError, explain, shorten
from hitl_core.domain.policy_cost import Prices
from hitl_core.domain.policy_judging import Judging
from hitl_core.domain.policy_overlap import Overlap
from hitl_core.domain.policy_sections import (
    Audit,
    Breaker,
    CalibrationSection,
    Labels,
    Override,
    Priority,
    ReviewRules,
    Rule,
    ScorerSection,
    Sla,
    refuse_both_spellings,
)
from hitl_core.domain.records import Name, Record, Route, canonical_json
from hitl_core.domain.text import require_clean_json
from hitl_core.domain.thresholds import LADDER, Bound, Thresholds, effective

MAX_POLICY_BYTES = 1_000_000
_BARE_POINT = re.compile(r"[=,\[]\s*\.\d")

DEFAULT_RULES = (
    Rule(id="compliance", when=Condition(field="requires_compliance", eq=True), route=Route.SYNC_REVIEW),
    Rule(id="large_amount", when=Condition(field="amount", gt=10_000, if_missing=False), route=Route.SYNC_REVIEW),
)
"""Rules every policy has unless it says `default_rules = false`; a rule with the same id takes its place."""


class Policy(Record):
    """Thresholds, overrides, rules, audit, priority, SLA, review and judging; frozen, unknown keys refused."""

    name: Name = "default"
    threshold: Bound | None = None
    thresholds: Thresholds = Thresholds()
    overrides: tuple[Override, ...] = ()
    default_rules: StrictBool = True
    rules: tuple[Rule, ...] = ()
    audit: Audit = Audit()
    priority: Priority = Priority()
    sla: Sla = Sla()
    review: ReviewRules = ReviewRules()
    judging: Judging = Judging()
    scorer: ScorerSection = ScorerSection()
    calibration: CalibrationSection = CalibrationSection()
    labels: Labels = Labels()
    overlap: Overlap = Overlap()
    cost: Prices = Prices()
    breakers: tuple[Breaker, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        if self.threshold is not None:
            refuse_both_spellings(name for name in LADDER if name in self.thresholds.model_fields_set)
        self.effective_thresholds()
        for number, override in enumerate(self.overrides):
            try:
                self.effective_thresholds(override)
            except ValueError as error:
                raise ValueError(f"overrides.{number} ({override.when.describe()}): {error}") from None
        ids = [rule.id for rule in self.rules]
        if twice := [rule_id for rule_id in ids if ids.count(rule_id) > 1]:
            raise ValueError(f"two rules have the id {twice[0]!r}; an id names one rule")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Policy:
        """Read a TOML file.

        Raises:
            PolicyError: it cannot be read, is not TOML, or does not say what a policy may say; one line.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_POLICY_BYTES + 1)
            if len(data) > MAX_POLICY_BYTES:
                raise PolicyError(f"{path} is larger than {MAX_POLICY_BYTES:,} bytes; a policy is a short TOML file")
            return cls.from_toml(data.decode("utf-8"), source=str(path))
        except UnicodeDecodeError as error:
            raise PolicyError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
        except ValueError as error:  # a path that no system can have
            if isinstance(error, PolicyError):
                raise
            raise PolicyError(
                f"cannot read the policy {str(path)!r:.80}: {error}; give the path of a TOML file"
            ) from None
        except OSError as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
            raise PolicyError(f"cannot read the policy {path}: {reason}; give the path of a TOML file") from None

    @classmethod
    def from_toml(cls, text: str, source: str = "policy.toml") -> Policy:
        """Read TOML text; `source` is what errors call it.

        Raises:
            PolicyError: as `load`.
        """
        try:
            data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            hint = "; numbers need a digit before the point: 0.95, not .95" if _BARE_POINT.search(text) else ""
            raise PolicyError(f"{source} is not valid TOML: {one_line(str(error))}{hint}") from None
        return cls.from_mapping(data, source=source)

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], source: str = "policy") -> Policy:
        """Read what `to_mapping` wrote, or a mapping of the same shape.

        Raises:
            PolicyError: as `load`.
        """
        if not isinstance(data, Mapping):
            raise PolicyError(f"{source}: expected a table of settings, got {shorten(data)}")
        try:
            require_clean_json(data, "policy")
            return cls.model_validate(data)
        except ValidationError as error:
            message = one_line(explain(error, cls)).removeprefix("input: ").replace("a valid tuple", "a list")
            raise PolicyError(f"{source}: {message}") from None
        except (ValueError, RecursionError) as error:
            message = one_line(str(error)).replace("which JSON cannot hold", "which a policy cannot hold")
            raise PolicyError(f"{source}: {message.replace('a finite number or null', 'a finite number')}") from None

    def to_mapping(self) -> dict[str, Any]:
        """Return it JSON-ready, with every default spelt out and without the audit secret: what is stored."""
        body = self.model_dump(mode="json", exclude_none=True)
        if self.threshold is not None:
            body["thresholds"] = {k: v for k, v in body["thresholds"].items() if k not in LADDER}
        elif self.thresholds.auto_reject_above.value is not None:
            del body["thresholds"]["auto_approve"], body["thresholds"]["async_review"]
        return body

    def digest(self) -> str:
        """Return the SHA-256 (hex) of `to_mapping()` as canonical JSON: equal for policies that decide alike."""
        return hashlib.sha256(canonical_json(self.to_mapping()).encode()).hexdigest()

    def effective_thresholds(self, override: Override | None = None) -> Thresholds:
        """Return the thresholds that hold where an override (or none) applies."""
        changes = (override.thresholds, override.threshold) if override else (None, None)
        return effective(self.thresholds, self.threshold, *changes)

    def audit_due(self) -> timedelta:
        """Return within which time an audit should be answered: its own, else that of the lowest class."""
        return timedelta(hours=self.audit.due_hours or self.sla.low_hours)

    def effective_rules(self) -> tuple[Rule, ...]:
        """Return the rules in the order they are tried: the default ones that were not replaced, then the file's."""
        replaced = {rule.id for rule in self.rules}
        kept = tuple(rule for rule in DEFAULT_RULES if rule.id not in replaced) if self.default_rules else ()
        return kept + self.rules


def one_line(message: str) -> str:
    """Return a message on one line."""
    return " ".join(message.split())
