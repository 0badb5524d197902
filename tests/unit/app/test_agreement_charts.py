"""The heat map of pairs and the rates of raters, drawn from small frames."""

from __future__ import annotations

import polars as pl

from app.charts.agreement import FEWEST_COMMON, MOST_TOLD, draw_pairs, draw_rates, height_of


def pairs(*rows: tuple[str, str, float | None, int]) -> pl.DataFrame:
    names = ["rater_a", "rater_b", "value", "n"]
    frame = pl.DataFrame(list(rows), schema=names, orient="row", schema_overrides={"value": pl.Float64})
    return frame.with_columns(low=pl.lit(0.1), high=pl.lit(0.9), agreement=pl.lit(0.8), base_rate=pl.lit(0.7))


def test_the_map_is_symmetric_and_tells_n() -> None:
    drawn = draw_pairs(pairs(("ana", "bob", 0.72, 34)), ["bob", "ana", "zoe"])
    heat = drawn.data[0]
    assert [list(row) for row in heat.z] == [[None, 0.72], [0.72, None]]
    assert heat.text[0][1] == heat.text[1][0] == "0.72<br>n 34"
    assert "0.10 to 0.90" in heat.customdata[0][1]
    assert drawn.layout.xaxis.ticktext == ("bob", "ana")
    assert "n = 34" in drawn.layout.title.text


def test_a_pair_with_few_common_items_shows_only_how_many() -> None:
    heat = draw_pairs(pairs(("ana", "bob", 1.0, FEWEST_COMMON - 1)), ["ana", "bob"]).data[0]
    assert heat.z[0][1] is None
    assert heat.text[0][1] == f"n {FEWEST_COMMON - 1}"


def test_a_pair_without_a_kappa_is_said_to_have_none() -> None:
    heat = draw_pairs(pairs(("ana", "bob", None, 20)), ["ana", "bob"]).data[0]
    assert "no kappa" in heat.customdata[0][1]


def test_many_raters_are_told_in_the_hover_only() -> None:
    names = [f"r{number:02}" for number in range(MOST_TOLD + 1)]
    drawn = draw_pairs(pairs(*[(names[0], other, 0.5, 20) for other in names[1:]]), names)
    assert drawn.data[0].text is None
    assert drawn.layout.height == height_of(len(names)) < 1_000


def test_markup_in_names_is_text_everywhere() -> None:
    drawn = draw_pairs(pairs(("<a href='x'>", "<b>", 0.5, 20)), ["<a href='x'>", "<b>"])
    assert "<a" not in str(drawn.to_json())


def test_rates_have_intervals_and_raters_without_are_left_out() -> None:
    columns = {"rater_id": ["judge:j", "ana"], "labels": [10, 20], "positives": [7.0, None], "negatives": [3.0, None]}
    rates = {
        f"{rate}{end}": [value, None]
        for rate in ("sensitivity", "specificity")
        for end, value in (("", 0.8), ("_low", 0.6), ("_high", 0.9))
    }
    drawn = draw_rates(pl.DataFrame(columns | rates), str.upper)
    assert [trace.x for trace in drawn.data] == [(0.8,), (0.8,)]
    assert drawn.data[0].error_x.arrayminus[0] == 0.8 - 0.6
    assert drawn.layout.yaxis.ticktext == ("JUDGE:J",)
    assert "n = 10" in drawn.layout.title.text
