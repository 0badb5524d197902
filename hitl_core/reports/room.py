"""`loop.reports`: the leads' figures of a period, from frames of facts that are kept beside the database.

Nothing is read before the first question. Figures are kept until a new row comes, so that asking again is quick.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_core.domain.clock import Clock
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.periods import Period, Window, window
from hitl_core.reports.standing import Standing
from hitl_core.store import policies
from hitl_core.store.engine import Store
from hitl_core.store.frames.cache import FrameCache
from hitl_core.store.judging import ledger
from hitl_core.store.reading import turns as stored

if TYPE_CHECKING:
    import polars as pl

    from hitl_core.reports.cost import CostCurve
    from hitl_core.reports.spending import CostReport
    from hitl_core.reports.staffing import Staffing
    from hitl_core.reports.whatif.asking import Given, VersionOf
    from hitl_core.reports.whatif.result import WhatIf

LONG_DAYS = 400
_Curve = tuple[int, "CostCurve | None", float | None]


class Reports:
    """The figures of a period, their trends, costs, and what another policy would have done.

    A `period` is `30d`, `12h`, `2w`, a timedelta up to now, (since, until), or None for everything. `project` and
    `only`, a mapping such as `{"domain": "legal", "model": "m1"}`, choose rows.

    Args:
        store: the database.
        folder: where the frames are kept; deleting it costs one reading of the tables.
        clock: tells the present.
        policy: returns the live policy.
        version_of: returns a published policy and the key of its audit coin.
    """

    def __init__(
        self, store: Store, folder: Path, clock: Clock, *, policy: Callable[[], Policy], version_of: VersionOf
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._version_of = version_of
        self._cache = FrameCache(store, folder)
        self._lock = threading.Lock()
        self._standing: Standing | None = None

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the frames (decisions, reviews) as they are now; the columns are in `store/frames/facts.py`."""
        return self._cache.frames()

    def metrics(
        self,
        period: Period = "30d",
        *,
        by: str | None = None,
        project: str | None = None,
        only: Mapping[str, str | int] | None = None,
        level: float = 0.95,
    ) -> pl.DataFrame:
        """Return all figures of a period; `definitions.BY_NAME` says what each means and aims at.

        Args:
            period: see the class.
            by: None, or day, week, month, quarter, domain, model, label, project, policy_version, reviewer.
            project: only this project.
            only: only rows with these values.
            level: of the intervals.

        Returns:
            Columns group, metric, value, low, high, n, numerator, denominator; a figure without rows is left out.

        Raises:
            InputError: the period, `by` or a key of `only` is not known.
        """
        from hitl_core.reports.metrics import compute_figures

        span, standing = window(period, self._clock.now()), self.standing()
        chosen = _chosen(project, only)
        key = ("metrics", span, by, tuple(sorted(chosen.items())), level)
        return standing.kept(
            key, lambda: compute_figures(standing.facts, span.since, span.until, by=by, only=chosen, level=level)
        )

    def changes(self, period: Period = "30d", *, project: str | None = None) -> pl.DataFrame:
        """Return what changed in a period: policies, models, prompts, calibrators, and shares that moved for good.

        Args:
            period: see the class.
            project: only this project; policies hold for all.

        Returns:
            Columns at, kind (policy, model, prompt, calibrator, scorer, change), name, detail; oldest first. A `change`
            is a change-point of a share (`turns.WATCHED`) between days, in more than `LONG_DAYS` between weeks; its
            detail has both levels with interval and n, and the rate of false alarms.
        """
        from hitl_core.reports import turns
        from hitl_core.reports.metrics import chosen_rows

        span, standing = window(period, self._clock.now()), self.standing()
        by = "week" if standing.days(span) > LONG_DAYS else "day"
        figures = self.metrics(_as_period(span), by=by, project=project)
        moved = standing.kept(("moved", span, project), lambda: turns.moved_turns(figures))
        of_project = _chosen(project, None)

        def models_of_outputs() -> list[turns.Turn]:
            return turns.model_turns(chosen_rows(standing.facts.held, None, None, of_project, turns.OF_MODELS))

        models = standing.kept(("models", project), models_of_outputs)
        with self._store.read() as tx:
            published = turns.policy_turns(policies.history(tx))
            judges = turns.judge_turns(stored.ways_of_asking(tx, project))
            fitted = turns.fit_turns(stored.fits(tx, project))
        return turns.as_frame([*published, *models, *judges, *fitted, *moved], span)

    def cost(
        self,
        prices: Prices | None = None,
        period: Period = "30d",
        *,
        project: str | None = None,
        within: float = 0.95,
        target_seconds: float | None = None,
    ) -> CostReport:
        """Return what a period cost, what each threshold would have cost, and the people it takes.

        Args:
            prices: what things cost; default the live policy's.
            period: see the class.
            project: only this project.
            within: share of outputs that somebody should take in time.
            target_seconds: until when; default a tenth of the policy's medium SLA.
        """
        from hitl_core.reports.spending import CostReport, saving

        policy, span = self._policy(), window(period, self._clock.now())
        standing = self.standing()
        figures = {row["metric"]: row for row in self.metrics(_as_period(span), project=project).iter_rows(named=True)}
        seconds = _mean_seconds(standing, span, project)
        reckoned = (prices or policy.cost).with_measured(None if seconds is None else seconds / 60)
        labels, curve, steady = self._curve(standing, span, project, reckoned)
        per_hour = self._per_hour(standing, figures, span)
        wait = policy.sla.medium_hours * 360 if target_seconds is None else target_seconds
        with self._store.read() as tx:
            spent = ledger.spent(tx, since=span.since, until=span.until, project=project)
        return CostReport(
            prices=reckoned,
            outputs=_count(figures, "outputs"),
            reviews=_count(figures, "approval_rate"),
            labels=labels,
            curve=curve,
            live_threshold=policy.effective_thresholds().auto_approve.value,
            saved=saving(figures, reckoned),
            review_seconds=seconds,
            per_hour=per_hour,
            staffing=_staffing(per_hour, seconds, wait, within),
            judge_calls=spent.calls,
            judge_usd=float(spent.cost_usd),
            judge_unknown=spent.unknown,
            steady=steady,
        )

    def what_if(
        self,
        policy: Given,
        period: Period = "30d",
        *,
        project: str | None = None,
        prices: Prices | None = None,
        most_items: int = 200,
        level: float = 0.95,
    ) -> WhatIf:
        """Return what another policy would have done with the outputs of a period, by their recorded decisions.

        Args:
            policy: the other policy, its file, or the number of a published version.
            period: see the class; decisions count by their own time.
            project: only this project.
            prices: what things cost; default the live policy's.
            most_items: list at most so many of the outputs that move; all are counted.
            level: of the intervals.

        Raises:
            PolicyError: the file cannot be used. NotFoundError: the version was never published.
            InputError: the period, `most_items` or `level` cannot be used.
        """
        from hitl_core.reports.metrics import chosen_rows
        from hitl_core.reports.whatif.asking import ask
        from hitl_core.reports.whatif.replaying import OF_LABELS

        return ask(
            self._store,
            lambda: chosen_rows(self.standing().facts.labelled, None, None, {}, OF_LABELS),
            self._version_of,
            policy,
            window(period, self._clock.now()),
            project=project,
            prices=prices or self._policy().cost,
            most_items=most_items,
            level=level,
        )

    def standing(self) -> Standing:
        """Return the facts that figures are made of, made once for each state of the tables."""
        from hitl_core.reports.metrics import prepare

        decisions, reviews = self._cache.frames()
        cosmetic = self._policy().labels.cosmetic_reasons
        state = (decisions.height, reviews.height, cosmetic)  # rows are only ever added
        with self._lock:
            if self._standing is None or self._standing.state != state:
                self._standing = Standing(state, prepare(decisions, reviews, cosmetic))
            return self._standing

    def _curve(self, standing: Standing, span: Window, project: str | None, prices: Prices) -> _Curve:
        from hitl_core.reports.choosing import choose_steadily
        from hitl_core.reports.cost import cost_curve
        from hitl_core.reports.spending import FEWEST_LABELS

        rows = standing.kept(("labels", span, project), lambda: self._threshold_rows(standing, span, project))
        if rows.height < FEWEST_LABELS:
            return rows.height, None, None
        confidence, right, weights = (rows[name].to_numpy() for name in ("confidence", "right", "w"))

        def reckon() -> tuple[CostCurve, float]:
            curve = cost_curve(confidence, right, prices=prices, weights=weights)
            return curve, choose_steadily(confidence, right, prices=prices, weights=weights)

        return rows.height, *standing.kept(("curve", span, project, prices), reckon)

    def _threshold_rows(self, standing: Standing, span: Window, project: str | None) -> pl.DataFrame:
        from hitl_core.reports.metrics import chosen_rows
        from hitl_core.reports.spending import OF_THRESHOLDS, threshold_rows

        labelled = chosen_rows(standing.facts.labelled, span.since, span.until, _chosen(project, None), OF_THRESHOLDS)
        return threshold_rows(labelled, self._forcing(labelled["policy_version"].unique().to_list()))

    def _forcing(self, versions: list[int]) -> dict[int, frozenset[str]]:
        """Return the ids of the rules that name a route, by policy version."""
        found = {}
        with self._store.read() as tx:
            for version in versions:
                stored = policies.load(tx, version)
                rules = Policy.from_mapping(stored.body).effective_rules() if stored else ()
                found[version] = frozenset(rule.id for rule in rules if rule.route is not None)
        return found

    def _per_hour(self, standing: Standing, figures: Mapping[str, Any], span: Window) -> float:
        first, now = standing.first(), self._clock.now()
        if "human_review_rate" not in figures or first is None:
            return 0.0
        began = first if span.since is None else max(span.since, first)
        hours = max((min(span.until or now, now) - began) / timedelta(hours=1), 1.0)
        return float(figures["human_review_rate"]["numerator"]) / hours


def _chosen(project: str | None, only: Mapping[str, str | int] | None) -> dict[str, str | int]:
    return dict(only or {}) | ({} if project is None else {"project": project})


def _mean_seconds(standing: Standing, span: Window, project: str | None) -> float | None:
    from hitl_core.reports.metrics import chosen_rows

    def mean() -> float | None:
        of_project, wanted = _chosen(project, None), ("active_seconds",)
        given = chosen_rows(standing.facts.given, span.since, span.until, of_project, wanted)
        seconds = given["active_seconds"].drop_nulls().to_numpy()
        return float(seconds.mean(dtype=float)) if seconds.size else None

    return standing.kept(("seconds", span, project), mean)


def _as_period(span: Window) -> Period:
    return (span.since, span.until)


def _count(figures: Mapping[str, Any], name: str) -> int:
    return int(figures[name]["n"]) if name in figures else 0


def _staffing(per_hour: float, seconds: float | None, wait: float, within: float) -> Staffing | None:
    from hitl_core.reports.staffing import staffing

    if not seconds:
        return None
    return staffing(per_hour=per_hour, review_seconds=seconds, target_seconds=wait, within=within)
