"""`hitl policy diff` and `hitl policy what-if`."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import note, opened_loop, print_json, print_rows

if TYPE_CHECKING:
    from hitl_core.domain.policy import Policy
    from hitl_core.loop import Loop
    from hitl_core.reports.whatif.result import Figure, WhatIf

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FIGURES = (
    ("share reviewed", "review_rate", True),
    ("escaped errors", "escaped", False),
    ("cost, USD", "cost", False),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the group `policy`."""
    app.command("diff")(diff)
    app.command("what-if")(what_if)


def diff(
    before: Annotated[str, typer.Argument(help="A version's number, or a policy file.", show_default=False)],
    after: Annotated[str, typer.Argument(help="The same, to compare with.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what differs between two policies, field by field.

    Example: hitl policy diff 3 policy.toml
    """
    from hitl_core.reports.whatif.policy_diff import compare_policies

    found = compare_policies(*_policies(before, after))
    if as_json:
        print_json({"before": before, "after": after, "differences": [each._asdict() for each in found]})
        return
    if not found:
        print(f"{before} and {after} do the same")
    for each in found:
        print(f"{each.path}: {_said(each.before)} -> {_said(each.after)}")


def what_if(
    policy: Annotated[str, typer.Argument(help="A policy file, or a published version's number.", show_default=False)],
    last: Annotated[str, typer.Option(help="How far back decisions are replayed: 30d, 12h, 2w; all for all.")] = "30d",
    project: Annotated[str | None, typer.Option(help="Only this project.", show_default=False)] = None,
    limit_items: Annotated[int, typer.Option(help="List at most so many outputs that move.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """Say what a policy would have done with the outputs of a period; nothing is changed.

    Example: hitl policy what-if policy.toml --last 30d

    Escaped errors are known from labels alone: what was reviewed counts for itself, audits stand for what went out.
    """
    with opened_loop() as loop:
        chosen = _policy_of(loop, policy)
        began = time.perf_counter()
        period = None if last.strip() == "all" else last
        found = loop.reports.what_if(chosen, period, project=project, most_items=limit_items)
        seconds = time.perf_counter() - began
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)
    note(f"replayed {found.outputs:,} decisions in {seconds:.1f} s ({found.outputs / max(seconds, 1e-9):,.0f}/s)")


def _policies(*given: str) -> list[Policy]:
    """Return each policy; the database is opened only where a version is asked for."""
    from hitl_core.domain.policy import Policy

    if not any(each.isdecimal() for each in given):
        return [Policy.load(Path(each)) for each in given]
    with opened_loop() as loop:
        return [loop.policies.get(int(each)).policy if each.isdecimal() else Policy.load(Path(each)) for each in given]


def _policy_of(loop: Loop, given: str) -> Policy | Path | int:
    if not given.isdecimal():
        return Path(given)
    loop.policies.get(int(given))  # says that it was never published, before anything is read
    return int(given)


def _said(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, dict) and set(value) == {"value", "inclusive"}:
        return f"{value['value']:g}" if value["inclusive"] else f"beyond {value['value']:g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_said(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_said, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print(found: WhatIf) -> None:
    where = f" of {found.project}" if found.project else ""
    since = found.since.isoformat(timespec="minutes") if found.since else "the beginning"
    print(f"{found.policy}: {found.outputs:,} outputs{where} since {since}")
    if not found.outputs:
        print("nothing was decided in that time; try a longer one with --last")
        return
    rows = []
    for title, name, share in FIGURES:
        before, after, change = (getattr(found, f"{name}_{part}") for part in ("before", "after", "change"))
        plain, signed = ("{:.1%}", "{:+.1%} points") if share else ("{:,.1f}", "{:+,.1f}")
        rows.append((title, _figure(before, plain), _figure(after, plain), _figure(change, signed)))
    for title, name in (("opinions asked", "reviews"), ("audits", "audits")):
        before, after = getattr(found, f"{name}_before"), getattr(found, f"{name}_after")
        rows.append((title, f"{before:,}", f"{after:,}", f"{after - before:+,}"))
    print_rows(("", "as recorded", "what if", "change"), rows)
    print()
    routes = [
        (each.old, each.new, f"{each.outputs:,}", f"{each.labelled:,}", f"{each.wrong:,}") for each in found.routes
    ]
    print_rows(("went", "would go", "outputs", "labelled", "wrong"), routes)
    for text in found.notes:
        print(f"note: {text}")
    _print_items(found)


def _print_items(found: WhatIf) -> None:
    shown = f", {len(found.items):,} listed" if found.moved > len(found.items) else ""
    print(f"\n{found.moved:,} outputs would go another way{shown}")
    if found.items:
        labels = {True: "right", False: "wrong", None: "-"}
        rows = [
            (
                *(each.project, each.item_id, "-" if each.confidence is None else f"{each.confidence:.3f}"),
                *(each.old, each.new, ", ".join(each.reasons_after), labels[each.right]),
            )
            for each in found.items
        ]
        print_rows(("project", "item", "confidence", "went", "would go", "because", "label"), rows)


def _figure(figure: Figure, form: str) -> str:
    """Return an estimate with its interval and n; of shares, a change is in percentage points."""
    parts = ["unknown" if each is None else form.format(each) for each in (figure.value, figure.low, figure.high)]
    value, low, high = (part.replace("% points", " points") for part in parts)
    return f"{value} ({low.removesuffix(' points')} to {high.removesuffix(' points')}, n = {figure.n:,})"
