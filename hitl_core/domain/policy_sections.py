"""The sections of a policy: rules, overrides, labels, audit, breakers, SLA, scorer and so on (see docs/policy.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hitl_core.domain.conditions import Condition, Number
from hitl_core.domain.labels import COSMETIC
from hitl_core.domain.policy_overlap import Opinions
from hitl_core.domain.records import Item, Moment, Name, PriorityClass, Record, Route, Text
from hitl_core.domain.thresholds import LADDER, Bound, ThresholdChanges, UnitNumber

MIN_SECRET = 16
MONITOR = "monitor"
"""Who trips breakers, and never resets one."""
Key = Literal["project", "domain", "label", "model"]
SELECTORS = ("label", "domain", "model", "project")
"""What an override may select by, the most telling first: it settles which of two equally long selectors wins."""

REASON_CODES = frozenset(
    {
        *(f"confidence_{what}" for what in ("missing", "not_finite", "out_of_range")),
        *(f"calibrator_{what}" for what in ("stale", "missing", "broken")),
        *(f"certificate_{what}" for what in ("expired", "missing", "void")),
        *(f"scorer_{what}" for what in ("stale", "missing", "broken", "refused")),
    }
)
"""Reasons of decisions that are one word, as ids of rules are; the product's others have a colon, which no id has."""

Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Weights = dict[PriorityClass, UnitNumber]


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


OneOrMore = Annotated[tuple[Annotated[Name, Field(min_length=1)], ...], BeforeValidator(_several)]


class Rule(Record):
    """When the condition holds: force a route, raise the priority class, name an expertise, ask several people."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    when: Condition
    route: Route | None = None
    priority_class: PriorityClass | None = None
    expertise: Name = ""
    overlap: Opinions | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Rule:
        if self.route is None and self.priority_class is None and not self.expertise and self.overlap is None:
            raise ValueError(
                f"rule {self.id!r} does nothing; give it a route, a priority_class, an expertise or an overlap"
            )
        if self.id in REASON_CODES:
            raise ValueError(f"the id {self.id!r} is the product's own reason code; choose another")
        return self


class Selector(Record):
    """Which items an override is for: each given key must match; a list means any of its values."""

    project: OneOrMore = ()
    domain: OneOrMore = ()
    label: OneOrMore = ()
    model: OneOrMore = ()

    @model_validator(mode="after")
    def _selects(self) -> Selector:
        if not self.given():
            raise ValueError(f"an override must say which items it is for: one or more of {', '.join(SELECTORS)}")
        return self

    def given(self) -> dict[str, tuple[str, ...]]:
        """Return the keys that select, the most telling first."""
        return {name: getattr(self, name) for name in SELECTORS if getattr(self, name)}

    def specificity(self) -> tuple[int, ...]:
        """Return what the overrides are ordered by: how many keys select, then which."""
        given = self.given()
        return (len(given), *(int(name in given) for name in SELECTORS))

    def describe(self) -> str:
        """Return it in one word, as it stands among a decision's reasons."""
        return ",".join(f"{name}={'|'.join(values)}" for name, values in self.given().items())


class Override(Record):
    """Other thresholds, or another audit rate, for some projects, domains, labels or models.

    `certificate` names the certificate that the thresholds rest on (`loop.calibration.publish` writes it). Where it has
    expired or does not cover what the policy does, nothing of these items goes out without a person.
    """

    when: Selector
    certificate: Name = ""
    threshold: Bound | None = None
    thresholds: ThresholdChanges | None = None
    audit_rate: UnitNumber | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Override:
        changes = self.thresholds
        if self.threshold is None and self.audit_rate is None and changes is None:
            raise ValueError("an override must change something: threshold, thresholds or audit_rate")
        if self.threshold is not None and changes is not None:
            refuse_both_spellings(name for name in LADDER if getattr(changes, name) is not None)
        return self


class Labels(Record):
    """What counts as right: an edit whose reasons are all cosmetic leaves the output right.

    `missed` and `false_alarm` bound how often reviewers err, as (low, high): P(label right | output wrong) and P(label
    wrong | output right). With both a certificate speaks of errors, otherwise of disagreement with reviewers.
    """

    cosmetic_reasons: tuple[Annotated[Name, Field(min_length=1)], ...] = COSMETIC
    missed: tuple[UnitNumber, UnitNumber] | None = None
    false_alarm: tuple[UnitNumber, UnitNumber] | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Labels:
        given = {"missed": self.missed, "false_alarm": self.false_alarm}
        if one := [name for name, bounds in given.items() if bounds is not None and bounds[0] > bounds[1]]:
            raise ValueError(f"{one[0]} is (low, high); low may not be above high")
        if (self.missed is None) != (self.false_alarm is None):
            raise ValueError("missed and false_alarm are given together: a certificate needs both")
        if self.missed and self.false_alarm and self.missed[1] + self.false_alarm[1] >= 1:
            raise ValueError("missed and false_alarm together reach 1: such labels say nothing")
        return self


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


