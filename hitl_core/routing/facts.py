"""What a rule can look at: one reader per field name of the policy language (`domain/conditions.py`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from hitl_core.domain.conditions import FIELDS
from hitl_core.domain.records import Item

ITEM_FIELDS = frozenset(name for name in FIELDS if name in Item.model_fields and name not in ("context", "confidence"))


class Facts:
    """An item, what was measured about it, and the confidence the decision rests on (None: not usable)."""

    __slots__ = ("_scores", "confidence", "item", "signals")

    def __init__(self, item: Item, signals: Mapping[str, Any], confidence: float | None) -> None:
        self.item = item
        self.signals = signals
        self.confidence = confidence
        self._scores: list[float] | None = None

    def scores(self) -> list[float]:
        """Return the retrieval scores of the passages that have one."""
        if self._scores is None:
            found = (passage.retrieval_score for passage in self.item.context)
            self._scores = [score for score in found if score is not None]
        return self._scores

    def texts(self) -> list[str]:
        """Return the texts of the passages that say anything."""
        return [passage.text for passage in self.item.context if passage.text.strip()]


Reader = Callable[[Facts], Any]


def is_measured(field: str) -> bool:
    """Whether a field is a measurement, so that its absence means "not known yet" rather than "there is none"."""
    return field in ("confidence", "context.min_score", "context.mean_score", "context.max_score") or field.startswith(
        "signals."
    )


def reader_for(field: str) -> Reader:
    """Return the function that reads a field; what is not there reads as None."""
    if field in _READERS:
        return _READERS[field]
    if field in ITEM_FIELDS:
        get = attrgetter(field)
        return lambda facts: get(facts.item)
    root, _, path = field.partition(".")
    if root == "signals":
        return lambda facts: _finite(_at(facts.signals, path))
    inside = attrgetter(root)
    return lambda facts: _at(inside(facts.item), path)


def _at(value: Any, path: str) -> Any:
    """Follow a dotted path; a key may itself contain dots."""
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    for position, character in enumerate(path):
        if character == "." and path[:position] in value:
            found = _at(value[path[:position]], path[position + 1 :])
            if found is not None:
                return found
    return None


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _mean_score(facts: Facts) -> float | None:
    scores = facts.scores()
    return math.fsum(scores) / len(scores) if scores else None


_READERS: dict[str, Reader] = {
    "confidence": lambda facts: facts.confidence,
    "context": lambda facts: "\n\n".join(facts.texts()),
    "context.count": lambda facts: len(facts.texts()),
    "context.characters": lambda facts: sum(len(text) for text in facts.texts()),
    "context.min_score": lambda facts: min(facts.scores(), default=None),
    "context.mean_score": _mean_score,
    "context.max_score": lambda facts: max(facts.scores(), default=None),
}
