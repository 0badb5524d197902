"""`hitl stats`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json, print_rows, since_moment
from hitl_core.cli.leads.figures import period_figures, print_figures

if TYPE_CHECKING:
    from hitl_core.store.judging.ledger import Spent


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stats")(stats)


def stats(
    since: Annotated[str | None, typer.Option(help="Only what happened since then: 30d, 12h or 2026-01-31.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Figures by day, week, month, quarter, domain, model, label, project, policy_version or reviewer."
        ),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count items, open work, reviews, golden examples and model calls; then all figures of the period.

    Example: hitl stats --since 30d --by week --json

    Each figure has its interval (95 %), the n it rests on and its target; after them come the gain of quality by
    quarter and what changed. Open work is what is open now, whatever --since says.
    """
    found = _figures(since_moment(since), by, project)
    if as_json:
        print_json(found)
        return
    print(f"items: {found['items']:,}")
    _print_shares("routes", found["routes"])
    _print_shares("reviews", found["reviews"], f", {found['undone']:,} taken back" if found["undone"] else "")
    print("golden: " + (", ".join(f"{name} {n:,}" for name, n in found["golden"].items()) or "none"))
    calls = found["model_calls"]
    unknown = f", {calls['unknown_cost']:,} of unknown cost" if calls["unknown_cost"] else ""
    print(f"model calls: {calls['calls']:,}, {calls['cost_usd']} USD{unknown}")
    if found["open"]:
        print("open work:")
        print_rows(
            ("stage", "expertise", "pending", "claimed", "overdue", "oldest"), [_cells(r) for r in found["open"]]
        )
    else:
        print("open work: none")
    print_figures(found, by)


def _figures(since: datetime | None, by: str | None, project: str | None) -> dict[str, Any]:
    from hitl_core.store.judging import ledger
    from hitl_core.store.reading import figures

    with opened_loop() as loop:
        reported = period_figures(loop, since, by, project)
        counts = loop.counts(since=since, project=project)
        with loop.store.read() as tx:
            return {
                "since": since,
                "project": project,
                "items": figures.count_items(tx, since=since, project=project),
                "routes": counts.routes,
                "reviews": counts.verdicts,
                "undone": figures.count_undone(tx, since=since, project=project),
                "golden": figures.count_golden(tx, since=since, project=project),
                "open": counts.waiting,
                "model_calls": _calls(ledger.spent(tx, since=since, project=project)),
                **reported,
            }


def _calls(spent: Spent) -> dict[str, Any]:
    return {"calls": spent.calls, "cost_usd": str(spent.cost_usd), "unknown_cost": spent.unknown}


def _print_shares(name: str, counts: dict[str, int], more: str = "") -> None:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    shares = ", ".join(f"{key} {count:,} ({count / total:.0%})" for key, count in ordered)
    print(f"{name} (n={total:,}): {shares or 'none'}{more}")


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    oldest = row["oldest_at"].isoformat(timespec="minutes")
    return row["stage"], row["expertise"] or "any", row["pending"], row["claimed"], row["overdue"], oldest
