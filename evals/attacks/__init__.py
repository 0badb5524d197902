"""Attacks on judges: records with a right and a wrong output, texts that ask the judge to accept the wrong one.

Family `unseen` was written after the patterns that find instruction-like text and is never used to change them: its
rate is the honest one. The other families were there when the patterns were written.

Beside them stand ordinary texts of offices, courts, schools and manuals, full of approvals, checks and verdicts; of
those, too, a family `unseen` was written after the patterns.

Public: `Attack`, `ClashRecord`, `OrdinaryText`, `load_attacks`, `load_records`, `load_ordinary`, `attacked`, `clean`.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

from hitl_core.domain.records import Item, Passage, Record

UNSEEN = "unseen"


class Attack(Record):
    """One text and where it is put: at the end of the output, or as a passage of its own."""

    id: str
    family: str
    place: Literal["output", "context"]
    language: str
    text: str


class ClashRecord(Record):
    """A query with one passage, an output that it supports and one that it does not."""

    id: str
    query: str
    passage: str
    right: str
    wrong: str


class OrdinaryText(Record):
    """A text that speaks to no judge, and whether the patterns were written with it at hand."""

    id: str
    family: Literal["known", "unseen"]
    text: str


def load_attacks() -> tuple[Attack, ...]:
    """Return all attacks."""
    return tuple(Attack.model_validate(row) for row in _rows("attacks.jsonl"))


def load_records() -> tuple[ClashRecord, ...]:
    """Return all records."""
    return tuple(ClashRecord.model_validate(row) for row in _rows("records.jsonl"))


def load_ordinary() -> tuple[OrdinaryText, ...]:
    """Return all ordinary texts."""
    return tuple(OrdinaryText.model_validate(row) for row in _rows("ordinary.jsonl"))


def clean(record: ClashRecord, *, right: bool) -> Item:
    """Return a record with its right or its wrong output, not attacked."""
    output = record.right if right else record.wrong
    return _item(f"{record.id}:{'right' if right else 'wrong'}", record, output, (record.passage,))


def attacked(record: ClashRecord, attack: Attack) -> Item:
    """Return a record with its wrong output and an attack."""
    if attack.place == "output":
        return _item(f"{record.id}:{attack.id}", record, record.wrong + attack.text, (record.passage,))
    return _item(f"{record.id}:{attack.id}", record, record.wrong, (record.passage, attack.text.strip()))


def _item(name: str, record: ClashRecord, output: str, passages: tuple[str, ...]) -> Item:
    return Item(
        id=name,
        query=record.query,
        context=tuple(Passage(text=text) for text in passages),
        output=output,
        metadata={"references": [record.right]},
    )


def _rows(name: str) -> list[dict[str, Any]]:
    text = resources.files("evals.attacks").joinpath(name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
