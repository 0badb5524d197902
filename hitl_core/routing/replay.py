"""What another policy would have done with items that were decided before. Pure.

Public: `Recorded`, `Replayed`, `Replayer`.

Nothing is measured again: the recorded confidence, signals, judges' word and the item's own audit coin count. Items
that look alike to the policy are placed once.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hitl_core.domain.conditions import Condition
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, Passage, Route
from hitl_core.routing.coin import audit_draw
from hitl_core.routing.facts import Facts
from hitl_core.routing.judged import turns_on_confidence
from hitl_core.routing.plan import STRICTNESS, compile_plan
from hitl_core.routing.router import HELD_FOR, Fired, Placed, opinions_wanted, place

PROBLEMS = frozenset({"confidence_missing", "confidence_not_finite", "confidence_out_of_range"})
MOST_KEPT = 200_000
_TEXTS = ("query", "output", "context")


class Recorded(NamedTuple):
    """A decision that holds, with what it was made of.

    Attributes:
        project: of the item.
        body: the item's fields as stored; what is not there was not given.
        route, reasons, raw_confidence, confidence, signals: as recorded.
        judged: whether judges were asked before it was made.
    """

    project: str
    body: Mapping[str, Any]
    route: str
    reasons: tuple[str, ...]
    raw_confidence: float | None
    confidence: float | None
    signals: Mapping[str, Any] | None
    judged: bool


class Replayed(NamedTuple):
    """What the other policy does, before any coin is thrown.

    Attributes:
        route, reasons: where the item goes, and why.
        audit_rate: probability with which a person looks: 1 on a route of a person.
        fired: the rules that fired; they say how many people are to look.
        unasked: whether judges would be asked who were not asked then, so that the route may turn out milder.
    """

    route: Route
    reasons: tuple[str, ...]
    audit_rate: float
    fired: Fired
    unasked: bool = False


class _Stand(NamedTuple):
    """On which confidence an item stands: None and a problem, or a number and perhaps why it is held all the same."""

    confidence: float | None
    problem: str
    held_for: str
    breaker: str


class Replayer:
    """Places recorded items by a policy; breakers stay as they were, tripped or not, whatever the policy says."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy.model_copy(update={"breakers": ()})
        self._plan = compile_plan(self._policy)
        rules = self._policy.effective_rules()
        read = {name for rule in rules for name in rule.when.fields()}
        self._fields = sorted({name.partition(".")[0] for name in read} - {"signals", "confidence", "project"})
        self._signals = sorted(name.partition(".")[2] for name in read if name.startswith("signals."))
        self._cuts = sorted({*_tier_cuts(self), *(cut for rule in rules for cut in _rule_cuts(rule.when))})
        # A text differs from item to item, so remembering would only cost.
        self._remembers = not any(name in _TEXTS for name in self._fields)
        self._selects = sorted({name for override in policy.overrides for name in override.when.given()})
        self._certified = {f"override:{each.when.describe()}" for each in policy.overrides if each.certificate}
        self._kept: dict[Any, Replayed] = {}

    @property
    def reads_signals(self) -> bool:
        """Whether any rule looks at a signal."""
        return bool(self._signals)

    @property
    def grounds(self) -> Iterator[Any]:
        """The policy's own ground, and those of its overrides."""
        yield self._plan.ground
        yield from (each.ground for each in self._plan.overrides)

    def replay(self, recorded: Recorded) -> Replayed:
        """Return what the policy does with an item; the same object for all items that are alike to it."""
        key = self._key(recorded) if self._remembers else None
        if key is not None and key in self._kept:
            return self._kept[key]
        stand = self._stand(recorded)
        placed = self._place(Facts(_item(recorded), recorded.signals or {}, stand.confidence), stand)
        route, reasons = self._judged(recorded, placed)
        person = route in STRICTNESS
        unasked = person and not recorded.judged and turns_on_confidence(reasons, self._policy)
        found = Replayed(route, reasons, 1.0 if person else placed.ground.audit_rate, placed.fired, unasked)
        if key is not None and len(self._kept) < MOST_KEPT:
            self._kept[key] = found
        return found

    def audited(self, rate: float, secret: bytes, project: str, item_id: str) -> bool:
        """Return what the item's coin says where a person looks at a share of them."""
        return rate > 0 and audit_draw(self._plan.secret or secret, project, item_id) < rate

    def opinions(self, fired: Fired, secret: bytes, project: str, item_id: str) -> int:
        """Return how many people are to look at an item that goes to a person."""
        return opinions_wanted(self._policy, fired, self._plan.secret or secret, project, item_id)

    @property
    def has_own_secret(self) -> bool:
        """Whether the policy brings its own key of the coin."""
        return bool(self._plan.secret)

    def _place(self, facts: Facts, stand: _Stand) -> Placed:
        placed = place(self._plan, facts, stand.problem, stand.held_for, stand.breaker)
        if stand.held_for.startswith("certificate_") and placed.ground.reason not in self._certified:
            return place(self._plan, facts, stand.problem, "", stand.breaker)
        return placed

    def _key(self, recorded: Recorded) -> Any:
        project, body, route, reasons, raw, confidence, signals, judged = recorded
        cuts = self._cuts
        own = [_plain(body.get(name)) for name in self._fields]
        own += [body.get(name) for name in self._selects]
        if self._signals:
            own += [_plain(_at(signals or {}, name)) for name in self._signals]
        levels = [
            None if each is None else bisect_left(cuts, each) + bisect_right(cuts, each) for each in (raw, confidence)
        ]
        return (project, route, reasons, judged, *levels, *own)

    def _stand(self, recorded: Recorded) -> _Stand:
        held_for = next((reason for reason in recorded.reasons if reason in HELD_FOR), "")
        breaker = next((reason for reason in recorded.reasons if reason.startswith("breaker:")), "")
        confidence = recorded.confidence
        if recorded.raw_confidence is not None:
            name = self._policy.calibration.artefact_of(recorded.project)
            if not name:
                confidence = recorded.raw_confidence
            if held_for.startswith("scorer") or (not name and held_for.startswith("calibrator_")):
                held_for = ""
        elif self._policy.scorer.use != "fill":
            confidence, held_for = None, ""
        if confidence is None:
            known = next((reason for reason in recorded.reasons if reason in PROBLEMS), "confidence_missing")
            return _Stand(None, held_for or known, held_for, breaker)
        return _Stand(confidence, "", held_for, breaker)

    def _judged(self, recorded: Recorded, placed: Placed) -> tuple[Route, tuple[str, ...]]:
        """Bring in what the judges said then, where this policy would have asked judges too."""
        route, reasons = placed.route, tuple(placed.reasons)
        if not recorded.judged or route not in STRICTNESS or not turns_on_confidence(reasons, self._policy):
            return route, reasons
        said = tuple(reason for reason in recorded.reasons if reason.startswith("judge:"))
        if recorded.route == Route.AUTO_APPROVE:
            return Route.AUTO_APPROVE, (*reasons, *said)
        # A judge that objects makes it a matter for now; the tier alone would not have said so.
        objected = recorded.route == Route.SYNC_REVIEW and "tier:sync_review" not in recorded.reasons
        routes = {route, Route.SYNC_REVIEW} if objected else {route}
        return max(routes, key=STRICTNESS.__getitem__), (*reasons, *said)


