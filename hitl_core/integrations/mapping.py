"""Which column becomes which field of an Item: `--map field=column`, `--set field=value`, `--rest metadata`."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from hitl_core.domain.errors import InputError, did_you_mean, explain
from hitl_core.domain.records import Item, canonical_json
from hitl_core.integrations.values import as_field, plain, with_source

FIELDS = tuple(Item.model_fields)
REQUIRED = ("query", "output")
_OPEN = ("metadata", "inputs")
_NUMBERS = ("confidence", "amount", "impact")


@dataclass(frozen=True)
class ColumnMap:
    """Where each field's value comes from.

    `sources` maps a field (or `metadata.key`, `inputs.key`) to a column or a dotted path into one; `constants`
    holds values that are the same for every row; with `rest` the columns nobody asked for go to metadata.
    `unseen` are fields that map themselves although the head of the file does not have them (JSON rows differ).
    `split_source`: a passage that opens with its address on a line of its own gives it as its source.
    """

    sources: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    rest: bool = False
    unseen: frozenset[str] = frozenset()
    split_source: bool = False

    def describe(self) -> str:
        """Return one line such as `query = question, output = answer, project := legal`."""
        parts = [f"{target} = {source}" for target, source in self.sources.items() if target not in self.unseen]
        parts += [f"{target} := {value}" for target, value in self.constants.items()]
        return ", ".join(parts) + (", the rest to metadata" if self.rest else "")


def parse_assignments(texts: Iterable[str], option: str, *, split: bool) -> dict[str, str]:
    """Turn `["query=question,output=answer"]` into a dict from field to column (or value).

    Args:
        texts: what the option was given, once or several times.
        option: the option's name, for messages.
        split: whether a comma starts the next assignment (column lists do, values do not).

    Raises:
        InputError: a part has no `=`, or its left side is not a field of Item.
    """
    found: dict[str, str] = {}
    for part in (piece for text in texts for piece in (text.split(",") if split else [text])):
        target, separator, source = (side.strip() for side in part.partition("="))
        if not part.strip():
            continue
        if not separator or not target:
            raise InputError(f"{option} {part.strip()!r}: expected FIELD=COLUMN, such as query=question")
        _check_target(target, source, option)
        found[target] = source
    return found


def resolve(
    mapped: Mapping[str, str],
    constants: Mapping[str, str],
    columns: Sequence[str],
    *,
    rest: bool = False,
    known_paths: Iterable[str] = (),
    complete: bool = True,
) -> ColumnMap:
    """Complete a mapping with the columns that carry a field's own name.

    A field mapped to nothing (`label=`) is left out even when such a column exists.

    Args:
        mapped: field to column, as asked for.
        constants: field to value.
        columns: the file's columns.
        rest: whether unused columns go to metadata.
        known_paths: dotted paths that were found in the file's first rows.
        complete: whether `columns` are all there are; JSON rows further down may have others.

    Raises:
        InputError: a column does not exist, or nothing gives query or output.
    """
    known = set(columns) | set(known_paths)
    for target, source in mapped.items():
        if source and source not in known:
            raise InputError(
                f"--map {target}={source}: there is no column {source!r}{did_you_mean(source, columns)}; "
                f"the columns are: {', '.join(columns)}"
            )
    sources = {target: source for target, source in mapped.items() if source}
    taken = set(sources.values()) | set(mapped) | set(constants)
    own_names = [name for name in FIELDS if name not in taken and (name in columns or not complete)]
    unseen = frozenset(name for name in own_names if name not in columns)
    for name in REQUIRED:
        if name not in sources and name not in constants and (name not in own_names or name in unseen):
            raise InputError(f"nothing gives {name}: say --map {name}=COLUMN; the columns are: {', '.join(columns)}")
    return ColumnMap(sources | {name: name for name in own_names}, dict(constants), rest, unseen)


def look_up(values: Mapping[str, Any], path: str) -> Any:
    """Return the value of a column, or of a dotted path into nested objects and lists; None when absent."""
    if path in values:
        return values[path]
    node: Any = values
    for part in path.split("."):
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


class ItemBuilder:
    """Makes an Item of a row. Without an id in the row, the id is a hash of the content.

    The hash makes a second import of the same file find the same items; two equal rows are one item.
    `dropped` counts keys of passages that an Item has no place for.
    """

    def __init__(self, columns: ColumnMap, *, empty_is_missing: bool = False) -> None:
        self._map = columns
        self._empty_is_missing = empty_is_missing
        self._used = {path.split(".")[0] for path in columns.sources.values()} | set(columns.sources.values())
        self.dropped: Counter[str] = Counter()

    def build(self, values: Mapping[str, Any]) -> Item:
        """Return the row as an Item.

        Raises:
            InputError: the row cannot be an Item; the message names the field.
        """
        try:
            fields = self._fields(values)
            item = Item.model_validate(fields)
            if "id" not in fields:
                item = item.model_copy(update={"id": content_key(item)})
            return item
        except ValidationError as error:
            raise InputError(explain(error, Item)) from None
        except RecursionError:
            raise InputError("is nested too deeply; flatten it") from None
        except ValueError as error:
            raise InputError(str(error)) from None

    def _fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for target, path in self._map.sources.items():
            value = look_up(values, path)
            if self._is_missing(target, value):
                if target in REQUIRED:
                    raise ValueError(f"{target}: the column {path!r} is missing or null")
                continue
            _assign(fields, target, as_field(target, value, self.dropped))
        for target, text in self._map.constants.items():
            _assign(fields, target, as_field(target, text, self.dropped))
        if self._map.split_source and "context" in fields:
            fields["context"] = [with_source(each) for each in fields["context"]]
        if self._map.rest:
            self._add_rest(fields, values)
        return fields

    def _is_missing(self, target: str, value: Any) -> bool:
        if value is None:
            return True
        if self._empty_is_missing and value == "" and target not in REQUIRED:
            return True
        # Columns of text or lists hold NaN where nothing was given; a number that is NaN is for Item to judge.
        return target not in _NUMBERS and isinstance(value, float) and math.isnan(value)

    def _add_rest(self, fields: dict[str, Any], values: Mapping[str, Any]) -> None:
        metadata = fields.setdefault("metadata", {})
        for column, value in values.items():
            if column not in self._used and not self._is_missing(column, value):
                metadata.setdefault(column, plain(value))


def content_key(item: Item) -> str:
    """Return an id made of the item's content: the same content always has the same id."""
    body = item.content()
    del body["id"]
    confidence = body.get("confidence")
    if isinstance(confidence, float) and not math.isfinite(confidence):
        body["confidence"] = str(confidence)
    return f"row-{hashlib.sha256(canonical_json(body).encode()).hexdigest()[:32]}"


def _assign(fields: dict[str, Any], target: str, value: Any) -> None:
    head, dot, key = target.partition(".")
    if not dot:
        fields[target] = {**value, **fields.get(target, {})} if target in _OPEN and isinstance(value, dict) else value
        return
    inner = fields.setdefault(head, {})
    if not isinstance(inner, dict):
        raise ValueError(f"{head} is not an object, so {target} cannot be set")
    inner[key] = value


def _check_target(target: str, source: str, option: str) -> None:
    head, _, key = target.partition(".")
    if target in FIELDS or (head in _OPEN and key):
        return
    if source in FIELDS:
        raise InputError(f"{option} {target}={source}: the field comes first; write {option} {source}={target}")
    raise InputError(
        f"{option} {target}: an item has no field {target!r}{did_you_mean(head, FIELDS)}; "
        f"the fields are: {', '.join(FIELDS)} (also metadata.KEY and inputs.KEY)"
    )
