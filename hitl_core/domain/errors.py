"""Every error the product raises on purpose.

HitlError
├── InputError (ValueError)      what was given cannot be used; says what was expected and what to do
│   ├── PolicyError              a policy file or a policy field
│   └── ConfigurationError       a setting, an option or an address
├── ConflictError                somebody else got there first, or the same id came with other content
│   ├── LeaseLostError           the task was taken over after the lease ran out; carries the review back
│   └── UndoRefusedError         the decision was already used and can no longer be taken back
├── NotFoundError (LookupError)  nothing is stored under that id
├── StoreError                   the database
│   ├── StoreUnavailableError    it cannot be reached or written
│   └── SchemaError              it was written by an older or newer version
├── ModelCallError               a chat model gave no usable reply; says whether asking again may help
│   ├── ModelTimeoutError        it took longer than it was given
│   ├── RateLimitedError         the provider wants fewer requests; carries Retry-After
│   ├── UnreadableReplyError     what came back is no reply: garbage, cut off, too long, of another schema
│   ├── RequestRefusedError      the provider refused this request (too long, not allowed, bad key, bad schema)
│   ├── BudgetExceededError      the call could cost more than is left; it was not made
│   └── ReplayMissError          no recorded reply for this request; shows the nearest one
└── ModelUnavailableError        an embedding model or its weights cannot be used
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError


class HitlError(Exception):
    """Base of every error the product raises on purpose."""


class InputError(HitlError, ValueError):
    """What was given cannot be used; the message says what was expected and what to do."""


class PolicyError(InputError):
    """A policy file or field cannot be used."""


class ConfigurationError(InputError):
    """A setting, an option or an address cannot be used."""


class ConflictError(HitlError):
    """Somebody else got there first, or the same id was sent with other content."""


class LeaseLostError(ConflictError):
    """The lease ran out and the task went to somebody else; `review` is the Review that was about to be saved."""

    def __init__(self, message: str, review: Any = None) -> None:
        super().__init__(message)
        self.review = review


class UndoRefusedError(ConflictError):
    """The decision was already used and can no longer be taken back."""


class NotFoundError(HitlError, LookupError):
    """Nothing is stored under that id."""


class StoreError(HitlError):
    """The database could not do what was asked."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached or written."""


class SchemaError(StoreError):
    """The database was written by an older or newer version of this program."""


class ModelCallError(HitlError):
    """A chat model gave no usable reply; `retryable` says whether asking again may help.

    `may_have_cost` says whether the provider may have worked, and charge, for it all the same.
    """

    retryable = True
    may_have_cost = False


class ModelTimeoutError(ModelCallError):
    """The model took longer than it was given."""

    may_have_cost = True


class RateLimitedError(ModelCallError):
    """The provider wants fewer requests; `retry_after` is how many seconds it asked to wait, where it said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreadableReplyError(ModelCallError):
    """What came back is no reply: garbage, cut off, too long or of another schema."""

    retryable = False
    may_have_cost = True


class RequestRefusedError(ModelCallError):
    """The provider refused this request: too long, not allowed, a bad key or a bad schema."""

    retryable = False


class BudgetExceededError(ModelCallError):
    """The call could cost more than is left of the budget, so it was not made."""

    retryable = False


class ReplayMissError(ModelCallError):
    """There is no recorded reply for this request; the message shows the nearest one."""

    retryable = False


class ModelUnavailableError(HitlError):
    """An embedding model or its weights cannot be used."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Turn a pydantic error into one line: field, what was expected, what was given, and a suggestion.

    Args:
        error: what pydantic raised.
        model: the model that refused the input; its field names feed "did you mean".
    """
    parts = []
    for detail in error.errors(include_url=False):
        field = ".".join(str(part) for part in detail["loc"]) or "input"
        if detail["type"] == "extra_forbidden":
            known = _fields_at(model, detail["loc"][:-1])
            parts.append(f"{field}: unknown key{did_you_mean(str(detail['loc'][-1]), known)}")
            continue
        if detail["type"] in ("too_short", "string_too_short") and detail.get("input") == "":
            parts.append(f"{field}: is empty; expected text")
            continue
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        given = "" if detail["type"] in ("missing", "value_error") else f", got {shorten(detail.get('input'))}"
        parts.append(f"{field}: {message[0].lower() + message[1:]}{given}")
    return "; ".join(parts)


def shorten(value: Any, limit: int = 60) -> str:
    """Show a value in an error message without flooding it."""
    text = repr(value if not isinstance(value, str) or len(value) <= 4 * limit else value[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _fields_at(model: type[BaseModel] | None, path: tuple[int | str, ...]) -> list[str]:
    """Walk annotations along an error's location to list the keys allowed there."""
    for part in path:
        if model is None or not isinstance(part, str):
            continue
        field = model.model_fields.get(part)
        model = _model_in(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the first pydantic model inside an annotation such as `tuple[Rule, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _model_in(inner)) is not None:
            return found
    return None
