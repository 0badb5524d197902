"""loop.reports says what a count over the tables says, on both databases, after every change, from every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from hitl_core import Decision, InputError, Loop, Policy, Review
from hitl_core.domain.clock import ManualClock
from hitl_core.store.tables import decisions, items, reviews
from hitl_core.store.trust.labelled import labelled_frame

Submit = Callable[..., Decision]
AUDITS = {"name": "audited", "audit": {"rate": 0.5}}
VERDICTS: tuple[dict[str, Any], ...] = (
    {"verdict": "approve"},
    {"verdict": "edit", "output": "better", "reasons": ["wrong_fact"]},
    {"verdict": "edit", "output": "nicer", "reasons": ["style"]},
    {"verdict": "reject", "reasons": ["unsafe"]},
)


def work_through(loop: Loop, clock: ManualClock, start: int = 0, count: int = 24) -> None:
    """Submit outputs of all kinds, review most of them, and take every fifth review back."""
    for number in range(start, start + count):
        clock.advance(hours=7)
        loop.submit(
            {
                "id": f"i{number}", "query": f"q {number}", "output": f"o {number}", "model": f"m{number // 12}",
                "confidence": (0.99, 0.85, 0.7, 0.3)[number % 4], "domain": ("legal", None)[number % 2],
                "project": ("default", "other")[number % 3 == 0],
            }
        )  # fmt: skip
        clock.advance(minutes=5)
        task = loop.queue.claim("ana")
        if task is not None and number % 7:
            loop.queue.complete(task.token, Review(**VERDICTS[number % 4], active_seconds=float(number)))
            if number % 5 == 0:
                loop.queue.undo("ana")


@pytest.fixture
def worked(loop: Loop, clock: ManualClock) -> Loop:
    loop.publish(Policy.from_mapping(AUDITS), reason="half of what goes out is looked at")
    work_through(loop, clock)
    return loop


def counted(loop: Loop, project: str | None = None) -> dict[str, float]:
    """Count from SQL, row by row."""
    mine = sa.true() if project is None else items.c.project == project
    with loop.store.read() as tx:
        decided = tx.execute(
            sa.select(decisions.c.key, decisions.c.supersedes, decisions.c.route).join(items).where(mine)
        ).all()
        given = tx.execute(sa.select(reviews).join(items, items.c.key == reviews.c.item_key).where(mine)).all()
        labels = labelled_frame(tx, now=loop.clock.now(), project=project).filter(pl.col("correct").is_not_null())
    gone = {row.supersedes for row in decided}
    routes = [row.route for row in decided if row.key not in gone]
    undone = {row.supersedes for row in given if row.kind == "undo"}
    kept = [row for row in given if row.kind == "review" and row.key not in undone]
    weights = 1 / labels["inclusion_probability"].to_numpy()
    auto, right = (labels["route"] == "auto_approve").to_numpy(), labels["correct"].to_numpy()
    return {
        "outputs": len(routes),
        "human_review_rate": sum(route != "auto_approve" for route in routes) / len(routes),
        "approval_rate": sum(row.verdict == "approve" for row in kept) / len(kept),
        "modification_rate": sum(row.verdict == "edit" for row in kept) / len(kept),
        "review_seconds_median": median(row.active_seconds for row in kept if row.active_seconds is not None),
        "accuracy": float(weights[right].sum() / weights.sum()) if auto.any() else -1,
        "correction_rate": int((~auto & ~right).sum()) / len(routes),
    }


def reported(loop: Loop, **asked: Any) -> dict[str, float]:
    return dict(loop.reports.metrics(None, **asked).select("metric", "value").rows())


def assert_true(found: dict[str, float], counts: dict[str, float]) -> None:
    known = {name: value for name, value in counts.items() if value != -1}
    assert len(known) >= 5
    assert {name: found[name] for name in known} == pytest.approx(known)


@pytest.mark.parametrize("project", [None, "default", "other"])
def test_figures_are_those_of_the_tables(worked: Loop, project: str | None) -> None:
    assert_true(reported(worked, project=project), counted(worked, project))


def test_new_rows_count_at_once(worked: Loop, clock: ManualClock) -> None:
    for start in (24, 36, 48):
        work_through(worked, clock, start, 12)
        assert_true(reported(worked), counted(worked))


def test_an_undo_counts_at_once(worked: Loop, submit: Submit) -> None:
    before = reported(worked)["approval_rate"]
    submit("late")
    while (task := worked.queue.claim("ben")) is not None:
        worked.queue.complete(task.token, Review(verdict="approve"))
    assert reported(worked)["approval_rate"] > before
    worked.queue.undo("ben")
    assert_true(reported(worked), counted(worked))


def test_another_process_finds_the_same(worked: Loop, database_url: str) -> None:
    program = "import json, sys; from hitl_core import Loop\nwith Loop.open(sys.argv[1]) as loop: " \
        "print(json.dumps(loop.reports.metrics(None).rows()))"  # fmt: skip
    mine = worked.reports.metrics(None)
    done = subprocess.run(
        [sys.executable, "-c", program, database_url], capture_output=True, text=True, check=True, env=os.environ.copy()
    )
    assert json.loads(done.stdout) == [list(row) for row in mine.rows()]


def test_a_period_is_counted_by_the_loops_clock(worked: Loop, clock: ManualClock) -> None:
    since = clock.now() - timedelta(days=2)
    with worked.store.read() as tx:
        newer = tx.execute(sa.select(sa.func.count()).where(decisions.c.created_at >= since)).scalar_one()
    [outputs] = worked.reports.metrics("2d").filter(metric="outputs")["value"]
    assert 0 < outputs == newer < 24


def test_asking_again_reads_nothing_anew_but_sees_what_came(
    worked: Loop, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitl_core.reports import metrics

    asked: list[str | None] = []
    original = metrics.compute_figures

    def noted(*args: Any, by: str | None = None, **options: Any) -> pl.DataFrame:
        asked.append(by)
        return original(*args, by=by, **options)

    monkeypatch.setattr(metrics, "compute_figures", noted)
    for _ in range(3):
        worked.reports.metrics(None, by="domain")
    assert asked == ["domain"]
    submit("new")
    assert worked.reports.metrics(None, by="domain").filter(metric="outputs")["value"].sum() == 25
    assert asked == ["domain", "domain"]


def test_changes_name_policies_and_models(worked: Loop) -> None:
    found = worked.reports.changes(None)
    assert found.filter(kind="policy")["name"].to_list() == ["policy 1", "policy 2"]
    assert "half of what goes out is looked at" in found.filter(kind="policy")["detail"][1]
    assert set(found.filter(kind="model")["name"]) == {"m1"}
    assert found["at"].is_sorted()
    assert worked.reports.changes("1h").height == 0


def test_an_empty_database_has_no_figures(loop: Loop) -> None:
    assert loop.reports.metrics().height == 0
    assert loop.reports.metrics(by="week").height == 0
    assert loop.reports.changes("30d")["kind"].to_list() == ["policy"]
    report = loop.reports.cost()
    assert (report.outputs, report.curve, report.saved, report.staffing) == (0, None, None, None)


@pytest.mark.parametrize("asked", [{"period": "30 days"}, {"by": "weekday"}, {"only": {"colour": "red"}}])
def test_what_cannot_be_asked_is_refused(loop: Loop, asked: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        loop.reports.metrics(**asked)
