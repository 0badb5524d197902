"""`hitl calibrate`: fit a project's calibrator to what reviewers said, and show what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json, print_rows
from hitl_core.cli.trust.asking import AsJson, Project, Since, calibrator_of, scope_of, working

if TYPE_CHECKING:
    from hitl_core.loop import Loop
    from hitl_core.loop.trust.calibrating import FittedCalibrator
    from hitl_core.loop.trust.report import CalibrationReport

app = typer.Typer(
    help="Whether a confidence of .8 is right 80 % of the time, and what makes it so.\n\nExample: hitl calibrate fit",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def fit(project: Project = "default", since: Since = None, as_json: AsJson = False) -> None:
    """Fit a calibrator on a third of a project's questions and store it; nothing uses it until a policy names it.

    Example: hitl calibrate fit --project support

    The other two thirds never fit one: they certify thresholds. JSON: as `hitl calibrate show`.
    """
    with opened_loop() as loop:
        scope = scope_of(loop, project, since)
        with working("fitting"):
            fitted = loop.calibration.fit(scope)
        _print(loop, fitted, project, as_json=as_json)


@app.command()
def show(
    key: Annotated[
        str, typer.Argument(help="Key of a calibrator, or live, newest, none (confidences as they came).")
    ] = "newest",
    project: Project = "default",
    as_json: AsJson = False,
) -> None:
    """Show a calibrator, and how well confidences match reviews with it and without it.

    Example: hitl calibrate show live --project support

    Measures are weighted, on labels that it was not fitted on. JSON: key, version, method, n, models, segments, window,
    problem (null where it may be used), live, and `measures`: for each name the raw and the calibrated value with low,
    high, n and effective_n.
    """
    with opened_loop() as loop:
        scope_of(loop, project)
        _print(loop, calibrator_of(loop, project, key), project, as_json=as_json)


def _print(loop: Loop, fitted: FittedCalibrator | None, project: str, *, as_json: bool) -> None:
    from hitl_core.loop.trust.evidence import Scope

    project = project if fitted is None else fitted.artefact.project
    evidence = loop.calibration.evidence(Scope(project))
    with working("measuring"):
        before = loop.calibration.report(Scope(project)) if evidence.n else None
        after = loop.calibration.report(Scope(project), fitted) if fitted is not None and evidence.n else None
    if as_json:
        print_json(_facts(loop, fitted, project) | {"measures": _measures(before, after)})
        return
    for line in _lines(loop, fitted, project):
        print(line)
    if before is None:
        print("no label has arrived, so nothing can be measured; review items first")
        return
    header = ("measure", "as it came", "interval", "n", "calibrated", "interval", "n")
    print_rows(header, [_cells(name, *pair.values()) for name, pair in _measures(before, after).items()])
    for line in _reviewers(loop, project):
        print(line)


def _lines(loop: Loop, fitted: FittedCalibrator | None, project: str) -> list[str]:
    facts = _facts(loop, fitted, project)
    if fitted is None:
        return [
            f"{project}: confidences as they came" + (", which is what the live policy uses" if facts["live"] else "")
        ]
    lines = [
        f"calibrator {facts['key']}, version {facts['version']} of the project {project}",
        f"{facts['method']}, fitted on {facts['n']:,} labels from {facts['window'][0]} to {facts['window'][1]}",
        f"models: {', '.join(facts['models']) or 'any'}; segments: {', '.join(facts['segments']) or 'none'}",
    ]
    if facts["problem"]:
        lines.append(f"not to be used: {facts['problem']}")
    elif facts["live"]:
        lines.append("the live policy uses it")
    else:
        lines.append("to use it: hitl policy find-threshold --calibrator newest --publish --reason …, or a policy with")
        lines.append(f'  [calibration.projects]\n  {project} = "{facts["key"]}"')
    return lines


def _reviewers(loop: Loop, project: str) -> list[str]:
    """Say how often reviewers err, where overlap shows it, and what makes certificates speak of errors."""
    seen = loop.calibration.reviewer_errors(project)
    if not (seen.missed_of and seen.false_alarms_of):
        return ["how often reviewers err is not known: no output, or none of both kinds, has several opinions"]
    bounds = [f"[{low:.4f}, {high:.4f}]" for low, high in (seen.missed_bounds, seen.false_alarm_bounds)]
    return [
        f"by overlap, first opinions missed {seen.missed:,} of {seen.missed_of:,} errors and called "
        f"{seen.false_alarms:,} of {seen.false_alarms_of:,} right answers wrong; a policy with these 95 % bounds makes "
        "certificates speak of errors:",
        f"  [labels]\n  missed = {bounds[0]}\n  false_alarm = {bounds[1]}",
    ]


def _facts(loop: Loop, fitted: FittedCalibrator | None, project: str) -> dict[str, Any]:
    live = loop.policy.calibration.artefact_of(project)
    if fitted is None:
        return {"key": None, "project": project, "live": not live}
    kept, origin = fitted.artefact, fitted.calibrator.origin
    inner = getattr(fitted.calibrator, "pooled", fitted.calibrator)
    window = (origin.window_start, origin.window_end) if origin else (None, None)
    return {
        "key": kept.key,
        "project": kept.project,
        "version": kept.version,
        "created_at": kept.created_at,
        "author": kept.author,
        "method": inner.method,
        "n": fitted.calibrator.n,
        "models": [str(each) for each in sorted(fitted.models, key=str)],
        "segments": sorted(getattr(fitted.calibrator, "segments", ())),
        "segment_by": list(fitted.segment_by),
        "window": [each.isoformat(timespec="minutes") if each else None for each in window],
        "log_loss": dict(inner.log_loss),
        "problem": loop.calibration.problem_of(fitted) or None,
        "live": live == kept.key,
    }


def _measures(before: CalibrationReport | None, after: CalibrationReport | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, report in (("raw", before), ("calibrated", after)):
        for each in report.measures if report else ():
            values = each.weighted
            told = {"value": values.value, "low": values.low, "high": values.high}
            told |= {"n": values.n, "effective_n": values.effective_n}
            found.setdefault(each.name, {"raw": None, "calibrated": None})[name] = told
    return found


def _cells(name: str, raw: dict[str, Any] | None, calibrated: dict[str, Any] | None) -> tuple[str, ...]:
    cells = [name]
    for each in (raw, calibrated):
        if each is None:
            cells += ["-", "-", "-"]
        else:
            cells += [f"{each['value']:.4f}", f"{each['low']:.4f} - {each['high']:.4f}", f"{each['n']:,}"]
    return tuple(cells)
