"""`list` and `run`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from evals import datasets, suites
from evals.commands.reports import write_report
from evals.commands.showing import console, progress_of, say_json, show_result
from evals.harness.run import RunOptions
from evals.running.folder import RunFolder
from evals.running.manifest import manifest
from evals.running.own import OwnRun, Wanted, parse_options, prepare, read_toml
from evals.running.tasks import Done, run_own, run_suite
from evals.suite import SuiteContext
from hitl_core.domain.errors import InputError

Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def list_(
    data: Annotated[Path | None, typer.Option(help="Folder of the data sets: says which are there.")] = None,
    as_json: Json = False,
) -> None:
    """Show the suites and the data sets.

    Example: python -m evals list --data ../shared/data
    """
    found = {name: suites.find(name) for name in suites.names()}
    known = {name: {"description": each.DESCRIPTION, "sets": list(each.SETS)} for name, each in found.items()}
    sets = {name: _set_facts(name, data) for name in datasets.names()}
    if as_json:
        say_json({"suites": known, "sets": sets})
        return
    out = console()
    out.print("Suites", style="bold")
    for name, facts in known.items():
        out.print(f"  {name:12} {facts['description']}  (sets: {', '.join(facts['sets']) or 'none'})")
    out.print("Data sets", style="bold")
    for name, told in sets.items():
        out.print(f"  {name:18} {told}")


def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SUITE|FILE.toml]...", help="Suites, or TOML files of own runs.")
    ] = None,
    report: Annotated[Path, typer.Option(metavar="OUT/", help="Folder for results and report.")] = Path("evals-out"),
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the data sets.")] = None,
    seed: Seed = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many groups of cases of each set.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Keep what is finished and still holds.")] = True,
    max_cost_usd: Annotated[str | None, typer.Option(metavar="USD", help="Stop before an own run costs more.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Cases of an own run at once.")] = 8,
    dataset: Annotated[Path | None, typer.Option(metavar="FILE", help="Own JSONL, CSV or Parquet file.")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN,...")] = None,
    target: Annotated[
        str, typer.Option(help="For --dataset: given, recorded, router, scorer, judge or cascade.")
    ] = "given",
    score: Annotated[
        list[str] | None, typer.Option("--scorer", help="For --dataset: label, exact, contains...")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For --dataset: the policy of the target.")
    ] = None,
    option: Annotated[list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Of the target.")] = None,
    as_json: Json = False,
) -> None:
    """Run suites, or an own file, and write a report.

    Examples: python -m evals run committee cascade --data ../shared/data --report out/;
    python -m evals run --dataset mine.csv --map query=question,output=answer,label=ok --target router --policy p.toml
    """
    wanted = _wanted(names or [], dataset, mapping or [], target, score or [], policy, option or [])
    chosen = [suites.find(name).NAME and name for name in names or [] if not name.endswith(".toml")]
    own = [_limited(prepare(replace(each, folder=report)), limit, seed) for each in wanted]
    if not own and not chosen:
        raise InputError(f"nothing to run: name a suite ({', '.join(suites.names())}), a .toml file, or --dataset FILE")
    if data is not None and not data.is_dir():
        raise InputError(f"--data {data}: there is no such folder")
    folder = RunFolder(report)
    options = RunOptions(seed, concurrency, _usd(max_cost_usd), fresh=not resume)
    done: list[Done] = []
    for name in chosen:
        with progress_of(name, quiet=as_json) as tell:
            context = SuiteContext(data, seed, limit, None, tell)
            done.append(_told(run_suite(name, context, folder, fresh=not resume), as_json=as_json))
    for each in own:
        with progress_of(each.name, quiet=as_json) as tell:
            done.append(_told(run_own(each, folder, options, tell), as_json=as_json))
    folder.save_manifest(_manifest(seed, data, chosen, own, done))
    page = write_report(folder)
    if as_json:
        say_json({"report": str(page), "parts": [_facts(each) for each in done]})
    else:
        print(f"\nreport: {page}")


def _wanted(
    names: list[str],
    dataset: Path | None,
    mapping: list[str],
    target: str,
    score: list[str],
    policy: Path | None,
    option: list[str],
) -> list[Wanted]:
    found = [read_toml(Path(name)) for name in names if name.endswith(".toml")]
    if dataset is not None:
        fields = {key: value for text in mapping for key, value in parse_options(text.split(","), "--map").items()}
        given = parse_options(option, "--option")
        found.append(Wanted(dataset, "", target, score, fields, policy, given))
    elif mapping or score or policy or option:
        raise InputError("--map, --scorer, --policy and --option belong to --dataset FILE")
    return found


def _limited(own: OwnRun, limit: int | None, seed: int) -> OwnRun:
    return OwnRun(own.name, own.data.limited(limit, seed), own.target, own.scorers)


def _told(done: Done, *, as_json: bool) -> Done:
    if not as_json:
        show_result(done.result, done.seconds, before=done.before)
    return done


def _facts(done: Done) -> dict[str, Any]:
    return {
        "name": done.result.suite,
        "seconds": done.seconds,
        "before": done.before,
        "stopped": done.stopped,
        "notes": done.result.notes,
        "measures": [vars(each) for each in done.result.measures],
    }


def _manifest(seed: int, data: Path | None, chosen: list[str], own: list[OwnRun], done: list[Done]) -> dict[str, Any]:
    used = sorted({name for suite in chosen for name in suites.find(suite).SETS})
    targets = {each.name: {"data": each.data.digest, "cases": each.data.n, **each.target.facts} for each in own}
    parts = {
        each.result.suite: {"seconds": round(each.seconds, 2), **targets.get(each.result.suite, {})} for each in done
    }
    return {**manifest(seed=seed, data=data, sets=used), "parts": parts}


def _set_facts(name: str, data: Path | None) -> str:
    if data is None:
        return datasets.ADAPTERS[name][0]
    try:
        found = datasets.load_set(name, data)
    except (datasets.SetAbsentError, InputError) as error:
        return f"not there: {error}"
    return f"{found.n:,} cases in {found.groups:,} groups ({found.grouped_by}); {found.source}"


def _usd(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InputError(f"--max-cost-usd {text!r} is no amount, such as 2.50") from None
    if not amount.is_finite() or amount < 0:
        raise InputError(f"--max-cost-usd {text!r} must not be negative")
    return amount
