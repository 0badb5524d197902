from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Item, Loop
from tests.app.screen import seen

Open = Callable[..., AppTest]


def chart(test: AppTest) -> dict[str, Any]:
    drawn: dict[str, Any] = json.loads(test.get("plotly_chart")[0].proto.spec)
    return drawn


def set_price(test: AppTest, name: str, value: float) -> AppTest:
    changed: AppTest = test.number_input(key=f"cost.{name}").set_value(value).run()
    return changed


def test_an_empty_database_says_what_to_do(open_page: Open) -> None:
    assert "No outputs in this time" in seen(open_page("cost"))
    assert "No outputs yet" in seen(open_page("cost", period="everything"))


def test_with_too_few_labels_no_curve_is_drawn(open_page: Open, loop: Loop) -> None:
    loop.submit(Item(query="q", output="o", confidence=0.2))
    test = open_page("cost")
    assert "0 labelled outputs about which the threshold decided; from 30 on" in seen(test)
    assert test.get("plotly_chart") == []


def test_the_cheapest_threshold_comes_with_band_and_n_beside_the_live_one(weeks: Loop, open_page: Open) -> None:
    test = open_page("cost")
    curve = weeks.reports.cost(None, "90d").curve
    assert curve is not None
    shown = seen(test)
    assert f"The cheapest threshold is <b>{curve.best.threshold:.3f}</b> (95 % interval" in shown
    assert f"n = {curve.n:,} labelled outputs" in shown
    assert "The live threshold 0.8 costs" in shown
    steady = weeks.reports.cost(None, "90d").steady
    assert steady is not None
    expected = (
        f"For outputs to come {steady:.3f} is the steadier choice" if steady <= 1 else "review everything until more"
    )
    assert expected in shown
    assert {"cheapest", "live"} <= {each["text"] for each in chart(test)["layout"]["annotations"]}


def test_dear_errors_move_the_optimum_and_the_break_even_up_the_scale(weeks: Loop, open_page: Open) -> None:
    test = set_price(open_page("cost"), "escaped_error_usd", 500.0)
    shown = seen(test)
    assert "Reviewing everything is cheapest" in shown
    assert "0.4%" in shown  # 2 / (.93 * 500)
    cheap = seen(set_price(test, "escaped_error_usd", 1.0))
    assert "The cheapest threshold is <b>0.550</b>" in cheap
    assert "none: a review never pays" in cheap


def test_an_hourly_rate_counts_the_measured_minutes(weeks: Loop, open_page: Open) -> None:
    test = open_page("cost")
    test.segmented_control(key="cost.how").set_value("an hourly rate").run()
    set_price(test, "rate_per_hour_usd", 60.0)
    seconds = weeks.reports.cost(None, "90d").review_seconds
    assert seconds is not None
    assert f'one review</td><td class="n">{seconds / 60:.3g} USD' in seen(test)
    assert 'one review</td><td class="n">4.00 USD' in seen(set_price(test, "minutes_per_review", 4.0))


def test_tried_prices_are_saved_nowhere_until_somebody_publishes_them(weeks: Loop, open_page: Open) -> None:
    test = set_price(open_page("cost"), "human_usd", 3.5)
    assert "Tried out only" in seen(test)
    assert weeks.policy.cost.human_usd == 2.0
    test.button(key="cost.publish").click().run()
    assert "say why the prices change" in seen(test)
    test.text_input(key="cost.reason").input("new contract").run()
    test.button(key="cost.publish").click().run()
    assert "these prices stand in policy version 3" in seen(test)
    newest = weeks.policies.history()[0]
    assert (newest.author, newest.reason) == ("ana", "new contract")
    assert weeks.policy.cost.human_usd == 3.5
    assert weeks.policy.effective_thresholds().auto_approve.value == 0.8


def test_prices_are_published_in_somebodys_name(weeks: Loop, open_page: Open) -> None:
    test = set_price(open_page("cost", reviewer=None), "human_usd", 3.5)
    assert test.button(key="cost.publish").disabled


def test_one_button_goes_back_to_the_live_prices(weeks: Loop, open_page: Open) -> None:
    test = set_price(open_page("cost"), "human_usd", 3.5)
    test.button(key="cost.back").click().run()
    assert test.number_input(key="cost.human_usd").value == 2.0
    assert "These are the prices of the live policy, version 2" in seen(test)


def test_people_needed_follow_the_arrivals(weeks: Loop, open_page: Open) -> None:
    test = open_page("cost")
    assert "<b>1</b> reviewing at the same time" in seen(test)
    test.number_input(key="cost.staff.arrivals").set_value(100.0)
    test.number_input(key="cost.staff.seconds").set_value(120.0)
    test.number_input(key="cost.staff.wait").set_value(1.0).run()
    # Erlang C by hand: 3.33 Erlangs; with 5 people .364 wait and .842 are taken within a minute, with 6 .963.
    assert "<b>6</b> reviewing at the same time" in seen(test)


def test_a_what_if_names_the_items_that_would_move_and_leads_to_them(weeks: Loop, open_page: Open) -> None:
    shown = seen(open_page("cost", whatif="version 1"))
    found = weeks.reports.what_if(1, "90d")
    assert found.moved > 20
    assert f"{found.moved} items would move" in shown
    assert 'href="history?item=past-121&amp;project=default&amp;reviewer=ana"' in shown
    for words in ("as decided", "live, version 2", "with version 1", "wrong outputs that get out", "n = 240 outputs"):
        assert words in shown


def test_the_live_policy_is_not_set_beside_itself(weeks: Loop, open_page: Open) -> None:
    assert "live, version 2" not in seen(open_page("cost", whatif="version 2"))


def test_an_uploaded_policy_is_compared_and_a_broken_one_explained(weeks: Loop, open_page: Open) -> None:
    test = open_page("cost", whatif="a policy file")
    upload(test, b"name = 'free'\nthresholds = { auto_approve = 0.5, async_review = 0.4, sync_review = 0.3 }")
    assert "with free" in seen(test)
    assert "items would move" in seen(test)
    upload(test, b"thresholds = { auto_approve = 7 }")
    assert "auto_approve" in seen(test)
    upload(test, b"\xff\xfe")
    assert "no text in UTF-8" in seen(test)


def upload(test: AppTest, content: bytes) -> None:
    test.file_uploader(key="cost.file").set_value(("other.toml", content, "application/toml")).run()


@pytest.mark.parametrize("wrong", [{"whatif": "version 99"}, {"period": "x"}, {"project": "\u202e<b>"}])
def test_nonsense_in_the_address_counts_for_nothing(weeks: Loop, open_page: Open, wrong: dict[str, str]) -> None:
    shown = seen(open_page("cost", **wrong))
    assert "This period, 90 days" in shown
    assert "would move" not in shown
