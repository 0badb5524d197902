"""`hitl policy find-threshold` and `hitl policy certificate`: thresholds with a guarantee."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli.context import opened_loop, print_json
from hitl_core.cli.trust.asking import AsJson, Project, Since, calibrator_of, scope_of, working
from hitl_core.domain.errors import InputError

if TYPE_CHECKING:
    from hitl_core.calibration import DeltaLedger
    from hitl_core.loop.trust.finding import Finding, SegmentFinding, StoredCertificate

NOTHING = 1


def register(app: typer.Typer) -> None:
    """Add the commands to `hitl policy`."""
    app.command("find-threshold")(find_threshold)
    app.command("certificate")(certificate)


def find_threshold(
    target: Annotated[float, typer.Option(help="Largest acceptable share of wrong outputs, such as 0.05.")] = 0.05,
    confidence: Annotated[float, typer.Option(help="With which the statement holds, such as 0.95.")] = 0.95,
    project: Project = "default",
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    label: Annotated[str | None, typer.Option(help="Only this label.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="A threshold for each domain, label or model; may be repeated.")
    ] = None,
    calibrator: Annotated[str, typer.Option(help="live, newest, none (as they came), or a key.")] = "live",
    since: Since = None,
    publish: Annotated[bool, typer.Option("--publish", help="Make it live with its certificate.")] = False,
    reason: Annotated[str, typer.Option(help="Why it changes; needed with --publish.", show_default=False)] = "",
    as_json: AsJson = False,
) -> None:
    """Find the lowest confidence from which on outputs may go by themselves, with a guarantee.

    Example: hitl policy find-threshold --target 0.05 --confidence 0.95 --publish --reason "enough labels now"

    Exit code: 0 something was certified, 1 nothing was (the answer says how many labels are missing), 2 bad input.
    JSON: target_error, confidence, project, calibrator (null: as they came), version (null unless published), summary,
    ledger (total, spent, left), segments: segment, where, threshold (null: none), bound, n, errors, effective_n,
    labels, coverage, labels_needed, method, claim, delta, refused (null: not), forced, unanswered, window, certificate.
    """
    if publish != bool(reason.strip()):
        raise InputError("--publish and --reason go together: say why the threshold changes")
    with opened_loop() as loop:
        scope = scope_of(loop, project, since, domain=domain, label=label, model=model)
        fitted = calibrator_of(loop, project, calibrator)
        with working("testing thresholds"):
            found = loop.calibration.find(scope, target, confidence, fitted, by=tuple(by or ()))
        version = loop.calibration.publish(found, reason).version if publish and found.certificate else None
        ledger = loop.calibration.ledger(project)
    if as_json:
        print_json(_facts(found, ledger, version))
    else:
        for line in (*found.summary, *([f"version {version} is live"] if version else [])):
            print(line)
    if found.certificate is None:
        raise typer.Exit(NOTHING)


def certificate(
    version: Annotated[
        int | None, typer.Argument(help="A policy version; default the live one.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the certificates that a policy version's thresholds rest on.

    Example: hitl policy certificate 3

    Exit code: 0 there is one, 1 there is none. JSON: a list of key, project, author, reason, policy_version, where,
    state (in force, changed, unused, expired, void), detail, issued_at, certificate (the statement as it is stored).
    """
    with opened_loop() as loop:
        number = loop.policies.live().version if version is None else version
        kept = loop.calibration.certificates_of(number)
    if as_json:
        print_json([each.mapping() for each in kept])
    elif not kept:
        print(f"policy version {number} names no certificate: its thresholds carry no guarantee")
    else:
        print("\n\n".join(_text(each) for each in kept))
    if not kept:
        raise typer.Exit(NOTHING)


def _text(kept: StoredCertificate) -> str:
    state = kept.state + (f": {kept.detail}" if kept.detail else "")
    lines = [
        kept.certificate.text(),
        f"Published    as policy version {kept.policy_version} by {kept.author}: {kept.reason}",
        f"State        {state}",
    ]
    return "\n".join(lines)


def _facts(found: Finding, ledger: DeltaLedger, version: int | None) -> dict[str, Any]:
    return {
        "target_error": found.target_error,
        "confidence": found.confidence,
        "project": found.scope.project,
        "calibrator": found.calibrator or None,
        "version": version,
        "summary": list(found.summary),
        "ledger": {name: round(getattr(ledger, name), 12) for name in ("total", "spent", "left")},
        "segments": [_segment(part) for part in found.parts],
    }


def _segment(part: SegmentFinding) -> dict[str, Any]:
    names = ("threshold", "bound", "n", "errors", "effective_n", "labels", "coverage", "labels_needed", "method")
    told = {name: getattr(part.result, name) for name in (*names, "claim", "delta")}
    seen = part.evidence
    return (
        {"segment": part.scope.name, "where": dict(part.scope.where)}
        | told
        | {
            "refused": part.refused or None,
            "forced": seen.forced,
            "unanswered": seen.estimate.unanswered,
            "window": [seen.start, seen.end],
            "certificate": json.loads(part.certificate.to_json()) if part.certificate else None,
        }
    )
