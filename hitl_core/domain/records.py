"""The nouns: what is submitted, decided, claimed, reviewed and learned from. All frozen."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hitl_core.domain.clock import require_aware
from hitl_core.domain.ids import new_id
from hitl_core.domain.text import require_clean, require_clean_json

IMPACT_WORDS = {"low": 0.25, "medium": 0.5, "high": 0.75, "critical": 1.0}


class Route(enum.StrEnum):
    """What happens to an output."""

    AUTO_APPROVE = "auto_approve"
    """It may go out by itself."""
    ASYNC_REVIEW = "async_review"
    """It may go out now; a person looks at it afterwards."""
    SYNC_REVIEW = "sync_review"
    """It waits until a person has decided."""
    MANUAL = "manual"
    """A person writes or rewrites the answer; the output is only a draft."""
    AUTO_REJECT = "auto_reject"
    """It is held back without a person, for the recorded reason."""


class PriorityClass(enum.StrEnum):
    """How soon a person should have decided; the policy gives each class its target."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Stage(enum.StrEnum):
    """Who or what a task waits for."""

    JUDGE = "judge"
    """A model judge."""
    HUMAN = "human"
    """A reviewer."""
    ADJUDICATE = "adjudicate"
    """A senior, because reviewers disagreed or one escalated."""
    AUDIT = "audit"
    """A reviewer, blind: a sample of what went out by itself."""


class TaskStatus(enum.StrEnum):
    """Where a task is in its life."""

    PENDING = "pending"
    """Nobody holds it."""
    CLAIMED = "claimed"
    """Somebody holds it until the lease runs out."""
    DONE = "done"
    """A review was saved."""
    CANCELLED = "cancelled"
    """It is no longer needed; nobody decided anything."""


class LabelOrigin(enum.StrEnum):
    """Why an item got a human label; estimates use only `design`."""

    DESIGN = "design"
    """The router or the audit coin chose it, with a known probability."""
    REQUESTED = "requested"
    """Somebody asked for it."""
    OVERRIDE = "override"
    """Somebody overruled a decision that was already made."""
    GOLD = "gold"
    """A known answer, to measure the reviewer."""


def _clean(text: str, info: Any) -> str:
    return require_clean(text, info.field_name)


def _aware(moment: datetime, info: Any) -> datetime:
    return require_aware(moment, info.field_name)


def _impact(value: Any) -> Any:
    return IMPACT_WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_clean)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_clean)]
