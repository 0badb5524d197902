"""The report: complete without a network, figures that plotly accepts, hostile text shown and never run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from evals.reporting import curves, drawings, markup
from evals.reporting.derived import completed
from evals.reporting.page import page, report_json
from evals.suite import Drawing, Measure, SuiteResult, Table, as_json, dumps, from_json

ATTACK = '</script><script>window.stolen=1</script><img src=x onerror="window.stolen=2">'
ROWS = pl.DataFrame(
    {
        "case_id": ["a", "b", "c", "d", "e"],
        "confidence": [0.9, 0.8, 0.8, 0.4, None],
        "right": [True, False, True, False, True],
    }
)


def hostile() -> SuiteResult:
    rows = pl.DataFrame(
        {"name": [ATTACK, "<a href='javascript:window.stolen=3'>x</a>"], "cost": [1.0, 2.0], "quality": [0.5, 0.6]}
    )
    figure = drawings.draw_front(curves.front(rows), ATTACK)
    return SuiteResult(
        suite=f"bad {ATTACK}",
        measures=(Measure(ATTACK, 0.5, 0.4, 0.6, 10, baseline=ATTACK),),
        tables=(Table(ATTACK, ("case_id", ATTACK), ((ATTACK, ATTACK), ("javascript:alert(1)", float("nan"))), ATTACK),),
        drawings=(Drawing(ATTACK, figure, ATTACK), Drawing("own", {"data": [], "layout": {"title": {"text": ATTACK}}})),
        cases=ROWS,
        notes=(ATTACK, "skipped: nothing"),
    )


def test_a_result_survives_json() -> None:
    before = hostile()
    after = from_json(json.loads(dumps(before)))
    assert as_json(after) == as_json(before)
    assert after.cases is not None
    assert after.cases.equals(ROWS)


def test_text_is_escaped_everywhere() -> None:
    html = page([hostile()], {"at": ATTACK, "code": {"version": ATTACK}}, title=ATTACK)
    shown = html.replace(html[html.index("<style>") : html.index("</head>")], "")
    assert "<img" not in shown
    assert "window.stolen=1</script>" not in shown
    assert 'href="javascript' not in shown


def test_the_page_asks_for_nothing() -> None:
    html = page([hostile()], {})
    outside = html[: html.index("<script>")] + html[html.index("</head>") :]
    assert "default-src 'none'" in outside
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", outside)
    assert len(html.encode()) < 6_000_000


def test_hidden_characters_are_visible() -> None:
    assert markup.text("a\u202eb\x00") == "a⟦202E⟧b⟦0000⟧"


def test_worst_cases_are_the_surest_of_the_wrong_ones() -> None:
    def worst(cases: pl.DataFrame) -> Table | None:
        tables = completed(SuiteResult("s", cases=cases)).tables
        return next((each for each in tables if each.title == "Worst cases"), None)

    table = worst(ROWS)
    assert table is not None
    assert [row[0] for row in table.rows] == ["b", "d"]
    assert "2 of 5" in table.note
    sent = worst(ROWS.with_columns(accepted=pl.col("confidence") > 0.5))
    assert sent is not None
    assert [row[0] for row in sent.rows] == ["b"]
    assert worst(ROWS.filter("right")) is None
    assert completed(SuiteResult("s")) == SuiteResult("s")


def test_a_report_completes_what_the_cases_tell() -> None:
    cases = pl.DataFrame(
        {
            "case_id": [str(n) for n in range(60)],
            "model": ["one", "two"] * 30,
            "right": [n % 3 != 0 for n in range(60)],
            "accepted": [n % 2 == 0 for n in range(60)],
            "p_judge": [n / 60 for n in range(60)],
        }
    )
    found = completed(SuiteResult("s", cases=cases))
    titles = ["Risk against coverage", "Reliability", "Sent out against people's verdict"]
    assert [each.title for each in found.drawings] == titles
    sliced = next(each for each in found.tables if each.title == "By slice")
    assert sliced.rows == (("model", "one", 30, 2 / 3, 1.0), ("model", "two", 30, 2 / 3, 0.0))
    assert completed(found) == found


def test_cases_link_to_the_app() -> None:
    html = page([SuiteResult("s", cases=ROWS)], {}, link="http://127.0.0.1:8501/history?item={case_id}")
    assert '<a href="http://127.0.0.1:8501/history?item=b" rel="noopener noreferrer">b</a>' in html


def test_figures_are_figures() -> None:
    import plotly.graph_objects as go

    told = ROWS.select(said=pl.col("confidence") > 0.5, people="right")
    rows = pl.DataFrame({"name": ["a"], "value": [0.5], "low": [0.4], "high": [None], "n": [3]})
    points = pl.DataFrame({"name": ["a", "b", "c"], "cost": [1.0, 2.0, 3.0], "quality": [0.7, 0.6, 0.8]})
    for figure in (
        drawings.draw_risk_coverage({"x": curves.risk_coverage(ROWS)}),
        drawings.draw_reliability({"x": curves.reliability(ROWS, bins=2)}),
        drawings.draw_front(curves.front(points)),
        drawings.draw_confusion(curves.confusion(told)),
        drawings.draw_intervals(rows, "t"),
    ):
        json.dumps(figure, allow_nan=False)
        assert go.Figure(figure).layout.title.text


def test_risk_coverage_by_hand() -> None:
    found = curves.risk_coverage(ROWS)
    assert found["coverage"].to_list() == [0.25, 0.75, 1.0]
    assert found["risk"].to_list() == pytest.approx([0, 1 / 3, 1 / 2])
    assert found["threshold"].to_list() == [0.9, 0.8, 0.4]


def test_reliability_bins_hold_equally_many_and_keep_ties_together() -> None:
    found = curves.reliability(ROWS, bins=2)
    assert found["n"].to_list() == [3, 1]
    assert found["rate"].to_list() == pytest.approx([1 / 3, 1])


def test_the_front_is_what_nothing_beats() -> None:
    points = pl.DataFrame({"name": list("abcd"), "cost": [1.0, 2.0, 2.0, 3.0], "quality": [0.7, 0.6, 0.8, 0.8]})
    found = curves.front(points)
    assert found.filter("best")["name"].to_list() == ["a", "c"]


def test_the_json_has_every_case() -> None:
    body = report_json([hostile()], {"seed": 1})
    assert len(body["suites"][0]["cases"]) == 5
    assert body["suites"][0]["tables"][0]["rows"][1][1] is None


@pytest.mark.browser
def test_a_hostile_report_opens_from_a_file_and_runs_nothing_of_it(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page([hostile(), SuiteResult("good", cases=ROWS)], {"seed": 1}), encoding="utf-8")
    tab: Page = browser.new_page()
    asked: list[str] = []
    problems: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_selector(".drawing .main-svg")
    assert tab.locator(".drawing .plot-container").count() == 6
    assert tab.evaluate("window.stolen") is None
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert problems == []
    assert tab.locator("svg a").count() == 0
    tab.close()
