"""`loop.raters`: who agrees with whom, people and judges alike, and who is right.

The frames come from the cache beside the database; a report is kept until a new opinion comes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_core.domain.clock import Clock
from hitl_core.domain.policy import Policy
from hitl_core.reports.periods import Period, Window, window
from hitl_core.reports.room import Reports
from hitl_core.store.engine import Store
from hitl_core.store.frames.cache import FrameCache
from hitl_core.store.frames.raters import VERDICTS, reviewed_items

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.reports.raters.report import AgreementReport

KEPT = 32
_NAMED = ("pairs", "raters")


class RaterRoom:
    """Agreement of raters, and what each of them is worth.

    Args:
        store: the database.
        folder: where frames are kept; may be that of `reports`.
        clock: tells the present.
        reports: gives the frame of reviews.
        policy: returns the live policy.
    """

    def __init__(
        self, store: Store, folder: Path, clock: Clock, reports: Reports, *, policy: Callable[[], Policy]
    ) -> None:
        self._store = store
        self._cache = FrameCache(store, folder)
        self._clock = clock
        self._reports = reports
        self._policy = policy
        self._lock = threading.Lock()
        self._version: Any = None
        self._frame: Any = None
        self._answers: dict[Any, AgreementReport] = {}

    def frame(self) -> pl.DataFrame:
        """Return every opinion of people and judges that stands; columns as `reports.raters.opinions.rater_frame`."""
        from hitl_core.reports.labels import opinions
        from hitl_core.reports.raters.opinions import rater_frame

        policy = self._policy()
        _, reviews = self._reports.frames()
        said = self._cache.frame(VERDICTS)
        version = (reviews.height, said.height, policy.labels.cosmetic_reasons, policy.overlap.hide_names)
        with self._lock:
            if version != self._version:
                self._frame = rater_frame(opinions(reviews, policy.labels.cosmetic_reasons), said)
                self._answers.clear()
                self._version = version
            return self._frame  # type: ignore[no-any-return]

    def report(
        self,
        period: Period = "90d",
        *,
        project: str | None = None,
        domain: str | None = None,
        with_judges: bool = False,
    ) -> AgreementReport:
        """Return agreement, raters and disputes of a period.

        Args:
            period: `30d`, `12h`, `2w`, a timedelta up to now, (since, until), or None for everything; by the time at
                which opinions were given.
            project: only this project.
            domain: only this domain.
            with_judges: whether alpha over time and by domain hears judges too.

        Returns:
            AgreementReport: `disputed` names items by project and item_id. Where the policy hides names, people are
            called Reviewer 1, 2, …

        Raises:
            InputError: the period is not one.
        """
        from hitl_core.reports.raters.report import agreement_report

        span, frame = window(period, self._clock.now()), self.frame()
        key = (span, project, domain, with_judges)
        with self._lock:
            if key in self._answers:
                return self._answers[key]
        made = agreement_report(_chosen(frame, span, project, domain), with_judges=with_judges)
        found = self._shown(made)
        with self._lock:
            if len(self._answers) >= KEPT:
                self._answers.clear()
            self._answers[key] = found
        return found

    def domains(self, project: str | None = None) -> list[str]:
        """Return the domains in which anybody gave an opinion."""
        frame = _chosen(self.frame(), Window(), project, None)
        return sorted(str(name) for name in frame["domain"].drop_nulls().unique().to_list())

    def _shown(self, report: AgreementReport) -> AgreementReport:
        from dataclasses import replace

        changes: dict[str, Any] = {"disputed": self._with_ids(report.disputed)}
        if self._policy().overlap.hide_names:
            changes |= {name: _numbered(getattr(report, name), report.raters) for name in _NAMED}
        return replace(report, **changes)

    def _with_ids(self, rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        keys = rows.select("made_ms", "review").drop_nulls().iter_rows()
        names = reviewed_items(self._store, keys)
        known = [names.get(low, ("", "")) for low in rows["review"].to_list()]
        ids = pl.DataFrame(known, schema={"project": pl.String, "item_id": pl.String}, orient="row")
        return pl.concat([ids, rows.drop("task_id", "review", "made_ms")], how="horizontal")


def _chosen(frame: pl.DataFrame, span: Window, project: str | None, domain: str | None) -> pl.DataFrame:
    import polars as pl

    wanted = [pl.col(name) == value for name, value in (("project", project), ("domain", domain)) if value is not None]
    if span.since is not None:
        wanted.append(pl.col("created_at") >= span.since)
    if span.until is not None:
        wanted.append(pl.col("created_at") < span.until)
    return frame.filter(wanted) if wanted else frame


def _numbered(rows: pl.DataFrame, raters: pl.DataFrame) -> pl.DataFrame:
    """Name people by numbers, in an order that tells nothing."""
    import polars as pl

    people = raters.filter(pl.col("rater_kind") == "person")["rater_id"].to_list()
    people.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    numbers = {name: f"Reviewer {number}" for number, name in enumerate(people, 1)}
    columns = [name for name in ("rater_id", "rater_a", "rater_b") if name in rows.columns]
    named = rows.with_columns(pl.col(columns).replace(numbers))
    return named.sort(columns) if len(columns) == 2 else named
