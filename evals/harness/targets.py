"""Target: what turns a case into an output. Those here need no model; a judge, a cascade or a committee is wrapped."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import ValidationError

from evals.harness.cases import Case
from hitl_core.domain.errors import InputError, explain
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, Route
from hitl_core.routing.router import route

# The coin of audits decides nothing that is measured here; a fixed key makes runs repeatable.
AUDIT_SECRET = b"evaluation"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Output:
    """What a target made of a case.

    Attributes:
        value: a text, a label or a number.
        accepted: whether the output would go out by itself; None where the target does not decide that.
        confidence: probability that the output is right, in [0, 1].
        cost_usd: None where the price is unknown, which is not 0.
        reason: why, for the report.
    """

    value: Any = None
    accepted: bool | None = None
    confidence: float | None = None
    cost_usd: Decimal | None = Decimal(0)
    reason: str = ""


@runtime_checkable
class Target(Protocol):
    """Turns a case into an output; may be a coroutine. What it raises is recorded with the case.

    `facts` go into the manifest and decide whether rows of an earlier run still hold: policy digest, models, prompts.
    A target that never costs anything has `free = True`; what a crash of another one cost is unknown.
    """

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it is made of, JSON-ready."""
        ...

    def __call__(self, case: Case) -> Output | Awaitable[Output]:
        """Return the output for a case."""
        ...


@dataclass(frozen=True)
class Given:
    """The output that stands in the file, as it is: for measuring the system that wrote it."""

    name: str = "given"
    facts: Mapping[str, Any] = field(default_factory=dict)
    free: ClassVar[bool] = True

    def __call__(self, case: Case) -> Output:
        """The output of the case with its own confidence."""
        return Output(case.inputs.get("output"), confidence=case.inputs.get("confidence"))


@dataclass(frozen=True)
class Router:
    """The routing rules of a policy: accepted is what would be approved without a person."""

    policy: Policy
    name: str = "router"
    free: ClassVar[bool] = True

    @property
    def facts(self) -> Mapping[str, Any]:
        """The digest of the policy."""
        return {"policy": self.policy.digest}

    def __call__(self, case: Case) -> Output:
        """The route as value, with the rules that fired as reason."""
        item = item_of(case)
        decision = route(item, self.policy, policy_version=1, now=AT, audit_secret=AUDIT_SECRET)
        accepted = decision.route is Route.AUTO_APPROVE
        return Output(decision.route.value, accepted, decision.confidence, reason=", ".join(decision.reasons))


def item_of(case: Case) -> Item:
    """The case as an item: its inputs that an item has a field for; the rest goes to metadata.

    Raises:
        InputError: the inputs are no item.
    """
    fields: dict[str, Any] = {"id": case.id[:200], "metadata": {}}
    for name, value in case.inputs.items():
        if value is None or (name in ("domain", "model") and not value):
            continue
        if name == "context":
            fields["context"] = [each if isinstance(each, Mapping) else {"text": str(each)} for each in value]
        elif name in Item.model_fields:
            fields[name] = value
        else:
            fields["metadata"][name] = value
    try:
        return Item.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"case {case.id!r} is no item: {explain(error, Item)}") from None