Moment = Annotated[datetime, AfterValidator(_aware)]
UnitFloat = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Record(BaseModel):
    """Base of the frozen records: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class Passage(Record):
    """One piece of source context that the output should rest on."""

    text: Text
    source: Text = ""
    title: Text = ""
    retrieval_score: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Alternative(Record):
    """Another option the model considered."""

    output: Text
    confidence: UnitFloat | None = None
    pros: tuple[Text, ...] = ()
    cons: tuple[Text, ...] = ()


class Feature(Record):
    """One input's weight in the model's decision (sign: for or against)."""

    name: Text
    weight: Annotated[float, Field(allow_inf_nan=False)]


class Explanation(Record):
    """Why the model says so, in its own words and numbers."""

    reasoning: Text = ""
    top_features: tuple[Feature, ...] = ()

    @field_validator("top_features", mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return [{"name": name, "weight": weight} for name, weight in value.items()]
        return value


def _passages(value: Any) -> Any:
    if isinstance(value, (str, Mapping, Passage)):
        value = [value]
    if isinstance(value, (list, tuple)):
        return [{"text": part} if isinstance(part, str) else part for part in value]
    return value


Context = Annotated[tuple[Passage, ...], BeforeValidator(_passages)]


class Item(Record):
    """One output of a model, with what is needed to judge it.

    `id` is the caller's, unique within `project`; without one a UUIDv7 is made. `confidence` is what the
    application believes, in [0, 1]; a missing or non-finite one is allowed and sends the item to a person.
    `impact` is in [0, 1] or one of low, medium, high, critical; `amount` is money at stake in USD.
    """

    id: Name = Field(default_factory=new_id, min_length=1)
    project: Annotated[Name, Field(min_length=1)] = "default"
    query: Text
    context: Context = ()
    output: Text
    confidence: float | None = None
    label: Name | None = None
    inputs: dict[str, Any] | None = None
    subject: Name | None = None
    domain: Name | None = None
    impact: Annotated[UnitFloat, BeforeValidator(_impact)] | None = None
    amount: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    requires_compliance: bool = False
    alternatives: tuple[Alternative, ...] = ()
    explanation: Explanation | None = None
    model: Name | None = None
    few_shot_ids: tuple[Name, ...] = ()
    created_at: Moment | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @field_validator("confidence")
    @classmethod
    def _in_unit_interval(cls, value: float | None) -> float | None:
        if value is not None and (value < 0 or value > 1) and abs(value) != float("inf"):
            hint = f"; did you mean {value / 100:g}?" if 1 < value <= 100 else ""
            raise ValueError(f"confidence is {value:g}, expected a number from 0 to 1{hint}")
        return value

    @field_validator("inputs", "metadata", mode="before")
    @classmethod
    def _json(cls, value: Any, info: Any) -> Any:
        return require_clean_json(value, info.field_name)

    def content(self) -> dict[str, Any]:
        """Return what makes two submissions the same: everything but the time, JSON-ready."""
        return self.model_dump(mode="json", exclude={"created_at"})


class Decision(Record):
    """What the platform decided for an item, and why; a later decision supersedes it with a higher `seq`.

    `overlap` is how many opinions of people are wanted, `signals` what was measured, `calibrator` the artefact that
    made `confidence` out of `raw_confidence`, `path` the judges that were asked, `cost_usd` what they cost (None:
    unknown, or nobody was asked).
    """

    id: str = Field(default_factory=new_id)
    item_id: str
    project: str
    seq: int = 1
    supersedes: str | None = None
    route: Route
    reasons: tuple[str, ...] = ()
    raw_confidence: float | None = None
    confidence: float | None = None
    policy_version: int
    priority: float = 0.0
    priority_class: PriorityClass = PriorityClass.LOW
    expertise: str = ""
    due_at: datetime | None = None
    audited: bool = False
    inclusion_probability: float = 1.0
    origin: LabelOrigin = LabelOrigin.DESIGN
    created_at: datetime
    overlap: int = 1
    signals: dict[str, Any] | None = None
    calibrator: str | None = None
    path: tuple[str, ...] = ()
    cost_usd: Decimal | None = None

    @property
    def needs_human(self) -> bool:
        """Whether a person decides before the outcome is final."""
        return self.route in (Route.ASYNC_REVIEW, Route.SYNC_REVIEW, Route.MANUAL)


class Review(Record):
    """What a person decided about a task.

    `edit` needs `output`, the corrected text. Which `reasons` exist is the policy's; edit and reject need at
    least one. `exemplary` on an approval makes it a golden example.
    """

    id: str = Field(default_factory=new_id)
    verdict: Literal["approve", "edit", "reject"]
    output: Text | None = None
    label: Name | None = None
    reasons: tuple[Name, ...] = ()
    comment: Text = ""
    exemplary: bool = False
    active_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    reviewer: Name = ""
    created_at: Moment | None = None

    @model_validator(mode="after")
    def _edit_has_output(self) -> Review:
        if self.verdict == "edit" and not (self.output or "").strip():
            raise ValueError("an edit needs the corrected text in output; to discard the answer use verdict 'reject'")
        return self


class ReviewTask(Record):
    """A piece of work that one reviewer holds, or could hold; `item_key` is the key of the item's row."""

    id: str
    item_key: str
    item: Item
    decision: Decision
    stage: Stage
    blind: bool
    status: TaskStatus
    version: int
    token: str = ""
    claimed_by: str | None = None
    lease_expires_at: datetime | None = None
    due_at: datetime | None = None
    priority: float
    created_at: datetime


class Outcome(Record):
    """What finally holds for an item; `status` says whether it is final.

    `decided`: `verdict` and `output` hold. `timeout`: nobody decided in the time given, nothing is implied.
    """

    item_id: str
    project: str
    status: Literal["decided", "timeout"]
    route: Route
    verdict: Literal["approve", "edit", "reject"] | None = None
    output: str | None = None
    label: str | None = None
    decided_by: str | None = None
    reasons: tuple[str, ...] = ()
    review_id: str | None = None
    decided_at: datetime | None = None


class GoldenExample(Record):
    """A query with its context and the output a person stands behind, with its lineage."""

    id: Annotated[Name, Field(min_length=1, max_length=32)] = Field(default_factory=new_id)
    project: Annotated[Name, Field(min_length=1)] = "default"
    query: Text
    context: Context = ()
    output: Text
    model_output: Text | None = None
    domain: Name | None = None
    item_id: Name | None = None
    review_id: Annotated[Name, Field(max_length=32)] | None = None
    reviewer: Name = ""
    reasons: tuple[Name, ...] = ()
    status: Literal["active", "retired"] = "active"
    created_at: Moment | None = None


class FewShot(Record):
    """A golden example found for a query; `method` says by what likeness."""

    example: GoldenExample
    similarity: float
    method: Literal["embedding", "words"]


class Reviewer(Record):
    """A person who reviews; `expertise` opens tasks that ask for it, `senior` opens adjudication."""

    name: Annotated[Name, Field(min_length=1)]
    expertise: tuple[Name, ...] = ()
    senior: bool = False


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces, so that equal values have equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