class Priority(Record):
    """What makes one waiting item more urgent than another: weights, and how their inputs are scaled to [0, 1]."""

    impact: UnitNumber = 0.4
    waiting: UnitNumber = 0.3
    uncertainty: UnitNumber = 0.2
    compliance: UnitNumber = 0.1
    waiting_cap_hours: Positive = 24.0
    amount_cap_usd: Positive = 1_000_000.0
    class_impact: Weights = Field(default_factory=lambda: dict(zip(PriorityClass, (1.0, 0.75, 0.5, 0.25), strict=True)))
    class_floor: Weights = Field(default_factory=lambda: dict(zip(PriorityClass, (0.5, 0.25, 0.0, 0.0), strict=True)))

    @field_validator("class_impact", "class_floor", mode="before")
    @classmethod
    def _fill_in(cls, given: Any, info: Any) -> Any:
        """Let a file name only the classes it changes."""
        if not isinstance(given, Mapping):
            return given
        defaults: Weights = cls.model_fields[info.field_name].get_default(call_default_factory=True)
        return {str(name): value for name, value in defaults.items()} | dict(given)


class Sla(Record):
    """Within how many hours a person should have decided, by priority class."""

    critical_hours: Positive = 1.0
    high_hours: Positive = 4.0
    medium_hours: Positive = 24.0
    low_hours: Positive = 72.0

    def targets(self) -> dict[PriorityClass, timedelta]:
        """Return the target of each class."""
        return {name: timedelta(hours=getattr(self, f"{name}_hours")) for name in PriorityClass}


class ReviewRules(Record):
    """What holds while a person reviews; the queue and the review page act on these."""

    reasons: tuple[Annotated[Name, Field(min_length=1)], ...] = (
        "unsupported_claim",
        "wrong_fact",
        "incomplete",
        "off_topic",
        "outdated_source",
        "unsafe",
        "style",
        "other",
    )
    lease_seconds: Positive = 900.0
    undo_seconds: NotNegative = 600.0

    @field_validator("reasons")
    @classmethod
    def _distinct(cls, reasons: tuple[str, ...]) -> tuple[str, ...]:
        if not reasons:
            raise ValueError("reasons is empty; edit and reject need at least one to choose from")
        if twice := sorted({name for name in reasons if reasons.count(name) > 1}):
            raise ValueError(f"reasons has {twice[0]!r} twice")
        return reasons


def refuse_both_spellings(tiers: Any) -> None:
    """Raise when the two-way shorthand stands beside a tier that it already sets."""
    if clash := list(tiers):
        raise ValueError(
            f"threshold and thresholds.{clash[0]} exclude each other; keep threshold (two-way) or the four tiers"
        )


class ScorerSection(Record):
    """Whether an output is measured when it is submitted, and by which fitted scorer it is scored.

    `signals` measures, so that rules see `signals.*`; `fill` also takes the score as the confidence of items that bring
    none. Without an artefact the score is a fixed formula, which lets nothing out.
    """

    use: Literal["off", "signals", "fill"] = "off"
    artefact: Name = ""
    max_age_days: Positive = 90.0


class CalibrationSection(Record):
    """By which fitted calibrator an item's confidence is corrected, and how thresholds are certified.

    `projects` names the calibrators of single projects and goes before `artefact`; empty text there means none. Once
    an artefact is `max_age_days` old it is no longer used, and the certificates that rest on it expire. A project's
    certificates of one year share `yearly_delta`, the chance that any of them is wrong. With a `ramp` a threshold is
    only ever loosened to its next step.
    """

    artefact: Name = ""
    projects: dict[Name, Name] = Field(default_factory=dict)
    max_age_days: Positive = 90.0
    yearly_delta: Annotated[Number, Field(gt=0, lt=1)] = 0.2
    ramp: tuple[UnitNumber, ...] = ()

    @field_validator("ramp")
    @classmethod
    def _falls(cls, ramp: tuple[float, ...]) -> tuple[float, ...]:
        if any(later >= earlier for earlier, later in pairwise(ramp)):
            raise ValueError("a ramp needs falling thresholds, such as [0.9, 0.8]")
        return ramp

    def artefact_of(self, project: str) -> str:
        """Return the key of the calibrator for a project's items, empty where their confidence counts as it came."""
        return self.projects.get(project, self.artefact)
