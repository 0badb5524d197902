"""The same values by another library, on the rows of the bench: undone, second and superseded ones among them."""

from __future__ import annotations

import polars as pl
import pytest

from evals.bench.reporting.facts import add_decisions, example_facts, fill_cache
from evals.bench.reporting.timing import as_pandas, figures_by_pandas
from hitl_core import Loop
from hitl_core.reports.metrics import compute_figures, prepare
from hitl_core.store.frames.facts import FACTS, packed_types

SETTLED = ("accuracy", "escaped_error_rate", "f1", "correction_rate")
"""Pandas takes the last of several opinions, and opinions about superseded decisions too."""


@pytest.fixture(scope="module")
def frames() -> tuple[pl.DataFrame, pl.DataFrame]:
    return example_facts(20_000)


def test_example_rows_have_the_layout_of_the_cache(frames: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    for fact, frame in zip(FACTS, frames, strict=True):
        assert dict(frame.schema) == packed_types(fact)
        assert frame["made_ms"].is_sorted()


def test_pandas_finds_the_same(frames: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    found = dict(compute_figures(prepare(*frames)).select("metric", "value").rows())
    expected = figures_by_pandas(*(as_pandas(frame) for frame in frames))
    expected.pop("calibration_error")  # ours has the bias of the bins taken out
    settled = {name: expected.pop(name) for name in SETTLED}
    assert len(expected) == 10
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert {name: found[name] for name in settled} == pytest.approx(settled, abs=0.02)


def test_rows_of_the_tables_join_frames_that_the_bench_wrote(sqlite_url: str) -> None:
    reviews = fill_cache(sqlite_url, 2_000)
    with Loop.open(sqlite_url) as loop:
        assert [frame.height for frame in loop.reports.frames()] == [2_000, reviews]
        before = int(loop.reports.metrics(None).filter(metric="outputs")["value"].item())
        add_decisions(loop.store, 50)
        assert int(loop.reports.metrics(None).filter(metric="outputs")["value"].item()) == before + 50
