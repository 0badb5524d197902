"""The sections of a policy on trust: what a label is, how audits are drawn and judged, which segments are shut off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from hitl_core.domain.conditions import Number
from hitl_core.domain.labels import COSMETIC
from hitl_core.domain.records import Item, Moment, Name, Record, Text
from hitl_core.domain.thresholds import UnitNumber

MIN_SECRET = 16
MONITOR = "monitor"
"""Who trips breakers, and never resets one."""
Key = Literal["project", "domain", "label", "model"]
Positive = Annotated[Number, Field(gt=0)]


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class Labels(Record):
    """What counts as right: an edit whose reasons are all cosmetic leaves the output right."""

    cosmetic_reasons: tuple[Annotated[Name, Field(min_length=1)], ...] = COSMETIC


class Audit(Record):
    """How much of what was decided without a person is checked by one all the same, and what follows from it.

    `secret` keys the coin; it is left out whenever the policy is written, stored or shown. `min_rate` is a floor under
    the rates that overrides give, as far as the policy's own rate reaches it. `target_error` is what auto-approved
    outputs of each segment are held to; the breach test raises a false alarm once in `false_alarm_audits` audits or
    less often.
    """

    rate: UnitNumber = 0.05
    secret: str = Field("", repr=False, exclude=True)
    min_rate: UnitNumber = 0.01
    due_hours: Positive | None = None
    target_error: Annotated[Number, Field(gt=0, lt=1)] = 0.05
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    false_alarm_audits: Annotated[Number, Field(gt=1)] = 5000.0
    max_unanswered: UnitNumber = 0.05
    segment_by: Annotated[tuple[Key, ...], BeforeValidator(_several), Field(min_length=1)] = ("domain",)

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: str) -> str:
        if 0 < len(secret) < MIN_SECRET:
            raise ValueError(f"the secret has {len(secret)} characters, expected at least {MIN_SECRET} (or none)")
        return secret

    @field_validator("segment_by")
    @classmethod
    def _distinct(cls, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        if len(set(keys)) < len(keys):
            raise ValueError("segment_by names a key twice")
        return keys

    def rate_for(self, override: float | None) -> float:
        """Return the audit rate where an override (or none) gives one."""
        return self.rate if override is None else max(override, min(self.min_rate, self.rate))


class Breaker(Record):
    """A segment whose auto-approval is switched off: items of which every given value is the item's own.

    An empty value stands for items that have none. Only a person takes a breaker away (`hitl audit reset`).
    """

    when: Annotated[dict[Key, Name], Field(min_length=1)]
    reason: Text
    since: Moment

    def segment(self) -> str:
        """Return the segment's name, as it stands in reasons and on pages."""
        return segment_name(self.when.values())

    @staticmethod
    def name_of(values: Mapping[str, Any], keys: Iterable[str]) -> str:
        """Return the name of the segment that a row of values belongs to."""
        return segment_name(values[key] for key in keys)

    def covers(self, item: Item) -> bool:
        """Whether an item is of the segment."""
        return all(folded(getattr(item, key)) == folded(value) for key, value in self.when.items())


def segment_name(values: Iterable[str | None]) -> str:
    """Return the name of a segment: its values, joined; `(none)` where there is none."""
    return "/".join(folded(value) or "(none)" for value in values)


def folded(value: str | None) -> str:
    """Return text as segments compare it: without case and surrounding spaces."""
    return "" if value is None else value.strip().casefold()
