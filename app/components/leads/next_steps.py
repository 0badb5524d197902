"""What a lead should do about the figures of the last 30 days: each step says why, with n and interval, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import wiring
from app.components.leads import wording
from app.components.leads.cost import answers
from app.components.safe_html import esc, link
from hitl_core import Loop
from hitl_core.loop.instruments import ended
from hitl_core.reports.definitions import BY_NAME

if TYPE_CHECKING:
    from hitl_core.loop.trust.finding import StoredCertificate
    from hitl_core.reports.spending import CostReport

PERIOD = "30d"
FEWEST_LABELS = 200
"""From so many labels on it is worth looking for a threshold with a guarantee."""
WATCHED = {
    "human_review_rate": "Review load",
    "correction_rate": "Review load",
    "sla_compliance": "Times",
    "review_seconds_median": "Times",
    "escaped_error_rate": "Quality",
    "calibration_error": "Quality",
}
"""Figures that are held against their targets, and the sheet of Trends they stand on."""
_ENDED = ("void", "expired", "changed")


def steps(project: str | None, reviewer: str | None) -> list[str]:
    """Return the steps as HTML, most urgent first; a minute old at most."""
    return _steps(wiring.options(), project, reviewer)


@st.cache_data(ttl=60, show_spinner=False, max_entries=64)
def _steps(_given: wiring.Options, project: str | None, reviewer: str | None) -> list[str]:
    loop = wiring.loop()
    rows = {row["metric"]: row for row in loop.reports.metrics(PERIOD, project=project).iter_rows(named=True)}
    report = loop.reports.cost(None, PERIOD, project=project)
    certificates = loop.calibration.certificates(project)
    given = {"project": project, "reviewer": reviewer}
    return [
        *of_certificates(certificates, given),
        *of_calibrators(loop, project, given),
        *of_figures(rows, given),
        *of_labels(report, certificates, given),
        *of_costs(report, given),
    ]


def of_figures(rows: Mapping[str, Mapping[str, Any]], given: Mapping[str, str | None]) -> list[str]:
    """Name the figures whose whole interval lies on the wrong side of their target."""
    found = []
    for name, sheet in WATCHED.items():
        row = rows.get(name)
        if row is None or wording.standing(row) != "missed":
            continue
        definition = BY_NAME[name]
        text = (
            f"<b>{esc(definition.title)}: {wording.said(name, row['value'])}</b>, target {wording.target(definition)} "
            f"(95 % interval {wording.interval(row)}, n = {int(row['n']):,}, last 30 days). "
        )
        found.append(text + link("trends", {"sheet": sheet, **given}, "See since when and where"))
    return found


def of_certificates(certificates: Sequence[StoredCertificate], given: Mapping[str, str | None]) -> list[str]:
    """Name the certificates that the live policy rests on and that do not hold any more."""
    ended = [each for each in certificates if each.state in _ENDED]
    return [
        f"<b>The certificate of {esc(_about(each))} is {esc(each.state)}.</b> {esc(each.detail[:300])} "
        + link("calibration", {**given, "project": each.project}, "Find its threshold again")
        for each in ended[:3]
    ]


def of_calibrators(loop: Loop, project: str | None, given: Mapping[str, str | None]) -> list[str]:
    """Name the projects whose calibrator may not be used any more, so that their items go to people."""
    live, now, found = loop.policies.live(), loop.clock.now(), {}
    for name in loop.projects() if project is None else [project]:
        instrument = live.instruments.calibrator_for(name)
        if why := ended(instrument, now, live.policy.calibration.max_age_days):
            found[name] = why
    return [
        f"<b>The calibrator of {esc(name[:80])} is not used any more, its items go to people.</b> {esc(why[:300])}. "
        + link("calibration", {**given, "project": name}, "Fit it again")
        for name, why in list(found.items())[:3]
    ]


def of_labels(
    report: CostReport, certificates: Sequence[StoredCertificate], given: Mapping[str, str | None]
) -> list[str]:
    """Say that there are labels enough for a threshold with a guarantee, where none is in force."""
    if report.labels < FEWEST_LABELS or any(each.state == "in force" for each in certificates):
        return []
    enough = f"<b>{report.labels:,} labelled outputs of the last 30 days are enough to look for a threshold</b>"
    text = f"{enough}; none is certified. "
    return [text + link("calibration", given, "Find a threshold with a guarantee")]


def of_costs(report: CostReport, given: Mapping[str, str | None]) -> list[str]:
    """Say that the live threshold is dear, where it lies outside the interval of the cheapest."""
    curve, live = report.curve, report.live_threshold
    if curve is None or live is None:
        return []
    here = answers.point_at(curve, live)
    if curve.best_low <= here.threshold <= curve.best_high:
        return []
    more = answers.dearer(here, curve.best)
    best = "reviewing everything" if curve.best.threshold > 1 else f"{curve.best.threshold:.3f}"
    text = (
        f"<b>The live threshold {live:g} is not the cheapest, {best}</b> (95 % interval {answers.upto(curve.best_low)} "
        f"to {answers.upto(curve.best_high)}): {more}; n = {curve.n:,} labelled outputs, at the policy's prices. "
    )
    return [text + link("cost", given, "See what thresholds cost")]


def _about(each: StoredCertificate) -> str:
    where = ", ".join(f"{name} {value}" for name, value in each.where.items())
    return f"{each.project}: {where}"[:120] if where else each.project[:120]
