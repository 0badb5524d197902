"""What text and JSON may be stored: checks that hold on SQLite and PostgreSQL alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hitl_core.domain.errors import InputError

MAX_JSON_DEPTH = 32


def require_clean(text: str, name: str) -> str:
    """Return the text, or refuse NUL characters and lone surrogates by the field's name.

    PostgreSQL cannot store NUL and neither database can encode a lone surrogate, so both are refused
    before anything is written.

    Raises:
        InputError: names the field, the character and its position.
    """
    if "\x00" in text:
        raise InputError(f"{name} contains a NUL character at position {text.index(chr(0))}; remove it and send again")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"{name} contains a lone surrogate (U+{ord(text[error.start]):04X}) at position {error.start}; "
                "send well-formed Unicode"
            ) from None
    return text


def require_clean_names(**named: str | None) -> None:
    """Refuse what cannot be text in a database among the named arguments of a call; None is left out.

    Raises:
        InputError: names the argument.
    """
    for name, text in named.items():
        if text is None:
            continue
        if not isinstance(text, str):
            raise InputError(f"{name} is a {type(text).__name__}, expected text")
        require_clean(text, name)


def require_clean_json(value: Any, name: str) -> Any:
    """Return the value if it is JSON of at most 32 levels with clean strings and finite numbers.

    Walks with an explicit stack, so that hostile nesting cannot overflow the interpreter's.
    """
    stack: list[tuple[Any, str, int]] = [(value, name, 0)]
    while stack:
        node, path, depth = stack.pop()
        if depth > MAX_JSON_DEPTH:
            raise ValueError(f"{name} is nested deeper than {MAX_JSON_DEPTH} levels; flatten it")
        if isinstance(node, Mapping):
            stack.extend((child, f"{path}.{_key(key, path)[:40]}", depth + 1) for key, child in node.items())
        elif isinstance(node, (list, tuple)):
            stack.extend((child, f"{path}.{index}", depth + 1) for index, child in enumerate(node))
        else:
            _require_scalar(node, path)
    return value


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{path} has the key {key!r}; JSON keys are strings")
    return require_clean(key, f"a key of {path}")


def _require_scalar(node: Any, path: str) -> None:
    if isinstance(node, str):
        require_clean(node, path)
    elif isinstance(node, float) and not math.isfinite(node):
        raise ValueError(f"{path} is {node}, which JSON cannot hold; send a finite number or null")
    elif node is not None and not isinstance(node, (bool, int, float)):
        raise ValueError(f"{path} is a {type(node).__name__}, which JSON cannot hold; send text or numbers")
