"""`hitl scorer`: fit the project's scorer to what reviewers said, and show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json

if TYPE_CHECKING:
    from hitl_core.loop.fitting import FittedScorer

app = typer.Typer(
    help="The scorer that says how likely an output is right, fitted on reviews.\n\nExample: hitl scorer fit",
    rich_markup_mode=None,
    no_args_is_help=True,
)
Project = Annotated[str, typer.Option(help="Whose labels; a scorer holds for its own project only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
REFUSED = 1


@app.command()
def fit(
    project: Project = "default",
    seed: Annotated[int, typer.Option(help="Of the cross-validation's folds and the bootstrap.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a scorer to the project's reviews and store it; exits with 1 when it is no better than chance.

    Example: hitl scorer fit --project support
    """
    from hitl_core.loop.fitting import fit_project_scorer

    with opened_loop() as loop, _bar() as progress:
        fitted = fit_project_scorer(loop, project=project, seed=seed, on_progress=progress)
    _print(fitted, as_json=as_json)
    if not fitted.scorer.usable:
        raise typer.Exit(REFUSED)


@app.command()
def show(
    key: Annotated[str | None, typer.Argument(help="Key of a scorer; default the newest.", show_default=False)] = None,
    project: Project = "default",
    as_json: AsJson = False,
) -> None:
    """Show a scorer: labels behind it, how well it ranks, its weights in words.

    Example: hitl scorer show
    """
    from hitl_core.loop.fitting import newest_scorer

    with opened_loop() as loop:
        found = newest_scorer(loop, project=project, key=key)
    _print(found, as_json=as_json)


def _print(fitted: FittedScorer, *, as_json: bool) -> None:
    kept, scorer = fitted
    if as_json:
        print_json(_facts(fitted))
        return
    print(f"scorer {kept.key}, version {kept.version} of the project {kept.project}")
    print(f"fitted on {scorer.n:,} labelled items ({scorer.positives:,} right) to {scorer.groups:,} questions")
    print(
        f"AUROC {scorer.auroc:.3f}, 95 % interval {scorer.auroc_low:.3f} to {scorer.auroc_high:.3f}, on held-out folds"
    )
    for line in scorer.describe():
        print(f"  {line}")
    if not scorer.usable:
        print(f"refused: {scorer.problem}; review more items, or leave the scorer off")
        return
    print("usable; to use it, publish a policy with")
    print(f'  [scorer]\n  use = "fill"\n  artefact = "{kept.key}"')


def _facts(fitted: FittedScorer) -> dict[str, Any]:
    kept, scorer = fitted
    names = (
        "n",
        "positives",
        "groups",
        "auroc",
        "auroc_low",
        "auroc_high",
        "usable",
        "problem",
        "penalty",
        "intercept",
    )
    weights = dict(zip(scorer.features, scorer.weights, strict=True))
    head = {"key": kept.key, "project": kept.project, "version": kept.version, "created_at": kept.created_at}
    return head | {name: getattr(scorer, name) for name in names} | {"weights": weights}


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Show how many items have been measured, on the terminal only."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
