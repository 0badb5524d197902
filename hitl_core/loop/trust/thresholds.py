"""The policy that uses certified thresholds, and what a certificate's items are under a policy.

Public: `with_thresholds`, `certified_now`, `digest_of`, `population`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import Override, Selector
from hitl_core.domain.records import canonical_json
from hitl_core.domain.thresholds import Bound, ThresholdChanges
from hitl_core.loop.standing import Standing, same_selector
from hitl_core.loop.trust.evidence import Scope
from hitl_core.loop.trust.finding import SegmentFinding


def with_thresholds(policy: Policy, parts: Sequence[SegmentFinding], calibrator: str) -> Policy:
    """Return a policy in which each part's override has its threshold, and the project the calibrator.

    A part without a certificate lets nothing out by itself. What an override says besides is kept.

    Raises:
        InputError: a threshold does not go with the policy's others.
    """
    overrides = policy.overrides
    for part in parts:
        overrides = _replaced(overrides, _override(policy, part))
    project = parts[0].scope.project
    calibration = policy.calibration
    if calibration.artefact_of(project) != calibrator:
        calibration = calibration.model_copy(update={"projects": {**calibration.projects, project: calibrator}})
    return policy.model_copy(update={"overrides": overrides, "calibration": calibration})


def certified_now(
    policy: Policy, standings: Mapping[str, Standing], scope: Scope, calibrator: str, now: datetime
) -> float | None:
    """Return the threshold that a valid certificate covers for exactly this scope and calibrator, None without one."""
    mine = _mine(policy.overrides, scope.selector())
    standing = standings.get(f"override:{mine.when.describe()}") if mine else None
    if mine is None or standing is None or standing.trouble(now):
        return None
    used = policy.calibration.artefact_of(scope.project)
    return policy.effective_thresholds(mine).auto_approve.value if used == calibrator else None


def digest_of(policy: Policy) -> str:
    """Return the digest of a policy but for its breakers, which the monitor trips at any time."""
    return policy.model_copy(update={"breakers": ()}).digest()


def population(policy: Policy, when: Selector) -> str:
    """Return a digest of what decides which items an override's threshold is asked about.

    That is the rules that name a route, and the more telling overrides that may take items away.
    """
    rules = [rule.model_dump(mode="json") for rule in policy.effective_rules() if rule.route is not None]
    taking = [each.when for each in policy.overrides if _takes(each.when, when)]
    others = sorted(canonical_json({key: sorted(each) for key, each in same_selector(when).items()}) for when in taking)
    return hashlib.sha256(canonical_json({"rules": rules, "overrides": others}).encode()).hexdigest()


def _takes(other: Selector, mine: Selector) -> bool:
    ours, theirs = same_selector(mine), same_selector(other)
    apart = any(set(ours[key]).isdisjoint(theirs[key]) for key in ours.keys() & theirs.keys())
    return not apart and other.specificity() >= mine.specificity() and ours != theirs


def _override(policy: Policy, part: SegmentFinding) -> Override:
    when = part.scope.selector()
    before = _mine(policy.overrides, when)
    certificate = part.certificate
    if policy.effective_thresholds(before).auto_reject_above.value is not None:
        raise InputError(
            f"{part.scope.name}: a high confidence holds outputs back there (auto_reject_above), so no threshold lets "
            "them out"
        )
    bounds = _bounds(policy, before, None if certificate is None else certificate.threshold)
    kept = before.thresholds if before and before.thresholds else ThresholdChanges()
    try:
        made = Override(
            when=before.when if before else when,
            certificate=part.key if certificate is not None else "",
            thresholds=kept.model_copy(update=bounds),
            audit_rate=before.audit_rate if before else None,
        )
        policy.effective_thresholds(made)
    except ValueError as error:
        raise InputError(f"{part.scope.name}: the threshold found does not go with the policy: {error}") from None
    return made


def _bounds(policy: Policy, before: Override | None, threshold: float | None) -> dict[str, Bound]:
    """Return the new threshold, and the tiers below it pulled down where they would stand above."""
    bounds = {"auto_approve": Bound(value=threshold)}
    if threshold is None:
        return bounds
    held = policy.effective_thresholds(before)
    for name in ("async_review", "sync_review"):
        value = getattr(held, name).value
        if value is not None and value >= threshold:
            bounds[name] = Bound(value=threshold)
        elif before is not None and before.threshold is not None:
            bounds[name] = getattr(held, name)
    return bounds


def _replaced(overrides: tuple[Override, ...], made: Override) -> tuple[Override, ...]:
    """Put an override in the place of the last one that selects the same; else at the end."""
    mine = same_selector(made.when)
    kept = tuple(each for each in overrides if same_selector(each.when) != mine)
    return (*kept, made)


def _mine(overrides: Sequence[Override], when: Selector) -> Override | None:
    mine = same_selector(when)
    return next((each for each in reversed(overrides) if same_selector(each.when) == mine), None)
