"""Numbers of the overview as HTML: what waits, what to do, what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import sqrt
from typing import Any

from app.components.safe_html import bar, element, esc, link
from app.components.state_strip import ago
from hitl_core.domain.policy_sections import Breaker
from hitl_core.loop import Counts

_STAGES = {"human": "review", "audit": "audit (blind)", "adjudicate": "seniors", "judge": "with the judges"}
MOST_STEPS = 8
Waiting = Sequence[Mapping[str, Any]]


def next_steps(waiting: Waiting, figures: Sequence[str] = (), reviewer: str | None = None) -> str:
    """Return at most `MOST_STEPS` sentences on what a lead should do, most urgent first.

    Args:
        waiting: what waits, by stage and expertise.
        figures: what the figures ask for, as HTML (`leads.next_steps`).
        reviewer: who reads it; links keep the name.
    """
    people = [row for row in waiting if row["stage"] != "judge"]
    overdue = sum(int(row["overdue"] or 0) for row in people)
    steps = [f"<b>{overdue:,} overdue.</b> The queue hands out the most urgent first; get more reviewers."] * (
        overdue > 0
    )
    for row in people:
        if row["expertise"] and row["pending"] and not row["claimed"]:
            asked = f"Nobody is on {int(row['pending']):,} tasks that ask for <b>{esc(row['expertise'][:80])}</b>: "
            steps.append(asked + "find a reviewer who has it.")
    seniors = sum(int(row["pending"]) for row in people if row["stage"] == "adjudicate")
    if seniors:
        where = link("adjudicate", {"reviewer": reviewer}, "Settle them")
        steps.append(f"<b>Waiting for a senior: {seniors:,}</b>, escalated or disputed. {where}")
    steps += figures
    pending = sum(int(row["pending"]) for row in people)
    if pending and not overdue:
        steps.append(f"{pending:,} tasks wait and none is overdue; go on in the order of the queue.")
    if not steps:
        steps.append("Nothing waits for a person. The audit keeps sampling what goes out by itself.")
    return "".join(element("div", step, cls="card") for step in steps[:MOST_STEPS])


def stopped(breakers: Sequence[Breaker], reviewer: str | None = None) -> str:
    """Return what is switched off, with links to where it is switched on again; empty where nothing is."""
    cards = []
    for each in breakers[:10]:
        name, since = each.segment(), f"{each.since:%Y-%m-%d %H:%M} UTC"
        lead = f"<b>Nothing of {esc(name[:80])} goes out by itself since {since}.</b> "
        lead += f"The reason: {esc(each.reason[:300])}. "
        where = link("audit", {"segment": name, "reviewer": reviewer}, "Look at the audits")
        cards.append(
            element("div", lead, where, ", repair what broke, and let it go out again there.", cls="card alert")
        )
    if len(breakers) > len(cards):
        cards.append(element("div", f"{len(breakers) - len(cards)} more segments are switched off.", cls="card alert"))
    return "".join(cards)


def tiles(counts: Counts, now: datetime) -> str:
    """Return the large figures."""
    people = [row for row in counts.waiting if row["stage"] != "judge"]
    pending = sum(int(row["pending"]) for row in people)
    claimed = sum(int(row["claimed"]) for row in people)
    overdue = sum(int(row["overdue"] or 0) for row in people)
    oldest = min((row["oldest_at"] for row in people), default=None)
    shown = [
        _tile("waiting", f"{pending:,}"),
        _tile("being reviewed", f"{claimed:,}"),
        _tile("overdue", f"{overdue:,}", alert=overdue > 0),
        _tile("oldest waits", ago(now - _moment(oldest, now)) if oldest else "–"),
        _tile("outputs in all", f"{counts.totals['items']:,}"),
        _tile("reviews in all", f"{counts.totals['reviews']:,}"),
        _tile("golden examples", f"{counts.totals['golden']:,}"),
    ]
    return element("div", *shown, cls="tiles")


def waiting_table(waiting: Waiting, now: datetime) -> str:
    """Return what waits by stage and required expertise."""
    heads = ("stage", "expertise", "waiting", "being reviewed", "overdue", "oldest")
    rows = "".join(
        element(
            "tr",
            element("td", _STAGES.get(str(row["stage"]), esc(row["stage"]))),
            element("td", esc(str(row["expertise"])[:80]) or "anybody"),
            *(element("td", f"{int(row[name] or 0):,}", cls="n") for name in ("pending", "claimed", "overdue")),
            element("td", ago(now - _moment(row["oldest_at"], now)), cls="n"),
        )
        for row in waiting[:40]
    )
    head = "".join(element("th", name, cls="n" if at > 1 else "") for at, name in enumerate(heads))
    return element("table", element("tr", head), rows, cls="grid")


def shares(counted: Mapping[str, int]) -> str:
    """Return counts with their share of the whole as bars."""
    total = sum(counted.values())
    if not total:
        return element("div", "Nothing in this time.", cls="muted")
    rows = "".join(
        element(
            "tr",
            element("td", esc(name.replace("_", " "))),
            element("td", bar(count / total)),
            element("td", f"{count:,} · {count / total:.0%}", cls="n"),
        )
        for name, count in sorted(counted.items(), key=lambda pair: -pair[1])
    )
    return element("table", rows, cls="grid") + element("div", f"n = {total:,}", cls="muted")


def verdicts(counted: Mapping[str, int], *, fewest: int) -> str:
    """Return the verdicts with the approval rate, its 95 % interval and n; too few rows say so."""
    total = sum(counted.values())
    if total < fewest:
        need = f"{total} reviews in this time; from {fewest} on the approval rate is shown with its interval."
        return shares(counted) + element("div", need, cls="muted")
    low, high = wilson(counted.get("approve", 0), total)
    share = counted.get("approve", 0) / total
    rate = f"approved as it was: {share:.0%} (95 % interval {low:.0%} to {high:.0%}, n = {total:,})"
    note = "Of what was routed to people, so it says nothing about what went out by itself."
    return shares(counted) + element("div", element("b", rate)) + element("div", note, cls="muted")


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion (Wilson 1927)."""
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _tile(label: str, value: str, *, alert: bool = False) -> str:
    body = element("div", value, cls="big") + element("div", label, cls="muted")
    return element("div", body, cls="tile alert" if alert else "tile")


def _moment(value: Any, now: datetime) -> datetime:
    return value if isinstance(value, datetime) else now
