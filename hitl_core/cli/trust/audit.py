"""`hitl audit`: what audits say about each segment, and switching one on again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json, print_rows

if TYPE_CHECKING:
    from hitl_core.audit import SegmentState

app = typer.Typer(
    help="What slipped through, and the breakers that stop a segment.\n\nExample: hitl audit status",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def status(
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the error of what went out by itself, segment by segment, with its intervals and state.

    Example: hitl audit status --json

    `error` is weighted, of the window in which the labels should have arrived; `at all times` holds whenever one looks.
    """
    with opened_loop() as loop:
        states = loop.audit.states(project)
    if as_json:
        print_json([_mapping(each) for each in states])
    elif not states:
        print("no audit yet: nothing went out by itself and was drawn; the policy's audit.rate says how often it is")
    else:
        header = ("segment", "state", "error", "interval", "n", "effective n", "unanswered", "at all times", "labels")
        print_rows(header, [_cells(each) for each in states])
        for each in states:
            if each.breaker is not None:
                since = each.breaker.since.isoformat(timespec="minutes")
                print(f"{each.segment}: nothing goes out by itself since {since}; {each.breaker.reason}")


@app.command()
def reset(
    segment: Annotated[str, typer.Argument(help="The segment, as `hitl audit status` names it.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why it may go out again.", show_default=False)],
) -> None:
    """Let a segment's outputs go out by themselves again; the breach test starts over.

    Example: hitl audit reset legal --reason "the prompt was repaired"
    """
    with opened_loop() as loop:
        version = loop.audit.reset(segment, reason)
    print(f"{segment} goes out by itself again, as policy version {version}")


def _mapping(state: SegmentState) -> dict[str, Any]:
    estimate = state.estimate
    return {
        "segment": state.segment,
        "when": state.when,
        "state": state.state,
        "target": state.target,
        "error": _share(estimate.weighted),
        "naive": _share(estimate.naive),
        "confidence": estimate.confidence,
        "until": state.until.isoformat(),
        "worst_case": list(estimate.worst),
        "unanswered_share": estimate.unanswered_share,
        "refused": estimate.refused or None,
        "sequence": {"low": state.sequence.low, "high": state.sequence.high, "n": state.n, "errors": state.errors},
        "breach_test": {"strength": state.watch.strength, "audits_between_false_alarms": state.watch.run_length},
        "unanswered": state.unanswered,
        "oldest_unanswered_at": state.oldest_at.isoformat() if state.oldest_at else None,
        "breaker": state.breaker.model_dump(mode="json") if state.breaker else None,
        "reset_at": state.since.isoformat() if state.since else None,
    }


def _share(share: Any) -> dict[str, Any]:
    value = share.value if share.n else None
    return {"value": value, "low": share.low, "high": share.high, "n": share.n, "effective_n": share.effective_n}


def _cells(state: SegmentState) -> tuple[Any, ...]:
    found = state.estimate.weighted
    return (
        state.segment,
        state.state,
        f"{found.value:.1%}" if found.n else "-",
        f"{found.low:.1%} - {found.high:.1%}",
        found.n,
        f"{found.effective_n:.0f}",
        state.unanswered,
        f"{state.sequence.low:.1%} - {state.sequence.high:.1%}",
        state.n,
    )
