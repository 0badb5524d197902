"""Putting examples on the shelf and taking them off, inside the caller's transaction, with an event each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from hitl_core.domain.errors import InputError, NotFoundError, explain
from hitl_core.domain.records import GoldenExample, Item, Review
from hitl_core.domain.text import require_clean_names
from hitl_core.store import events
from hitl_core.store import golden as rows


def checked_example(**fields: Any) -> GoldenExample:
    """Make an example from what a person typed.

    Raises:
        InputError: a text is empty or cannot be stored.
    """
    try:
        example = GoldenExample(**fields)
    except ValidationError as error:
        raise InputError(f"golden example: {explain(error, GoldenExample)}") from None
    for name, text in (("query", example.query), ("output", example.output)):
        if not text.strip():
            raise InputError(f"golden example: {name} is empty; an example needs a query and an output")
    return example


def example_of_review(item: Item, review: Review, *, at: datetime) -> GoldenExample | None:
    """Return what a review teaches: its edit, or the output it approved as exemplary; None for nothing."""
    if review.verdict == "edit" and review.output is not None:
        output, model_output = review.output, item.output
    elif review.verdict == "approve" and review.exemplary:
        output, model_output = item.output, None
    else:
        return None
    if not item.query.strip() or not output.strip():
        return None
    return GoldenExample(
        project=item.project,
        query=item.query,
        context=item.context,
        output=output,
        model_output=model_output,
        domain=item.domain,
        item_id=item.id,
        review_id=review.id,
        reviewer=review.reviewer,
        reasons=review.reasons,
        created_at=at,
    )


def put(
    tx: sa.Connection,
    examples: Sequence[GoldenExample],
    *,
    at: datetime,
    actor: str,
    item_key: str | None = None,
) -> list[str]:
    """Store examples; return for each the id that stands for it (an older one that says the same, or its own)."""
    kept = rows.add(tx, examples, at=at, item_key=item_key)
    for example, standing in zip(examples, kept, strict=True):
        kind = "golden.added" if standing == example.id else "golden.merged"
        data = {"golden_id": example.id, "stands_for": standing, "review_id": example.review_id}
        events.append(tx, kind, at=at, actor=actor, project=example.project, item_key=item_key, data=data)
    return kept


def retire(tx: sa.Connection, golden_id: str, *, reason: str, at: datetime, actor: str) -> None:
    """Take an example and the near-duplicates it stands for out of use; a retired one stays as it is.

    Raises:
        NotFoundError: there is no such example.
    """
    require_clean_names(id=golden_id, reason=reason)
    found = rows.lineage(tx, golden_id)
    if found is None:
        raise NotFoundError(f"there is no golden example {golden_id!r}; see: hitl golden list")
    if found.status != "retired":
        _retire(tx, [golden_id, *rows.merged_into(tx, golden_id)], reason=reason, at=at, actor=actor)


def retire_for_review(tx: sa.Connection, review_id: str, *, reason: str, at: datetime, actor: str) -> list[str]:
    """Take out what a review taught; where other reviews taught the same, the oldest stands in for it."""
    retired = []
    for found in rows.of_review(tx, review_id):
        heirs = rows.merged_into(tx, found.id)
        if found.status == "active" and heirs:
            rows.promote(tx, heirs[0], heirs[1:])
        _retire(tx, [found.id], reason=reason, at=at, actor=actor)
        retired.append(found.id)
    return retired


def _retire(tx: sa.Connection, ids: list[str], *, reason: str, at: datetime, actor: str) -> None:
    rows.retire(tx, ids, reason=reason, at=at)
    events.append(tx, "golden.retired", at=at, actor=actor, data={"golden_ids": ids, "reason": reason})
