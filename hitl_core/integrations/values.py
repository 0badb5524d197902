"""Turn a cell into what a field of an Item expects: numbers into text, JSON text into lists, passages into passages."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_TEXT = frozenset({"id", "project", "query", "output", "label", "subject", "domain", "model"})
_NUMBER = frozenset({"confidence", "amount"})
_JSON = frozenset({"alternatives", "few_shot_ids", "inputs", "metadata", "explanation"})
_PASSAGE_KEYS = {
    "text": ("text", "content", "page_content", "passage", "body", "snippet"),
    "source": ("source", "url", "uri", "link"),
    "title": ("title",),
    "retrieval_score": ("retrieval_score", "score", "similarity"),
}
_MAX_DEPTH = 40
_ADDRESS = re.compile(r"\s*(?:\[\d+\]\s*)?(https?://\S+)[ \t]*\n\s*(?=\S)")


def as_field(target: str, value: Any, dropped: Counter[str]) -> Any:
    """Return the value in the shape the field takes; what does not fit is left for Item to refuse.

    Args:
        target: the field, or `metadata.key`.
        value: the cell; not None.
        dropped: counts the keys of passages that have no place.

    Raises:
        ValueError: the value cannot be used; says why.
    """
    if isinstance(value, bytes):
        raise ValueError(f"{target}: is binary ({len(value)} bytes), expected text")
    if target in _TEXT:
        return _text(target, value)
    if target == "context":
        return passages(value, dropped)
    if target in _NUMBER:
        return value.strip() if isinstance(value, str) else value
    if target in _JSON:
        return _structured(target, value)
    return plain(value) if "." in target else value


def passages(value: Any, dropped: Counter[str]) -> list[Any]:
    """Return passages as a list of objects: from a list, one object, a JSON text, or a plain text (one passage).

    Empty text and nulls are no passage. Text that merely looks like JSON stays text.
    """
    if isinstance(value, str):
        value = _parsed_passages(value)
    if isinstance(value, (str, Mapping)):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"context: is a {type(value).__name__}, expected text or a list of passages")
    return [_passage(part, dropped) for part in value if part is not None and part != ""]


def with_source(passage: Any) -> Any:
    """Return a passage whose text opens with its address on a line (`[1] https://…`) as an object with that source."""
    rest = {"text": passage} if isinstance(passage, str) else passage
    text = rest.get("text")
    found = _ADDRESS.match(text) if isinstance(text, str) and not rest.get("source") else None
    if not isinstance(text, str) or found is None:
        return passage
    return {**rest, "text": text[found.end() :], "source": found[1]}


def plain(value: Any, depth: int = 0) -> Any:
    """Return the value as JSON holds it: times as ISO text, decimals as numbers, not-a-number as null.

    Raises:
        ValueError: it holds something JSON cannot, or is nested deeper than 40 levels.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"is nested deeper than {_MAX_DEPTH} levels; flatten it")
    if isinstance(value, Mapping):
        return {str(key): plain(child, depth + 1) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child, depth + 1) for child in value]
    if isinstance(value, bytes):
        raise ValueError(f"is binary ({len(value)} bytes), which JSON cannot hold")
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(value) if isinstance(value, Decimal) else value


def _text(target: str, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, (list, tuple, Mapping)):
        raise ValueError(f"{target}: is {'an object' if isinstance(value, Mapping) else 'a list'}, expected text")
    return value


def _parsed_passages(text: str) -> Any:
    """Parse a JSON list, object or string; anything else is the text of one passage."""
    if text.lstrip()[:1] not in ("[", "{", '"'):
        return text
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("context: is nested too deeply; flatten it") from None
    except ValueError:
        return text
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [value]
    return value if all(part is None or isinstance(part, (str, Mapping)) for part in parts) else text


def _passage(part: Any, dropped: Counter[str]) -> Any:
    if not isinstance(part, Mapping):
        return part
    found: dict[str, Any] = {}
    used = set()
    for target, names in _PASSAGE_KEYS.items():
        name = next((name for name in names if part.get(name) is not None), None)
        if name is not None:
            found[target] = _text(f"context.{target}", part[name]) if target != "retrieval_score" else part[name]
            used.add(name)
    dropped.update(key for key, value in part.items() if key not in used and value is not None)
    return found


def _structured(target: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value if target == "metadata" and isinstance(value, Mapping) else plain(value)
    text = value.strip()
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError(f"{target}: is nested too deeply; flatten it") from None
        except ValueError as error:
            raise ValueError(f"{target}: is not JSON: {error}") from None
    if target == "explanation":
        return {"reasoning": value}
    if target == "few_shot_ids":
        return [part.strip() for part in text.split(",") if part.strip()]
    return value