def _item(recorded: Recorded) -> Item:
    """Return the item for rules to look at; it was checked when it was submitted."""
    given = dict(recorded.body)
    passages = given.get("context") or ()
    given["context"] = tuple(Passage.model_construct(**passage) for passage in passages)
    named = {"id": "", "project": recorded.project, "query": "", "output": ""}
    return Item.model_construct(**{**named, **given})


def _tier_cuts(replayer: Replayer) -> Iterator[float]:
    for ground in replayer.grounds:
        yield from (each for each in (ground.tiers.reject_under, *(step[0] for step in ground.tiers.steps)))


def _rule_cuts(condition: Condition) -> Iterator[float]:
    """Yield the numbers with which a condition compares the confidence."""
    for part in (*(condition.all or ()), *(condition.any or ()), *((condition.not_,) if condition.not_ else ())):
        yield from _rule_cuts(part)
    if condition.field == "confidence":
        for _, value in condition.operators():
            values: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
            yield from (float(each) for each in values if isinstance(each, int | float) and math.isfinite(each))


def _at(signals: Mapping[str, Any], path: str) -> Any:
    """Return a signal, or the part of it that a path goes into: all of what lies under its first name."""
    return signals[path] if path in signals else signals.get(path.partition(".")[0])


def _plain(value: Any) -> Any:
    """Return something that can be a key: True is not 1, and a list not the text that looks like it."""
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return (type(value).__name__, repr(value))
