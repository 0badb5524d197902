"""Gains of F1 from quarter to quarter, by hand."""

from __future__ import annotations

import polars as pl
import pytest

from hitl_core.reports.gains import quarterly_gains


def figures(*rows: tuple[str, float, float, float, int]) -> pl.DataFrame:
    given = [(quarter, "f1", *rest) for quarter, *rest in rows]
    return pl.DataFrame(given, schema=["group", "metric", "value", "low", "high", "n"], orient="row")


def test_a_gain_with_its_interval_by_hand() -> None:
    found = quarterly_gains(figures(("2026-04-01", 0.86, 0.83, 0.88, 90), ("2026-01-01", 0.80, 0.76, 0.84, 60)))
    assert found["quarter"].to_list() == ["2026-01-01", "2026-04-01"]
    first, second = found.rows(named=True)
    assert first["gain"] is None
    assert first["gain_low"] is None
    assert second["gain"] == pytest.approx(0.06)
    assert second["gain_low"] == pytest.approx(0.06 - 0.05)  # 3 down, 4 up: 5
    assert second["gain_high"] == pytest.approx(0.06 + (0.02**2 + 0.04**2) ** 0.5)
    assert second["n"] == 90


def test_the_quarter_after_a_gap_has_no_gain() -> None:
    found = quarterly_gains(figures(("2025-10-01", 0.8, 0.7, 0.9, 9), ("2026-04-01", 0.9, 0.8, 0.95, 9)))
    assert found["gain"].to_list() == [None, None]


def test_a_year_turns_without_a_gap() -> None:
    found = quarterly_gains(figures(("2025-10-01", 0.8, 0.7, 0.9, 9), ("2026-01-01", 0.7, 0.6, 0.8, 9)))
    assert found["gain"][1] == pytest.approx(-0.1)


def test_other_figures_and_no_rows_are_no_quarters() -> None:
    other = figures(("2026-01-01", 0.8, 0.7, 0.9, 9)).with_columns(metric=pl.lit("accuracy"))
    assert quarterly_gains(other).height == 0
