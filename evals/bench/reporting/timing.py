"""Figures of a period from the frames on disk: processor time, memory, and pandas doing the same without intervals.

The frames are written straight to the disk: ten million rows of SQL are not needed to time what reads none of them.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.bench.crew import together
from evals.bench.reporting.facts import add_decisions, example_facts, fill_cache, parted
from evals.bench.results import Aim, Part, Setup

if TYPE_CHECKING:
    import polars as pl

ROWS, LARGE_ROWS, NEW_ROWS = 1_000_000, 10_000_000, 10_000
Ready = Callable[[], object]
Took = dict[str, tuple[float, float]]


def measure_reporting(setup: Setup) -> list[Part]:
    """Time the full report, asking again, other questions and catching up, each in a process of its own."""
    rows = setup.size(LARGE_ROWS if setup.large else ROWS)
    with setup.databases.empty("sqlite") as url:
        [reviews] = together(_fill, [(url, rows)])
        [(took, peak)] = together(_measure, [(url, setup.size(NEW_ROWS))])
        [baseline] = together(_pandas, [(url,)])
    part = Part(
        f"Figures of {rows:,} decisions and {reviews:,} reviews, from the frames on disk",
        ("what", "CPU s", "s", "ratio of CPU to pandas"),
        rows=[
            [name, round(cpu, 3), round(wall, 3), round(cpu / baseline[0], 2)]
            for name, (cpu, wall) in {
                **took,
                "pandas, the same figures without intervals": baseline,
            }.items()
        ],
        notes=[f"Peak memory of the process: {peak:.2f} GB. Imports are not counted; pandas has its frames in memory."],
    )
    full, again, caught = (took[name] for name in (FULL, AGAIN, CAUGHT))
    part.aims = [
        Aim("full report from the frames on disk, CPU s", full[0], 2.0),
        Aim("the same question again, s", again[1], 0.5),
        Aim(f"catching up {NEW_ROWS:,} new rows, s", caught[1], 1.0),
        Aim("peak memory, GB", peak, 4.0),
    ]
    return [part]


FULL = "full report: open the files, find new rows, all figures"
AGAIN = "the same question again"
CAUGHT = "catching up new rows"


def _fill(ready: Ready, url: str, rows: int) -> int:
    ready()
    return fill_cache(url, rows)


def _measure(ready: Ready, url: str, new: int) -> tuple[Took, float]:
    import pyarrow.ipc  # noqa: F401 - imports are not measured

    from hitl_core import Loop
    from hitl_core.reports.metrics import compute_figures, prepare

    compute_figures(prepare(*example_facts(2_000)), by="week")
    ready()
    took: Took = {}
    with Loop.open(url) as loop:
        reports = loop.reports
        took[FULL] = _timed(lambda: reports.metrics(None))
        took[AGAIN] = _timed(lambda: reports.metrics(None))
        took["another question: the newest 30 days"] = _timed(lambda: reports.metrics("30d"))
        took["another question: one domain"] = _timed(lambda: reports.metrics(None, only={"domain": "domain 1"}))
        took["another question: all, by week"] = _timed(lambda: reports.metrics(None, by="week"))
        add_decisions(loop.store, new)
        took[CAUGHT] = _timed(reports.frames)
        took["full report after that"] = _timed(lambda: reports.metrics(None))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return took, used / (1e9 if sys.platform == "darwin" else 1e6)


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def _pandas(ready: Ready, url: str) -> tuple[float, float]:
    """Return the seconds that pandas takes for the same values, its frames being in memory."""
    decisions, reviews = (as_pandas(frame) for frame in parted(Path(url.removeprefix("sqlite:///"))))
    ready()
    return _timed(lambda: figures_by_pandas(decisions, reviews))


def as_pandas(frame: pl.DataFrame) -> Any:
    """Return a frame for pandas; with an empty key among them it would make floats of keys, and lose their end."""
    return frame.with_columns(frame["supersedes"].fill_null(0)).to_pandas()


def figures_by_pandas(decisions: Any, reviews: Any) -> dict[str, float]:
    """Return the values of the report; of several opinions simply the last is taken."""
    import numpy as np

    gone = decisions["supersedes"].dropna()
    held = decisions[~decisions["decision"].isin(gone)]
    routes = held["route"].value_counts(normalize=True)
    given = reviews[(reviews["kind"] == "review") & ~reviews["review"].isin(reviews["supersedes"].dropna())]
    style = (given["verdict"] == "edit") & (given["review_reasons"] == '["style"]')
    given = given.assign(right=(given["verdict"] == "approve") | style, w=1 / given["inclusion_probability"])
    labelled = given[given["origin"] == "design"].groupby("item", sort=False).last()
    auto, right, w = labelled["route"] == "auto_approve", labelled["right"], labelled["w"]
    tp, fp, fn = w[auto & right].sum(), w[auto & ~right].sum(), w[~auto & right].sum()
    band = np.minimum((labelled["confidence"] * 15).astype(int), 14)
    sums = labelled.assign(c=labelled["confidence"] * w, r=right * w).groupby(band)[["c", "r", "w"]].sum()
    waited = (given["at"] - given["asked_at"]).dt.total_seconds()[given["stage"] != "audit"]
    corrected = given[(given["stage"] != "audit") & ~given["right"]]["item"].nunique()
    return {
        "human_review_rate": 1 - routes["auto_approve"],
        "correction_rate": corrected / len(held),
        "approval_rate": (given["verdict"] == "approve").mean(),
        "modification_rate": (given["verdict"] == "edit").mean(),
        "rejection_rate": (given["verdict"] == "reject").mean(),
        "override_rate": (~given["right"]).mean(),
        "review_seconds_median": given["active_seconds"].quantile(0.5),
        "review_seconds_p95": given["active_seconds"].quantile(0.95),
        "turnaround_seconds_median": waited.quantile(0.5),
        "sla_compliance": (given["at"] <= given["due_at"])[given["due_at"].notna()].mean(),
        "accuracy": w[right].sum() / w.sum(),
        "escaped_error_rate": fp / (tp + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "calibration_error": float((sums["c"] - sums["r"]).abs().sum() / sums["w"].sum()),
        "judge_cost_usd": held["cost_usd"].sum() / len(held),
    }
