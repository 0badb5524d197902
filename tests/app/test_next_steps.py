"""What the overview asks a lead to do: each line says why, with n, and leads to its page."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.components.leads import next_steps
from hitl_core import Item, Loop, Policy
from tests.app.screen import seen

Open = Callable[..., AppTest]
GIVEN = {"reviewer": "ana", "project": None}


def test_a_figure_off_its_target_is_named_with_n_and_leads_to_its_trend(weeks: Loop, open_page: Open) -> None:
    row = weeks.reports.metrics("30d").filter(metric="human_review_rate").row(0, named=True)
    shown = seen(open_page("overview"))
    assert f"Human review rate: {row['value']:.1%}</b>, target under 10.0% (95 % interval" in shown
    assert f"n = {row['n']}, last 30 days)" in shown
    assert '<a href="trends?sheet=Review+load&amp;reviewer=ana" target="_self">' in shown
    assert "Time to review" not in shown


def test_a_figure_is_off_only_when_its_whole_interval_is() -> None:
    row = {"metric": "correction_rate", "value": 0.07, "low": 0.04, "high": 0.11, "n": 90}
    assert next_steps.of_figures({"correction_rate": row}, GIVEN) == []
    assert len(next_steps.of_figures({"correction_rate": row | {"low": 0.051}}, GIVEN)) == 1


def test_a_dear_live_threshold_is_named_and_a_cheap_one_is_not(weeks: Loop, open_page: Open) -> None:
    assert "is not the cheapest" not in seen(open_page("overview"))
    weeks.publish(Policy.from_toml("thresholds = { auto_approve = 0.99 }"), reason="too careful")
    report = weeks.reports.cost(None, "30d")
    (found,) = next_steps.of_costs(report, GIVEN)
    assert "The live threshold 0.99 is not the cheapest, 0.900" in found
    assert f"n = {report.labels} labelled outputs" in found
    assert 'href="cost?reviewer=ana"' in found


@pytest.mark.parametrize(
    ("labels", "states", "asked"), [(500, [], 1), (500, ["in force"], 0), (500, ["expired"], 1), (50, [], 0)]
)
def test_enough_labels_ask_for_a_threshold_while_none_is_certified(labels: int, states: list[str], asked: int) -> None:
    report: Any = SimpleNamespace(labels=labels)
    certificates: Any = [SimpleNamespace(state=state) for state in states]
    assert len(next_steps.of_labels(report, certificates, GIVEN)) == asked


def test_certificates_that_ended_are_named_and_unused_ones_are_not() -> None:
    def stored(state: str) -> Any:
        return SimpleNamespace(state=state, project="<p>", where={"domain": "law"}, detail="because <b>")

    assert next_steps.of_certificates([stored("in force"), stored("unused")], GIVEN) == []
    (found,) = next_steps.of_certificates([stored("void")], GIVEN)
    assert "The certificate of &lt;p&gt;: domain law is void.</b> because &lt;b&gt;" in found


def test_a_calibrator_that_is_gone_is_named(loop: Loop, open_page: Open) -> None:
    loop.submit(Item(query="q", output="o", confidence=0.9))
    loop.publish(Policy.from_toml("calibration = { artefact = 'gone' }"), reason="test")
    shown = seen(open_page("overview"))
    assert "The calibrator of default is not used any more, its items go to people." in shown
    assert 'href="calibration?project=default&amp;reviewer=ana"' in shown


def test_a_dispute_leads_to_the_seniors_page(loop: Loop, open_page: Open) -> None:
    loop.submit(Item(query="q", output="o", confidence=0.1))
    task = loop.queue.claim("bo")
    assert task is not None
    loop.queue.escalate(task.token, "unsure")
    assert '<b>Waiting for a senior: 1</b>, escalated or disputed. <a href="adjudicate?reviewer=ana"' in seen(
        open_page("overview")
    )
