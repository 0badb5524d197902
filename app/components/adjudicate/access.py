"""Who settles: seniors; where nobody is registered as one, anybody who gave no opinion."""

from __future__ import annotations

from app.components import trouble
from app.components.safe_html import esc
from app.desk import Desk
from hitl_core.loop import Loop

NO_SENIORS = "Nobody is registered as a senior, so anybody may settle; <code>hitl reviewer add NAME --senior</code>."


def may_settle(loop: Loop, name: str) -> bool:
    """Whether this reviewer is given disputes."""
    known = {each.name: each.senior for each in loop.reviewers()}
    return not any(known.values()) or known.get(name, False)


def why_not(loop: Loop) -> str:
    """Return one sentence as HTML for those who are given no disputes."""
    seniors = ", ".join(esc(each.name[:60]) for each in loop.reviewers()[:500] if each.senior)
    return (
        f"Only seniors settle what reviewers disagree on ({seniors}), and you are not registered as one: "
        "<code>hitl reviewer add NAME --senior</code> makes somebody a senior."
    )


def has_seniors(loop: Loop) -> bool:
    """Whether anybody is registered as a senior."""
    return any(each.senior for each in loop.reviewers())


def nothing(desk: Desk) -> None:
    """Say that nothing is there to settle, and why something may still wait."""
    lanes = [lane for lane in desk.loop.queue.pending() if lane[0] == "seniors" and desk.project in (None, lane[1])]
    waiting = sum(count for *_, count in lanes)
    if waiting:
        trouble.empty(
            "Nothing here is yours to settle",
            f"{waiting:,} wait for another senior: you gave an opinion on them, skipped them within the last hour, or "
            "they ask for an expertise that you did not name.",
        )
        return
    trouble.empty(
        "No disagreement waits",
        "Items come here when independent reviewers disagree, or when a reviewer escalates one (G on the Review page).",
        "How many people look at the same item stands in the policy: <code>[overlap] share, opinions</code>.",
    )
