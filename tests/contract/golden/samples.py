"""Questions, an item and a correction to learn from."""

from __future__ import annotations

from collections.abc import Callable

from hitl_core.domain.records import Item, Review
from hitl_core.golden import GoldenLibrary
from hitl_core.store.engine import Store

QUESTIONS = {
    "refund": "When is a refund due after a return?",
    "refund2": "When is a refund due after a cancelled order?",
    "loan": "Who approves a loan above the limit?",
    "leave": "How many days of parental leave are there?",
}
MakeLibrary = Callable[..., GoldenLibrary]


def queries(library: GoldenLibrary, question: str, k: int = 4, **options: object) -> list[str]:
    return [shot.example.query for shot in library.few_shot(question, k, **options)]  # type: ignore[arg-type]


def item(item_id: str = "i1", **fields: object) -> Item:
    values = {"id": item_id, "query": "Is tea free?", "output": "No.", "project": "p", "context": "Tea is free."}
    return Item.model_validate(values | fields)


def edit(text: str = "Yes, tea is free.", **fields: object) -> Review:
    values = {"verdict": "edit", "output": text, "reasons": ["wrong_fact"], "reviewer": "ana"}
    return Review.model_validate(values | fields)


def record(store: Store, library: GoldenLibrary, of: Item, review: Review) -> str | None:
    with store.write() as tx:
        return library.record(tx, of, review)
