"""Regular expressions in a policy: refused at load when a hostile text could make them run for minutes.

Python's matcher backtracks. Three shapes make that explode and are refused: a repeat inside a repeat (`(a+)+`), a
choice inside a repeat (`(a|ab)+`) and a reference to a group. What remains costs at most (ways to choose) times
(length of the text) to the power of (open-ended repeats + 1), so the more of them, the less of a text is searched.
"""

from __future__ import annotations

import re
from collections import Counter
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

MAX_PATTERN = 1_000
MAX_SEARCHED = 262_144
_STEPS = (2e7, 1e8, 1e9)
"""Steps a search may take at worst, by the number of open-ended repeats: all of them about a second."""
_WIDE = 9
_MAX_CHOICES = 10_000
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


class _Cost(NamedTuple):
    open_repeats: int = 0
    choices: int = 1


class Pattern:
    """A safe regular expression; case is ignored."""

    def __init__(self, source: str) -> None:
        """Compile it; raise ValueError with the reason when it is not valid or could run away."""
        if len(source) > MAX_PATTERN:
            raise ValueError(f"the pattern has {len(source)} characters, at most {MAX_PATTERN} are allowed")
        try:
            self._regex = re.compile(source, re.IGNORECASE)
            cost = _cost(list(_parser.parse(source)), repeated=False)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{source!r} is not a regular expression: {error}") from None
        if cost.open_repeats >= len(_STEPS) or cost.choices > _MAX_CHOICES:
            raise ValueError(
                f"{source!r} could take too long on a hostile text: at most {len(_STEPS) - 1} open-ended "
                "repeats (*, +, {n,}) and few optional parts; split it into several conditions"
            )
        steps = _STEPS[cost.open_repeats] / cost.choices
        self.searched = min(MAX_SEARCHED, round(steps ** (1 / (cost.open_repeats + 1))))

    def search(self, text: str) -> bool | None:
        """Return whether it is found; None when it is not in the part that was searched and there is more."""
        if self._regex.search(text, 0, self.searched):
            return True
        return None if len(text) > self.searched else False


def _cost(nodes: list[Any], *, repeated: bool) -> _Cost:
    """Sum what a sequence costs; raise ValueError on a shape that explodes."""
    total = _Cost()
    for operator, argument in nodes:
        cost = _node_cost(operator, argument, repeated)
        total = _Cost(total.open_repeats + cost.open_repeats, min(total.choices * cost.choices, _MAX_CHOICES + 1))
    return total


def _node_cost(operator: Any, argument: Any, repeated: bool) -> _Cost:
    if operator in _REPEATS:
        return _repeat_cost(*argument, repeated=repeated)
    if operator is _constants.BRANCH:
        if repeated:
            raise ValueError("a choice inside a repeat can take too long on a hostile text; write it without one")
        return _branch_cost([list(branch) for branch in argument[1]])
    if operator is _constants.SUBPATTERN:
        return _cost(list(argument[-1]), repeated=repeated)
    if operator is _constants.ATOMIC_GROUP:
        return _cost(list(argument), repeated=repeated)
    if operator in (_constants.ASSERT, _constants.ASSERT_NOT):
        return _cost(list(argument[1]), repeated=repeated)
    if operator in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
        raise ValueError("a reference to a group can take too long on a hostile text; write it without one")
    return _Cost()


def _branch_cost(branches: list[list[Any]]) -> _Cost:
    """Count as choices only alternatives that can begin alike: the others fail on their first character."""
    costs = [_cost(branch, repeated=False) for branch in branches]
    by_start: Counter[str] = Counter()
    anywhere = 0
    for branch, cost in zip(branches, costs, strict=True):
        if branch and branch[0][0] is _constants.LITERAL:
            by_start[chr(branch[0][1]).casefold()] += cost.choices
        else:
            anywhere += cost.choices
    return _Cost(max(cost.open_repeats for cost in costs), max(1, anywhere + max(by_start.values(), default=0)))


def _repeat_cost(low: int, high: int, body: Any, *, repeated: bool) -> _Cost:
    width = int(high) - int(low) + 1
    if repeated and width > 1:
        raise ValueError("a repeat inside a repeat can take too long on a hostile text; write it without one")
    inner = _cost(list(body), repeated=repeated or int(high) > 1)
    wide = width >= _WIDE
    return _Cost(inner.open_repeats + wide, inner.choices * (1 if wide else width))
