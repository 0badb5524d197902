"""Whether the certificates that a policy names cover what it does; what is not covered goes to a person.

Public: `Standing`, `standings`, `uncovered`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import Override, Selector, folded
from hitl_core.store.trust import artefacts

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hitl_core.calibration import ThresholdCertificate
    from hitl_core.store.trust.artefacts import Artefact

KIND = "threshold_certificate"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Standing(NamedTuple):
    """A certificate that an override names: until when it holds, or why it does not.

    `problem` is missing (there is none, or it cannot be read), void (the policy does what it does not cover) or empty.
    """

    key: str
    project: str = ""
    problem: str = ""
    detail: str = ""
    expires_at: datetime | None = None

    def trouble(self, now: datetime) -> str:
        """Return missing, void, expired, or nothing where it holds."""
        if self.problem or self.expires_at is None:
            return self.problem or "missing"
        return "expired" if now >= self.expires_at else ""


def standings(tx: sa.Connection, policy: Policy) -> Mapping[str, Standing]:
    """Return how each certificate that a policy's overrides name stands, by the reason the override gives."""
    named = [each for each in policy.overrides if each.certificate]
    if not named:
        return _NOTHING
    return {f"override:{each.when.describe()}": _standing(tx, policy, each) for each in named}


def read_certificate(stored: Artefact) -> ThresholdCertificate:
    """Return the statement that an artefact keeps.

    Raises:
        InputError: it cannot be read, or was changed.
    """
    from hitl_core.calibration import ThresholdCertificate

    return ThresholdCertificate.from_json(json.dumps(stored.body.get("certificate")))


def selector_of(project: str, where: Mapping[str, str]) -> Selector:
    """Return what an override for exactly this part of a project selects by."""
    return Selector.model_validate({"project": (project,)} | {key: (value,) for key, value in where.items()})


def same_selector(when: Selector) -> Mapping[str, Collection[str]]:
    """Return a selector in the form in which two of the same meaning are equal."""
    return {name: frozenset(map(folded, values)) for name, values in when.given().items()}


def uncovered(policy: Policy, override: Override, stored: Artefact, certificate: ThresholdCertificate) -> str:
    """Return what a policy does under an override that a certificate does not cover, empty where it covers it."""
    if same_selector(override.when) != same_selector(selector_of(stored.project, stored.body.get("where") or {})):
        return f"it is about other items than {override.when.describe()}"
    used = policy.calibration.artefact_of(stored.project)
    if used != certificate.calibrator:
        return f"it is about confidences {_made_by(certificate.calibrator)}, the policy's are {_made_by(used)}"
    floor = policy.effective_thresholds(override).auto_approve.floor()
    if floor not in (certificate.threshold, float("inf")):
        return f"it is about the threshold {certificate.threshold:g}, the policy's is {floor:g}"
    return ""


def _standing(tx: sa.Connection, policy: Policy, override: Override) -> Standing:
    stored = artefacts.load(tx, override.certificate)
    if stored is None or stored.kind != KIND:
        return Standing(override.certificate, problem="missing", detail="there is no certificate of this key")
    try:
        certificate = read_certificate(stored)
    except InputError as error:
        return Standing(stored.key, stored.project, "missing", str(error))
    detail = uncovered(policy, override, stored, certificate)
    return Standing(stored.key, stored.project, "void" if detail else "", detail, certificate.expires_at)


def _made_by(calibrator: str) -> str:
    return f"made by the calibrator {calibrator}" if calibrator else "as they came"
