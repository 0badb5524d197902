"""What a finding means, in sentences that a lead can read out.

Public: `summarize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hitl_core.domain.policy import Policy
from hitl_core.loop.trust.finding import SegmentFinding

if TYPE_CHECKING:
    from hitl_core.calibration import DeltaLedger


def summarize(parts: Sequence[SegmentFinding], policy: Policy, ledger: DeltaLedger, calibrator: str) -> tuple[str, ...]:
    """Return the finding in sentences: each part's, then what it costs and what else changes."""
    said = [_part(part) for part in parts]
    if forced := sum(part.evidence.forced for part in parts):
        said.append(f"{forced:,} labels are left out: a rule, and no threshold, sent their items to a person.")
    certified = [part for part in parts if part.certificate is not None]
    if not certified:
        return tuple(said)
    if len(certified) < len(parts):
        said.append("Published, segments without a certificate let nothing out by themselves.")
    if certified[0].result.claim != "error":
        said.append(
            "How often reviewers err is not known (labels.missed, labels.false_alarm), so the statement is about "
            "disagreement with reviewers, not about error."
        )
    spends = sum(part.result.delta for part in certified)
    said.append(
        f"Publishing takes {spends:.4g} of delta; {ledger.left:.4g} of {ledger.total:g} is left for a year's "
        "certificates."
    )
    return (*said, *_others(certified, policy, calibrator))


def _part(part: SegmentFinding) -> str:
    result, name = part.result, part.scope.name
    if part.refused:
        needed = f"; {result.labels_needed:,} are needed at least" if result.labels_needed else ""
        return f"{name}: no certificate: {part.refused}{needed}."
    if result.method == "ramp ended":
        return f"{name}: the ramp is at its end; there is no looser step to test."
    if result.threshold is None or result.bound is None:
        return (
            f"{name}: nothing can be certified at {result.target_error:.2%} with {1 - result.delta:.1%} confidence "
            f"from {result.labels:,} labels; about {result.labels_needed:,} more are needed; until then all goes to "
            "review."
        )
    what = "wrong" if result.claim == "error" else "in disagreement with reviewers"
    return (
        f"{name}: outputs with a confidence of {result.threshold:g} or more are {what} at most "
        f"{result.target_error:.2%} of the time, with {1 - result.delta:.1%} confidence, from {result.labels:,} labels "
        f"({result.errors:,} of {result.n:,} wrong at or above it, bound {result.bound:.2%}); about "
        f"{result.coverage:.0%} of the items go out by themselves."
    )


def _others(certified: Sequence[SegmentFinding], policy: Policy, calibrator: str) -> list[str]:
    """Name what else changes: another calibrator also moves every other threshold of the project."""
    project = certified[0].scope.project
    if policy.calibration.artefact_of(project) == calibrator:
        return []
    made = f"the calibrator {calibrator} makes" if calibrator else "the items bring"
    told = [f"All of {project} is then routed by the confidences that {made}; its other thresholds stay as they are."]
    mine = {part.scope.selector().describe() for part in certified}
    void = [each.when.describe() for each in policy.overrides if each.certificate and _of(each.when.project, project)]
    if void := [name for name in void if name not in mine]:
        told.append(f"Certificates about other confidences become void, their items go to review: {'; '.join(void)}.")
    return told


def _of(projects: Sequence[str], project: str) -> bool:
    return project.casefold() in {each.strip().casefold() for each in projects}
