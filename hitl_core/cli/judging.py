"""`hitl judge`: run the policy's judges by hand, certify them, and list what certificates are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json, print_rows
from hitl_core.domain.errors import InputError

if TYPE_CHECKING:
    from hitl_core.domain.records import Decision
    from hitl_core.loop.judges.certifying import Certified

app = typer.Typer(rich_markup_mode=None)
Project = Annotated[str | None, typer.Option(help="Only this project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def judge(
    context: typer.Context,
    item: Annotated[str | None, typer.Option(help="Judge the item with this id.")] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Judge what waits for judges.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="With --pending: at most this many.")] = 100,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Ask the policy's judges now, as `hitl work` does.

    Example: hitl judge --pending --limit 20

    What waits for judges is decided by what they say; about any other item the verdicts are kept as advice.
    """
    if context.invoked_subcommand is not None:
        return
    if (item is None) == (not pending):
        raise InputError("say which: --item ID or --pending; see: hitl judge --help")
    with opened_loop() as loop:
        loop.judges.require_tiers()
        if item is not None:
            found = [loop.judges.judge_item(item, project=project)]
        else:
            found = loop.judges.judge_waiting(limit, project=project)
        told = [_told(each, loop.judges.verdicts(each.item_id, project=each.project)) for each in found]
    if as_json:
        print_json(told)
        return
    print_rows(
        ("item", "route", "judges said", "reasons", "cost USD"),
        [
            (each["item_id"], each["route"], _in_words(each), ", ".join(each["reasons"]), each["cost_usd"])
            for each in told
        ],
    )
    print(f"{len(told)} judged, {sum(each['route'] == 'auto_approve' for each in told)} let go")


@app.command("certify")
def certify(
    project: Annotated[str, typer.Option(help="Whose items were judged.")] = "default",
    judge: Annotated[str | None, typer.Option(help="Only this judge; default: each that a tier asks.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure judges against people's labels drawn by design, and store the certificates.

    Example: hitl judge certify --project default --judge cheap

    A judge's word lets outputs go out by itself only under a certificate whose bound reaches judging.min_precision.
    """
    with opened_loop() as loop:
        loop.judges.require_tiers()
        names = [judge] if judge else [tier.judge for tier in loop.policy.judging.tiers]
        found = [loop.judges.certify(name, project=project, author=loop.actor) for name in names]
    _print(found, as_json=as_json)


@app.command("certificates")
def certificates(project: Project = None, as_json: AsJson = False) -> None:
    """List the newest certificate of each judge, and whether it counts under the live policy.

    Example: hitl judge certificates --json
    """
    with opened_loop() as loop:
        found = loop.judges.certificates(project=project)
    _print(found, as_json=as_json)


def _told(decision: Decision, said: list[Any]) -> dict[str, Any]:
    shown = ("judge", "verdict", "p_correct", "reason", "flags", "accepted", "recorded")
    return {
        "item_id": decision.item_id,
        "project": decision.project,
        "route": decision.route.value,
        "reasons": list(decision.reasons),
        "cost_usd": None if decision.cost_usd is None else str(decision.cost_usd),
        "verdicts": [{name: getattr(each, name) for name in shown} for each in said],
    }


def _in_words(told: dict[str, Any]) -> str:
    return "; ".join(
        f"{each['judge']} {each['verdict']}" + ("" if each["p_correct"] is None else f" {each['p_correct']:.2f}")
        for each in told["verdicts"]
    )


def _print(found: list[Certified], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"artefact": each.key, "version": each.version, "status": each.status, "reason": each.reason}
            | {"drift": each.drift.model_dump(mode="json")}
            for each in found
        ]
        print_json([row | each.certificate.to_json() for row, each in zip(told, found, strict=True)])
        return
    if not found:
        print("no certificates; judges only advise. Review some of what they judged, then run: hitl judge certify")
        return
    header = ("project", "judge", "version", "status", "certified", "labels", "unanswered", "accepted right", "at",
              "kappa", "drift", "why")  # fmt: skip
    print_rows(header, [_row(each) for each in found])


def _row(each: Certified) -> tuple[Any, ...]:
    held = each.certificate
    drift = f"{each.drift.psi:.2f} (n {each.drift.n})" + (", drifted" if each.drift.drifted else "")
    certified = f"{held.certified_at:%Y-%m-%d}"
    right = f"{held.precision} of {held.accept_at:g} and more"
    return (
        held.project, held.judge, each.version, each.status, certified, held.n, held.unanswered, right,
        f"{held.confidence:.4g}", held.figures.kappa, drift, each.reason,
    )  # fmt: skip
