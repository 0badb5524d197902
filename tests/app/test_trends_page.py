from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Item, Loop
from hitl_core.reports.definitions import BY_NAME
from tests.app.screen import seen
from tests.app.weeks_of_review import PER_WEEK, WEEKS, fill

Open = Callable[..., AppTest]


def charts(test: AppTest) -> list[dict[str, Any]]:
    return [json.loads(each.proto.spec) for each in test.get("plotly_chart")]


def labels_on(chart: dict[str, Any]) -> list[str]:
    return [each["text"] for each in chart["layout"].get("annotations", [])]


def test_an_empty_database_says_what_to_do(open_page: Open) -> None:
    assert "No outputs yet" in seen(open_page("trends"))


def test_a_period_without_outputs_asks_for_a_longer_one(open_page: Open, sqlite_url: str) -> None:
    fill(sqlite_url, weeks=4, per_week=2, ended=timedelta(weeks=3))
    assert "Nothing in this time" in seen(open_page("trends", period="7 days"))


def test_too_few_rows_are_counted_and_not_drawn(open_page: Open, loop: Loop) -> None:
    for number in range(3):
        loop.submit(Item(id=str(number), query="q", output="o", confidence=0.2))
    test = open_page("trends")
    assert "Too few rows: 3 in this time; it is drawn from 20 on" in seen(test)
    assert charts(test) == []


def test_every_figure_has_its_interval_its_n_and_its_target(weeks: Loop, open_page: Open) -> None:
    shown = seen(open_page("trends"))
    row = weeks.reports.metrics("90d").filter(metric="human_review_rate").row(0, named=True)
    assert row["n"] == WEEKS * PER_WEEK
    interval = f"{row['low']:.1%} to {row['high']:.1%}"
    assert f'{interval}</td><td class="n">{row["n"]}</td><td>under 10.0%</td>' in shown
    assert "off target" in shown
    assert "Time to review, median" in shown


def test_the_policy_change_and_the_fall_of_the_review_rate_are_named(weeks: Loop, open_page: Open) -> None:
    test = open_page("trends")
    drawn = charts(test)
    assert len(drawn) == 4
    rate = next(each for each in drawn if "path begins: 30 %" in " ".join(labels_on(each)))
    for name in ("policy 2", "Human review rate falls", "target: under 10.0%"):
        assert any(name in text for text in labels_on(rate)), labels_on(rate)
    assert "a better model answers" in seen(test)
    assert "chance of a false alarm" in seen(test)


def test_figures_stand_by_group_as_well_and_the_choice_is_in_the_address(weeks: Loop, open_page: Open) -> None:
    test = open_page("trends", by="policy version", sheet="Decisions")
    assert [each["layout"]["xaxis"]["type"] for each in charts(test)] == ["category"] * 4
    test.segmented_control(key="trends.by").set_value("model").run()
    assert charts(test)[0]["data"][0]["x"] == ["m1"]


def test_a_question_mark_says_what_a_figure_is(weeks: Loop, open_page: Open) -> None:
    assert BY_NAME["human_review_rate"].meaning.split(",")[0] in seen(open_page("trends"))


def test_the_table_behind_a_figure_is_a_file(weeks: Loop, open_page: Open) -> None:
    test = open_page("trends", by="month")
    button = next(each for each in test.get("download_button") if "human_review_rate" in each.proto.id)
    assert button.proto.label == "Download as CSV"
    rows = test.dataframe[0].value
    assert list(rows.columns)[:5] == ["month", "value", "low", "high", "n"]
    assert rows["n"].sum() == WEEKS * PER_WEEK


def test_quality_stands_with_its_gain_by_quarter(weeks: Loop, open_page: Open) -> None:
    shown = seen(open_page("trends", sheet="Quality"))
    assert "Gain of F1 by quarter (target: +5 points)" in shown


@pytest.mark.parametrize("wrong", [{"by": "nonsense"}, {"period": "-1"}, {"project": "<b>"}, {"sheet": "%"}])
def test_nonsense_in_the_address_counts_for_nothing(weeks: Loop, open_page: Open, wrong: dict[str, str]) -> None:
    assert "All figures, 90 days" in seen(open_page("trends", **wrong))
