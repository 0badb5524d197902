"""Conditions of a policy's rules: `all`, `any` and `not` over tests of one field each.

    when = { all = [ { field = "domain", eq = "finance" }, { field = "amount", gt = 10000 } ] }

This module is the language (what may be written); `routing/evaluation.py` is its meaning. Text is compared without
regard to case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, model_serializer, model_validator

from hitl_core.domain.errors import did_you_mean, shorten
from hitl_core.domain.patterns import Pattern
from hitl_core.domain.records import Record

Kind = Literal["text", "number", "flag", "any"]


def _scalar(given: Any) -> Any:
    if not isinstance(given, (str, bool, int, float)):
        raise ValueError(f"expected text, a number, true or false, got {shorten(given)}")
    return given


Scalar = Annotated[str | bool | int | float, BeforeValidator(_scalar)]

FIELDS: dict[str, Kind] = {
    "project": "text",
    "query": "text",
    "output": "text",
    "context": "text",
    "domain": "text",
    "label": "text",
    "model": "text",
    "subject": "text",
    "amount": "number",
    "impact": "number",
    "confidence": "number",
    "requires_compliance": "flag",
    "context.count": "number",
    "context.characters": "number",
    "context.min_score": "number",
    "context.mean_score": "number",
    "context.max_score": "number",
}
"""Fields with a fixed name and what they hold; `metadata.…`, `inputs.…` and `signals.…` may hold anything."""
OPEN_FIELDS = ("metadata.", "inputs.", "signals.")

ORDER_OPERATORS = ("lt", "lte", "gt", "gte")
OPERATORS = ("eq", "ne", "in", "not_in", *ORDER_OPERATORS, "contains", "matches", "exists", "missing")
GROUPS = ("all", "any", "not")
KEYS = (*GROUPS, "field", *OPERATORS, "if_missing")
_ALLOWED: dict[Kind, tuple[str, ...]] = {
    "text": tuple(name for name in OPERATORS if name not in ORDER_OPERATORS),
    "number": tuple(name for name in OPERATORS if name not in ("contains", "matches")),
    "flag": ("eq", "ne", "exists", "missing"),
    "any": OPERATORS,
}

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Condition(Record):
    """One group (`all`, `any`, `not`) or one test: a field and one or more operators, which must all hold.

    `if_missing` says what a test is worth when the field is not there; without it that is decided by the
    operator (docs/policy.md, "What is not there").
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = Field(None, alias="not")
    field: str | None = None
    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: tuple[Scalar, ...] | None = Field(None, alias="in")
    not_in: tuple[Scalar, ...] | None = None
    lt: Number | None = None
    lte: Number | None = None
    gt: Number | None = None
    gte: Number | None = None
    contains: Scalar | None = None
    matches: str | None = None
    exists: StrictBool | None = None
    missing: StrictBool | None = None
    if_missing: StrictBool | None = None

    @model_validator(mode="before")
    @classmethod
    def _shape(cls, given: Any) -> Any:
        if isinstance(given, Condition):
            return given
        if not isinstance(given, Mapping):
            raise ValueError(f'expected a condition such as {{field = "amount", gt = 10000}}, got {shorten(given)}')
        for key in given:
            if key not in KEYS:
                raise ValueError(f"unknown key {shorten(key)}{did_you_mean(str(key), KEYS)}; known: {', '.join(KEYS)}")
        _require_one_shape(given)
        return given

    @model_validator(mode="after")
    def _operands(self) -> Condition:
        for name in ("all", "any"):
            if getattr(self, name) == ():
                raise ValueError(f"{name} is empty; give it at least one condition")
        if self.field is not None:
            _check_test(self.field, dict(self.operators()))
        return self

    @model_serializer
    def _write(self) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for name in type(self).model_fields:
            if (value := getattr(self, name)) is not None:
                written[name.rstrip("_")] = value
        return written

    def operators(self) -> Iterator[tuple[str, Any]]:
        """Yield the operators of a test and what each compares with."""
        for name in OPERATORS:
            value = getattr(self, "in_" if name == "in" else name)
            if value is not None:
                yield name, value

    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields it looks at, in the order they are written."""
        if self.field is not None:
            return (self.field,)
        parts = (*(self.all or ()), *(self.any or ()), *((self.not_,) if self.not_ else ()))
        return tuple(dict.fromkeys(name for part in parts for name in part.fields()))


def kind_of(field: str) -> Kind:
    """Return what a field holds; raise ValueError when there is no such field."""
    if field in FIELDS:
        return FIELDS[field]
    if any(field.startswith(prefix) and len(field) > len(prefix) for prefix in OPEN_FIELDS):
        return "any"
    known = (*FIELDS, *(f"{prefix}<name>" for prefix in OPEN_FIELDS))
    raise ValueError(f"unknown field {shorten(field)}{did_you_mean(field, FIELDS)}; known: {', '.join(known)}")


def _require_one_shape(given: Mapping[str, Any]) -> None:
    shapes = [key for key in (*GROUPS, "field") if key in given]
    if len(shapes) != 1:
        found = f"found {' and '.join(shapes)}" if shapes else f"found {', '.join(given) or 'nothing'}"
        raise ValueError(f"expected exactly one of all, any, not, field; {found}")
    if shapes[0] != "field" and len(given) > 1:
        extra = next(key for key in given if key != shapes[0])
        raise ValueError(f"{extra} cannot stand beside {shapes[0]}; put it in a condition inside it")
    if shapes[0] == "field" and not any(key in OPERATORS for key in given):
        raise ValueError(f"{shorten(given['field'])} has no operator; add one of {', '.join(OPERATORS)}")


def _check_test(field: str, operators: Mapping[str, Any]) -> None:
    kind = kind_of(field)
    for name, operand in operators.items():
        if name not in _ALLOWED[kind]:
            raise ValueError(f"{name} does not work on {field} ({kind}); use one of {', '.join(_ALLOWED[kind])}")
        if operand == () and name in ("in", "not_in"):
            raise ValueError(f"{name} is empty; give it at least one value")
        if name in ("eq", "ne", "in", "not_in"):
            for value in operand if isinstance(operand, tuple) else (operand,):
                _check_operand(field, kind, name, value)
        if name == "contains" and kind == "text" and not isinstance(operand, str):
            raise ValueError(f"{field} contains needs text, got {operand!r}")
        if name == "matches":
            Pattern(operand)


def _check_operand(field: str, kind: Kind, name: str, value: Scalar) -> None:
    """Refuse a comparison that could never hold, such as `amount = "10000"`."""
    fits = {
        "text": isinstance(value, str),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "flag": isinstance(value, bool),
        "any": True,
    }
    if not fits[kind]:
        wanted = {"text": "text in quotes", "number": "a number", "flag": "true or false", "any": ""}[kind]
        raise ValueError(f"{field} {name} needs {wanted}, got {value!r}")
