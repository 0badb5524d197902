"""Figures of Calibration and Audit: few points, harmless names, the last value always there; tables safe to open."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from app.charts.audits import MOST_ROWS, draw_sequence, sequence_rows
from app.charts.costs import Threshold
from app.charts.reliability import draw_reliability, reliability_rows
from app.charts.thresholds import draw_preview, preview_rows
from app.components.leads.calibration.policy_diff import diff_markup, differences
from app.components.leads.calibration.slider import explained, monthly, threshold_of, tiles
from app.components.leads.figure import csv_of
from app.components.safe_html import link
from hitl_core import Policy
from hitl_core.audit import SequencePoint
from hitl_core.calibration import reliability_table
from hitl_core.domain.policy_cost import Prices
from hitl_core.loop.trust.evidence import Scope
from hitl_core.loop.trust.report import CalibrationReport

HOSTILE = "<script>alert(1)</script><a href='http://evil.example'>x</a>"
START = datetime(2026, 5, 1, tzinfo=UTC)


def points(n: int) -> list[SequencePoint]:
    return [SequencePoint(START + timedelta(hours=at), at, at // 10, 0.1, 0.05, 0.2) for at in range(1, n + 1)]


def report(n: int = 400) -> CalibrationReport:
    given = np.linspace(0.05, 0.999, n)
    table = reliability_table(given, np.arange(n) % 3 > 0, bins=10)
    return CalibrationReport("", table, table, (), unseen=False, n=n, effective_n=float(n))


def preview() -> pl.DataFrame:
    grid = [step / 100 for step in range(101)]
    one = pl.DataFrame({"threshold": grid, "n": range(101, 0, -1), "error": [0.1] * 100 + [None]})
    rest = dict.fromkeys(("effective_n", "bound", "share_reviewed", "share_low", "share_high", "escaped"), 0.3)
    rest |= dict.fromkeys(("escaped_bound", "hours", "hours_low", "hours_high", "cost_usd", "cost_bound_usd"), 2.0)
    return one.with_columns(pl.lit(True).alias("guarantee"), pl.lit(3).alias("errors"), items=10.0).with_columns(
        *(pl.lit(value).alias(name) for name, value in rest.items())
    )


@pytest.mark.parametrize("n", [1, 10, 2_000, 5_003])
@pytest.mark.parametrize("by_number", [True, False])
def test_a_long_sequence_is_thinned_to_two_thousand_points_and_keeps_its_last(n: int, by_number: bool) -> None:
    rows = sequence_rows(points(n))
    assert rows.height <= MOST_ROWS
    assert rows["audits"][-1] == n
    drawn = draw_sequence(rows, segment="s", target=0.05, by_number=by_number)
    assert sum(len(trace.x) for trace in drawn.data) <= 2_000


def test_every_figure_says_n_and_its_units() -> None:
    figures = (
        draw_sequence(sequence_rows(points(30)), segment="s", target=0.05),
        draw_reliability(report(), title="t", other=report().table),
        draw_preview(preview(), n=101, chosen=0.5, target=0.05, live=[Threshold(0.9, "live")]),
    )
    for each in figures:
        assert "n = " in each.layout.title.text
        assert each.layout.yaxis.title.text
        assert sum(len(trace.x) for trace in each.data) <= 2_000


def test_names_from_outside_are_no_markup_in_a_figure() -> None:
    drawn = draw_sequence(sequence_rows(points(30)), segment=HOSTILE, target=0.05)
    other = draw_reliability(report(), title=HOSTILE)
    assert "<script" not in json.dumps(drawn.to_plotly_json(), default=str)
    assert "<a href" not in json.dumps(other.to_plotly_json(), default=str)


def test_bins_that_are_off_differ_by_form_and_not_by_colour_alone() -> None:
    flagged = report().table.with_columns(pl.Series("flagged", [True] + [False] * (report().table.height - 1)))
    drawn = draw_reliability(CalibrationReport("", flagged, flagged, (), unseen=False, n=9, effective_n=9.0), title="t")
    symbols = next(trace.marker.symbol for trace in drawn.data if trace.marker.symbol)
    assert list(symbols)[:2] == ["x", "circle"]


def test_tables_have_headings_for_people() -> None:
    assert "right, low" in reliability_rows(report().table).columns
    assert "error, upper bound" in preview_rows(preview()).columns


def test_a_cell_that_a_spreadsheet_would_run_is_text_in_the_download() -> None:
    text = csv_of(pl.DataFrame({"segment": ["=1+1", "plain"], "n": [1, 2]}))
    assert text.splitlines() == ["segment,n", "'=1+1,1", "plain,2"]


def test_a_position_without_labels_claims_no_error() -> None:
    row = preview().row(100, named=True)
    assert "–" in tiles(row, 101)
    assert "simultaneous bound" in tiles(row, 101)
    assert "no guarantee" in tiles(row | {"guarantee": False}, 101)
    assert "nothing goes out by itself" in explained(row, monthly(Prices()), 2.0)


def test_a_price_of_a_review_becomes_an_hourly_rate_that_costs_the_same() -> None:
    for prices in (Prices(human_usd=3.0), Prices(rate_per_hour_usd=60.0, minutes_per_review=3.0)):
        made = monthly(prices)
        assert made.review_minutes / 60 * made.hour_usd == pytest.approx(3.0)


def test_a_policys_threshold_for_a_scope_is_its_most_telling_override() -> None:
    policy = Policy.from_toml(
        'overrides = [{when = {project = "p"}, thresholds = {auto_approve = 0.97}},'
        '{when = {project = "p", domain = "legal"}, thresholds = {auto_approve = "never"}}]'
    )
    assert threshold_of(policy, Scope("other")) == 0.95
    assert threshold_of(policy, Scope("p")) == 0.97
    assert threshold_of(policy, Scope("p", {"domain": "legal"})) > 1


def test_a_diff_names_what_changes_and_nothing_else() -> None:
    before = Policy.from_toml('overrides = [{when = {project = "p"}, audit_rate = 0.2}]')
    after = Policy.from_toml(
        'overrides = [{when = {domain = "<b>"}, audit_rate = 0.5}, {when = {project = "p"}, audit_rate = 0.3}]'
    )
    found = {each.name: (each.before, each.after) for each in differences(before, after)}
    assert found == {
        "overrides › project=p › audit_rate": ("0.2", "0.3"),
        "overrides › domain=<b> › audit_rate": ("", "0.5"),
    }
    assert "<b>" not in diff_markup(differences(before, after))
    assert "Nothing would change" in diff_markup(differences(before, before))


def test_a_link_carries_any_name_and_stays_one_attribute() -> None:
    made = link("audit", {"segment": '"><script>', "reviewer": None, "odd": "a&b \udcff"}, "<i>")
    assert made == '<a href="audit?segment=%22%3E%3Cscript%3E&amp;odd=a%26b+%3F" target="_self">&lt;i&gt;</a>'
