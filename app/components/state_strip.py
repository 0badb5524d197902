"""Why a task is here, in one line; for blind tasks without what could sway the reviewer."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.components.safe_html import chip, element, esc
from hitl_core.domain.records import ReviewTask, Route, Stage
from hitl_core.review_queue.queue import COUNTED

_ROUTES = {
    Route.AUTO_APPROVE: "went out by itself",
    Route.ASYNC_REVIEW: "is out, look afterwards",
    Route.SYNC_REVIEW: "waits for you",
    Route.MANUAL: "only a draft, waits for you",
    Route.AUTO_REJECT: "was held back",
}
_STAGES = {
    Stage.HUMAN: "review",
    Stage.ADJUDICATE: "escalated or disputed",
    Stage.AUDIT: "review",
    Stage.JUDGE: "judge",
}


def ago(span: timedelta) -> str:
    """Return a duration in its largest fitting units, such as `3 h 5 min`."""
    minutes = int(abs(span.total_seconds()) // 60)
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def strip(task: ReviewTask, now: datetime, *, waiting: int, reviewer: str) -> str:
    """Return the strip as HTML: what, why, how urgent, and who looks at it."""
    item = task.item
    chips = [chip("project", item.project[:60], title=f"item {item.id}"), chip(_STAGES[task.stage])]
    if not task.blind:
        chips += _reasons(task)
    if item.domain:
        chips.append(chip("field", item.domain[:60]))
    if item.subject:
        chips.append(chip("about", item.subject[:60]))
    if item.label:
        chips.append(chip("label", item.label[:60]))
    if is_synthetic(item.metadata):
        chips.append(chip("synthetic demo data", kind="demo"))
    chips += [chip("waiting", ago(now - task.created_at)), _due(task, now)]
    more = "+" if waiting >= COUNTED else ""
    who = element("div", "you are ", element("b", esc(reviewer[:60])), f" · {waiting:,}{more} in the queue", cls="who")
    return who + element("div", *[each for each in chips if each], cls="strip")


def is_synthetic(metadata: dict[str, object]) -> bool:
    """Whether an item says that its history was made up for the demo."""
    return bool(metadata.get("synthetic") or metadata.get("demo"))


def _reasons(task: ReviewTask) -> list[str]:
    decision = task.decision
    believed = "none given" if decision.confidence is None else f"{decision.confidence:.2f}"
    raw = "" if decision.raw_confidence is None else f"as submitted: {decision.raw_confidence:g}"
    rules = ", ".join(decision.reasons) or "no rule"
    return [
        chip("route", f"{decision.route.value.replace('_', ' ')}", title=f"this output {_ROUTES[decision.route]}"),
        chip("rules", rules[:90], title=rules[:2_000]),
        chip("confidence", believed, title=raw),
        chip("priority", f"{task.priority:.2f} {decision.priority_class.value}"),
    ]


def _due(task: ReviewTask, now: datetime) -> str:
    if task.due_at is None:
        return ""
    left = task.due_at - now
    when = f"{task.due_at:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(0):
        return chip("overdue by", ago(left), kind="alert", title=when)
    return chip("due in", ago(left), kind="warn" if left < timedelta(hours=1) else "", title=when)


def needs(expertise: str) -> str:
    """Return the required expertise as text."""
    return esc(expertise) if expertise else "anybody"
