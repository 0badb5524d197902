"""Thresholds: from which confidence on an output may go out by itself, and who looks at it otherwise.

`Thresholds` is the policy's own table, `ThresholdChanges` what an override changes of it, `Tiers` the two put
together: what the router compares a confidence with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import Field, StrictBool, field_validator, model_serializer, model_validator

from hitl_core.domain.errors import shorten
from hitl_core.domain.records import Record, Route

NEVER = "never"
LADDER = ("auto_approve", "async_review", "sync_review")

UnitNumber = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Bound(Record):
    """A confidence in [0, 1] and whether it belongs to the tier itself; `value=None` ("never") switches it off."""

    value: UnitNumber | None
    inclusive: StrictBool = True

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if isinstance(given, (Bound, Mapping)):
            return given
        if given == NEVER:
            return {"value": None}
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise ValueError(
                f'expected a number from 0 to 1, {{value = 0.9, inclusive = true}} or "{NEVER}", got {shorten(given)}'
            )
        if not 0 <= given <= 1:
            hint = f" (did you mean {given / 100:g}?)" if 1 < given <= 100 else ""
            raise ValueError(f"expected a number from 0 to 1, got {given:g}{hint}")
        return {"value": given}

    @model_serializer
    def _write(self) -> Any:
        return NEVER if self.value is None else {"value": self.value, "inclusive": self.inclusive}

    def floor(self) -> float:
        """Return the lowest confidence at or above the bound (infinity when it is off)."""
        if self.value is None:
            return math.inf
        return self.value if self.inclusive else math.nextafter(self.value, math.inf)

    def ceiling(self) -> float:
        """Return the confidence under which everything is below the bound (minus infinity when it is off)."""
        if self.value is None:
            return -math.inf
        return math.nextafter(self.value, math.inf) if self.inclusive else self.value


def _exclusive(given: Any) -> Any:
    """Read a bare number as exclusive: "above" and "below" do not mean "at"."""
    if isinstance(given, Mapping) and "inclusive" not in given:
        return {**given, "inclusive": False}
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= 1:
        return {"value": given, "inclusive": False}
    return given


class Thresholds(Record):
    """The four tiers, and the two ways in which an output can be held back without a person.

    At or above `auto_approve` an output goes out; then `async_review`, then `sync_review`; below those it is
    manual. Below `auto_reject` it is rejected. `auto_reject_above` turns the scale round, for labels where a high
    confidence means "bad": it takes the place of `auto_approve` and `async_review`.
    """

    auto_approve: Bound = Bound(value=0.95)
    async_review: Bound = Bound(value=0.80)
    sync_review: Bound = Bound(value=0.60)
    auto_reject: Bound = Bound(value=None)
    auto_reject_above: Bound = Bound(value=None)

    _bare_is_exclusive = field_validator("auto_reject", "auto_reject_above", mode="before")(_exclusive)

    @model_validator(mode="after")
    def _one_direction(self) -> Thresholds:
        if self.auto_reject_above.value is not None:
            refuse_both_directions(self.model_fields_set)
        return self


class ThresholdChanges(Record):
    """What an override changes of the thresholds; what it leaves out stays as it was."""

    auto_approve: Bound | None = None
    async_review: Bound | None = None
    sync_review: Bound | None = None
    auto_reject: Bound | None = None
    auto_reject_above: Bound | None = None

    _bare_is_exclusive = field_validator("auto_reject", "auto_reject_above", mode="before")(_exclusive)

    @model_validator(mode="after")
    def _one_direction(self) -> ThresholdChanges:
        if self.auto_reject_above is not None and self.auto_reject_above.value is not None:
            refuse_both_directions({name for name in LADDER if getattr(self, name) is not None})
        return self


class Tiers(NamedTuple):
    """Effective bounds; `steps` are (lowest confidence, route, reason) from the top down, with no gap at the end."""

    reject_under: float
    steps: tuple[tuple[float, Route, str], ...]

    def place(self, confidence: float) -> tuple[Route, str]:
        """Return the route of a finite confidence and the id of the tier that says so."""
        if confidence < self.reject_under:
            return Route.AUTO_REJECT, "tier:auto_reject"
        for floor, route, reason in self.steps:
            if confidence >= floor:
                return route, reason
        return Route.MANUAL, "tier:manual"


def effective(
    base: Thresholds, threshold: Bound | None, changes: ThresholdChanges | None, changed_threshold: Bound | None
) -> Thresholds:
    """Return the thresholds that hold when one override applies; raise ValueError naming the pair out of order."""
    bounds = {name: getattr(base, name) for name in Thresholds.model_fields}
    if threshold is not None:
        bounds |= two_way(threshold)
    changed = {name: getattr(changes, name) for name in Thresholds.model_fields} if changes else {}
    changed = {name: bound for name, bound in changed.items() if bound is not None}
    if changed_threshold is not None:
        changed |= two_way(changed_threshold)
    if "auto_reject_above" not in changed and bounds["auto_reject_above"].value is not None:
        if "async_review" in changed and "auto_approve" not in changed:
            raise ValueError("async_review has no effect where auto_reject_above holds; give auto_approve as well")
        if "auto_approve" in changed:
            bounds["auto_reject_above"] = Bound(value=None)
    bounds |= changed
    if bounds["auto_reject_above"].value is not None:
        bounds |= {"auto_approve": Bound(value=None), "async_review": Bound(value=None)}
    _require_order(bounds)
    return Thresholds.model_construct(**bounds)


def tiers(thresholds: Thresholds) -> Tiers:
    """Turn effective thresholds into what the router compares with."""
    steps = [
        (thresholds.auto_reject_above, Route.AUTO_REJECT, "tier:auto_reject_above"),
        (thresholds.auto_approve, Route.AUTO_APPROVE, "tier:auto_approve"),
        (thresholds.async_review, Route.ASYNC_REVIEW, "tier:async_review"),
        (thresholds.sync_review, Route.SYNC_REVIEW, "tier:sync_review"),
    ]
    return Tiers(
        thresholds.auto_reject.ceiling(),
        tuple((bound.floor(), route, reason) for bound, route, reason in steps if bound.value is not None),
    )


def two_way(threshold: Bound) -> dict[str, Bound]:
    """Spell out the shorthand: at the threshold an output goes out, below it waits for a person."""
    return {"auto_approve": threshold, "async_review": threshold, "sync_review": Bound(value=0.0)}


def refuse_both_directions(given: set[str]) -> None:
    """Raise when a table turns the scale round and also says from where on a high confidence is good."""
    if clash := [name for name in ("auto_approve", "async_review") if name in given]:
        raise ValueError(
            f"auto_reject_above and {clash[0]} exclude each other: a high confidence either lets an output go or "
            "holds it back; put them in different overrides"
        )


def _require_order(bounds: Mapping[str, Bound]) -> None:
    present = [(name, bounds[name]) for name in ("auto_reject_above", *LADDER) if bounds[name].value is not None]
    for (upper, high), (lower, low) in pairwise(present):
        if high.value is not None and low.value is not None and high.value < low.value:
            raise ValueError(
                f"{upper} ({high.value:g}) is below {lower} ({low.value:g}); expected descending bounds "
                "auto_approve >= async_review >= sync_review"
            )
    reject = bounds["auto_reject"]
    for name, bound in present:
        if name != "sync_review" and bound.floor() < reject.ceiling():
            raise ValueError(
                f"auto_reject ({reject.value:g}) reaches into {name} ({bound.value:g}); expected it below {name}"
            )
