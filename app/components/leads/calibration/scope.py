"""What a lead looks at on the Calibration page: project, part of it, period and whose confidences; in the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from app import wiring
from app.components.leads import address
from hitl_core.loop.trust.evidence import SEGMENT_KEYS, Scope

if TYPE_CHECKING:
    from hitl_core.loop.trust.calibrating import FittedCalibrator

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "a year": 365, "everything": None}
WHOSE = ("as it came", "recalibrated")
NAMES = {"domain": "Field", "label": "Label", "model": "Model"}


@dataclass(frozen=True)
class View:
    """What is looked at.

    Attributes:
        scope: the items.
        recalibrated: whether the confidences are to be those of a calibrator.
        fitted: that calibrator; None where there is none, or none is asked for.
        in_use: whether the live policy uses it, or uses none where none is asked for.
    """

    scope: Scope
    recalibrated: bool = False
    fitted: FittedCalibrator | None = field(default=None, compare=False)
    in_use: bool = True

    @property
    def calibrator(self) -> str:
        """Key of the calibrator; empty for confidences as they came."""
        return self.fitted.artefact.key if self.fitted else ""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells this view from others."""
        scope = self.scope
        times = tuple(each.isoformat() if each else "" for each in (scope.since, scope.until))
        return (scope.project, tuple(sorted(scope.where.items())), *times, self.calibrator)

    @property
    def name(self) -> str:
        """Return what the items are, in words that may come from anywhere."""
        return " / ".join((self.scope.project, *self.scope.where.values()))


def choose() -> View | None:
    """Draw the filters; None where there is no project yet."""
    loop = wiring.loop()
    projects = loop.projects()
    if not projects:
        return None
    live = loop.policy.calibration
    with st.container(horizontal=True, vertical_alignment="bottom"):
        project = address.choose(
            "Project",
            projects,
            key="calibration.project",
            parameter="project",
            default=projects[0],
            width=190,
        )
        parts = wiring.remembered(("calibration.parts", project), lambda: _parts(project), at_once=False)
        where = {name: _part(name, parts[name]) for name in SEGMENT_KEYS if parts[name]}
        period = address.segments(
            "Decided within", tuple(PERIODS), key="calibration.period", parameter="period", default="everything"
        )
        default = WHOSE[1] if live.artefact_of(project) else WHOSE[0]
        whose = address.segments(
            "Confidence", WHOSE, key="calibration.confidence", parameter="confidence", default=default
        )
    scope = Scope(project=project, where={name: value for name, value in where.items() if value}, since=_since(period))
    return _with_calibrator(scope, recalibrated=whose == WHOSE[1])


def _part(name: str, values: list[str]) -> str:
    return address.choose(NAMES[name], values, key=f"calibration.{name}", parameter=name, width=170)


def _parts(project: str) -> dict[str, list[str]]:
    """Return which fields, labels and models the labelled outputs of a project have."""
    rows = wiring.loop().audit.rows(project=project)
    return {
        name: sorted(each for each in rows[name].unique().to_list() if each and each.strip()) for name in SEGMENT_KEYS
    }


def _since(period: str) -> datetime | None:
    """Return the midnight (UTC) from which on decisions count: a whole day, so that what was reckoned is kept."""
    days = PERIODS[period]
    if days is None:
        return None
    now = wiring.loop().clock.now().astimezone(UTC)
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


def _with_calibrator(scope: Scope, *, recalibrated: bool) -> View:
    room = wiring.loop().calibration
    live = room.live_calibrator(scope.project)
    if not recalibrated:
        return View(scope, in_use=live is None)
    newest = room.calibrators(scope.project)
    fitted = newest[0] if newest else None
    same = fitted is not None and live is not None and fitted.artefact.key == live.artefact.key
    return View(scope, recalibrated=True, fitted=fitted, in_use=same)
