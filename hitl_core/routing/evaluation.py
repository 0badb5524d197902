"""What a condition means: compiled once into a function that says True, False or None (unknown).

Kleene's three-valued logic: `all` is unknown when nothing in it is false and something is unknown, `any` when nothing
is true and something is unknown, `not` of unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hitl_core.domain.conditions import ORDER_OPERATORS, Condition
from hitl_core.domain.patterns import Pattern
from hitl_core.routing.facts import Facts, Reader, is_measured, reader_for

Verdict = bool | None
Check = Callable[[Facts], Verdict]
Operator = Callable[[Any], Verdict]

_NEGATIVE = ("ne", "not_in")


def compile_condition(condition: Condition) -> Check:
    """Turn a condition into a function of the facts."""
    if condition.all is not None:
        return partial(_all, tuple(compile_condition(part) for part in condition.all))
    if condition.any is not None:
        return partial(_any, tuple(compile_condition(part) for part in condition.any))
    if condition.not_ is not None:
        return partial(_not, compile_condition(condition.not_))
    field = condition.field or ""
    read = reader_for(field)
    checks = tuple(_check(field, read, name, value, condition.if_missing) for name, value in condition.operators())
    return checks[0] if len(checks) == 1 else partial(_all, checks)


def missing_fields(condition: Condition, facts: Facts) -> tuple[str, ...]:
    """Return which of the condition's fields are not there."""
    return tuple(name for name in condition.fields() if is_absent(reader_for(name)(facts)))


def is_absent(value: Any) -> bool:
    """Whether a value says nothing: None, blank text, an empty list or an empty table."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def _all(checks: Sequence[Check], facts: Facts) -> Verdict:
    result: Verdict = True
    for check in checks:
        verdict = check(facts)
        if verdict is False:
            return False
        if verdict is None:
            result = None
    return result


def _any(checks: Sequence[Check], facts: Facts) -> Verdict:
    result: Verdict = False
    for check in checks:
        verdict = check(facts)
        if verdict is True:
            return True
        if verdict is None:
            result = None
    return result


def _not(check: Check, facts: Facts) -> Verdict:
    verdict = check(facts)
    return None if verdict is None else not verdict


def _check(field: str, read: Reader, name: str, operand: Any, if_missing: bool | None) -> Check:
    if name in ("exists", "missing"):
        wanted = operand if name == "missing" else not operand
        return lambda facts: is_absent(read(facts)) is wanted
    absent = if_missing if if_missing is not None else _when_absent(field, name)
    operator = _OPERATORS[name](operand)

    def check(facts: Facts) -> Verdict:
        value = read(facts)
        return absent if value is None else operator(value)

    return check


def _when_absent(field: str, name: str) -> Verdict:
    """A measurement not there yet, or a number to compare, is unknown; a description not given is not that one."""
    if is_measured(field) or name in ORDER_OPERATORS:
        return None
    return name in _NEGATIVE


def _fold(value: Any) -> Any:
    """Return what equality is tested on: text without case, and booleans apart from the numbers 0 and 1."""
    if isinstance(value, str):
        return value.strip().casefold()
    return (value,) if isinstance(value, bool) else value


def _eq(operand: Any) -> Operator:
    wanted = _fold(operand)
    return lambda value: bool(_fold(value) == wanted)


def _ne(operand: Any) -> Operator:
    wanted = _fold(operand)
    return lambda value: bool(_fold(value) != wanted)


def _in(operand: Any) -> Operator:
    wanted = [_fold(value) for value in operand]
    return lambda value: _fold(value) in wanted


def _not_in(operand: Any) -> Operator:
    wanted = [_fold(value) for value in operand]
    return lambda value: _fold(value) not in wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _lt(operand: Any) -> Operator:
    return lambda value: value < operand if _is_number(value) else None


def _lte(operand: Any) -> Operator:
    return lambda value: value <= operand if _is_number(value) else None


def _gt(operand: Any) -> Operator:
    return lambda value: value > operand if _is_number(value) else None


def _gte(operand: Any) -> Operator:
    return lambda value: value >= operand if _is_number(value) else None


def _contains(operand: Any) -> Operator:
    wanted = operand.casefold() if isinstance(operand, str) else None
    member = _fold(operand)

    def contains(value: Any) -> Verdict:
        if isinstance(value, str):
            return wanted in value.casefold() if wanted is not None else None
        return any(_fold(part) == member for part in value) if isinstance(value, (list, tuple)) else None

    return contains


def _matches(operand: Any) -> Operator:
    pattern = Pattern(operand)
    return lambda value: pattern.search(value) if isinstance(value, str) else None


_OPERATORS: dict[str, Callable[[Any], Operator]] = {
    "eq": _eq,
    "ne": _ne,
    "in": _in,
    "not_in": _not_in,
    "lt": _lt,
    "lte": _lte,
    "gt": _gt,
    "gte": _gte,
    "contains": _contains,
    "matches": _matches,
}
