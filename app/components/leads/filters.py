"""What a lead looks at: a project, a period, and by what; kept in the address, so that a view can be sent to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from app.components.leads import address

PERIODS = {"7 days": "7d", "30 days": "30d", "90 days": "90d", "a year": "365d", "everything": None}
"""What is shown, and the period as `loop.reports` takes it."""
TIMES = ("day", "week", "month")
GROUPINGS = (*TIMES, "domain", "model", "policy version")


class View(NamedTuple):
    """What was chosen: the period as `loop.reports` takes it and in words, and what figures are grouped by."""

    project: str | None
    period: str | None
    name: str
    grouping: str

    @property
    def by(self) -> str:
        """Return the grouping as `loop.reports.metrics` takes it."""
        return self.grouping.replace(" ", "_")

    @property
    def over_time(self) -> bool:
        """Whether groups are stretches of time."""
        return self.grouping in TIMES


def choose(page: str, projects: Sequence[str], *, period: str = "90 days", grouped: bool = True) -> View:
    """Draw the filters of a page in one row; without `grouped` there is nothing to group by."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        project = address.choose("Project", projects, key=f"{page}.project", parameter="project")
        chosen = address.segments("Period", list(PERIODS), key=f"{page}.period", parameter="period", default=period)
        grouping = "week"
        if grouped:
            grouping = address.segments("By", GROUPINGS, key=f"{page}.by", parameter="by", default="week")
    return View(project or None, PERIODS[chosen], chosen, grouping)
