"""What finally holds for an item, from its decision and the reviews that were not taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.errors import InputError, NotFoundError
from hitl_core.domain.records import Decision, Item, Outcome, Route
from hitl_core.loop.settling import standing
from hitl_core.store import decisions, items, reviews, tasks

AUTO_VERDICTS = {Route.AUTO_APPROVE: "approve", Route.AUTO_REJECT: "reject"}


def outcome_of(item: Item, decision: Decision, opinions: Sequence[Any], *, open_tasks: bool = False) -> Outcome | None:
    """Return the outcome, or None while a person still has to decide.

    The newest opinion holds, or the settled one where several were asked for; without one, an automatic route decides
    in the policy's name.

    Args:
        item: what was submitted.
        decision: the decision that holds.
        opinions: review rows that were not taken back, oldest first.
        open_tasks: whether somebody is still asked about the item; matters where several opinions are wanted.
    """
    if decision.overlap > 1 and decision.needs_human:
        opinions = standing(opinions, open_tasks=open_tasks)
    head: dict[str, Any] = {"item_id": item.id, "project": item.project, "status": "decided", "route": decision.route}
    if opinions:
        review = reviews.from_row(opinions[-1])
        return Outcome(
            **head,
            verdict=review.verdict,
            output={"approve": item.output, "edit": review.output, "reject": None}[review.verdict],
            label=review.label or (item.label if review.verdict == "approve" else None),
            decided_by=review.reviewer,
            reasons=review.reasons,
            review_id=review.id,
            decided_at=review.created_at,
        )
    verdict = AUTO_VERDICTS.get(decision.route)
    if verdict is None:
        return None
    return Outcome(
        **head,
        verdict=verdict,
        output=item.output if verdict == "approve" else None,
        label=item.label if verdict == "approve" else None,
        decided_by=_who(decision),
        reasons=decision.reasons,
        decided_at=decision.created_at,
    )


def _who(decision: Decision) -> str:
    policy = f"policy version {decision.policy_version}"
    return f"judge {decision.path[-1]}, {policy}" if decision.path else policy


def current_outcome(tx: sa.Connection, item_key: str) -> Outcome | None:
    """Return the outcome of a stored item, or None while a person still has to decide."""
    item, decision = items.load(tx, item_key), decisions.latest(tx, item_key)
    opinions = reviews.effective(tx, [item_key]).get(item_key, [])
    return outcome_of(item, decision, opinions, open_tasks=bool(undecided(tx, [decision], [item_key])))


def undecided(tx: sa.Connection, held: Sequence[Decision], item_keys: Sequence[str]) -> set[str]:
    """Return those of the items that want several opinions and still have somebody to ask."""
    wanting = [key for decision, key in zip(held, item_keys, strict=True) if decision.overlap > 1]
    return tasks.with_open_tasks(tx, wanting) if wanting else set()


def find_key(tx: sa.Connection, item_id: str, project: str | None) -> str:
    """Return the key of the one item with that id.

    Raises:
        NotFoundError: no such item.
        InputError: several projects have one; name the project.
    """
    found = items.keys_of(tx, item_id, project)
    if not found:
        where = f" in project {project!r}" if project else ""
        raise NotFoundError(f"no item {item_id!r:.80}{where}; submit it first")
    if len(found) > 1:
        names = ", ".join(sorted(name for _, name in found)[:5])
        raise InputError(f"item {item_id!r:.80} exists in several projects ({names}); say which with project=")
    return found[0][0]
