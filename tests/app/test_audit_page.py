"""The Audit page in its states; a breaker is reset by a named person with a reason, and Overview says it is tripped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Loop, Policy, Review, Route
from tests.app.screen import seen

Open = Callable[..., AppTest]
HOSTILE = "<script>alert(1)</script>![x](http://evil.example/p.png) \u202e=1+1"


@pytest.fixture
def audited(loop: Loop) -> Loop:
    """A loop that audits everything that goes out by itself."""
    loop.publish(Policy.from_toml("audit.rate = 1.0"), reason="test")
    return loop


def audit(loop: Loop, name: str, verdict: str = "approve", domain: str = "legal") -> None:
    """Let an item go out by itself and be audited."""
    decision = loop.submit({"id": name, "query": f"q {name}", "output": "o", "confidence": 0.99, "domain": domain})
    assert decision.route is Route.AUTO_APPROVE
    task = loop.queue.claim("auditor")
    assert task is not None
    reasons = ("unsafe",) if verdict == "reject" else ()
    loop.queue.complete(task.token, Review(verdict=verdict, reasons=reasons))


def charts(test: AppTest) -> list[Any]:
    return [json.loads(each.proto.spec) for each in test.get("plotly_chart")]


def test_before_the_first_audit_the_page_says_how_audits_come_about(open_page: Open) -> None:
    shown = seen(open_page("audit"))
    assert "No audit yet" in shown
    assert "5% is drawn by a secret coin" in shown


def test_a_few_audits_are_not_drawn_yet_and_the_page_says_how_many_it_takes(open_page: Open, audited: Loop) -> None:
    audit(audited, "a1")
    test = open_page("audit")
    shown = seen(test)
    assert "1 audit so far; from 10 on they are drawn over time" in shown
    assert "About 105 without an error would certify 5.0%" in shown
    assert not charts(test)


def test_loaded_it_shows_figure_table_states_and_failures_with_links(open_page: Open, audited: Loop) -> None:
    for number in range(12):
        audit(audited, f"a{number}", "reject" if number == 3 else "approve")
    test = open_page("audit")
    shown = seen(test)
    for words in ("– watching", "1 wrong of 12 audits", "95% sure", "No label of a closed window yet"):
        assert words in shown
    assert 'href="history?item=a3&amp;project=default&amp;reviewer=ana"' in shown
    test.segmented_control(key="audit.over").set_value("audits").run()
    assert charts(test)[0]["layout"]["xaxis"]["title"]["text"] == "audits"
    (chart,) = charts(test)
    assert "n = 12 audits" in str(chart["layout"])
    assert sum(len(trace["x"]) for trace in chart["data"]) <= 2_000
    assert {each.key for each in test.get("download_button")} >= {"audit.states.csv", "audit.failures.csv"}


def test_the_segment_is_kept_in_the_address(open_page: Open, audited: Loop) -> None:
    for number in range(3):
        audit(audited, f"a{number}", "reject", domain="legal")
        audit(audited, f"b{number}", domain="travel")
    test = open_page("audit", segment="travel")
    assert test.selectbox(key="audit.segment").value == "travel"
    test.selectbox(key="audit.segment").select("legal").run()
    assert test.query_params.get("segment", [""])[0] in ("", "legal")
    assert "3 wrong of 3 audits" in seen(test)
    assert open_page("audit", segment="nowhere").selectbox(key="audit.segment").value == "legal"


def test_a_tripped_breaker_is_told_first_and_reset_with_a_reason_by_a_person(open_page: Open, audited: Loop) -> None:
    for number in range(12):
        audit(audited, f"a{number}", "reject")
    assert audited.audit.check() == ["legal"]
    audited.submit({"id": "held", "query": "q", "output": "o", "confidence": 0.99, "domain": "Legal"})
    shown = seen(open_page("overview"))
    assert "Nothing of legal goes out by itself" in shown.split('class="card')[1], "before all other steps"
    assert 'href="audit?segment=legal' in shown
    test = open_page("audit", reviewer=None)
    assert "✗ breached" in seen(test)
    assert "The monitor published policy version" in seen(test)
    assert "1 output came to a person because of it" in seen(test)
    assert test.button(key="audit.reset.legal").disabled
    test.text_input(key="audit.name").input("lea").run()
    assert not test.button(key="audit.reset.legal").disabled
    test.button(key="audit.reset.legal").click().run()
    assert "Not reset: resetting a breaker needs a reason" in seen(test)
    test.text_input(key="audit.reason.legal").input("the prompt was repaired").run()
    test.button(key="audit.reset.legal").click().run()
    assert "legal goes out by itself again" in seen(test)
    assert audited.audit.tripped() == ()
    newest = audited.policies.history()[0]
    assert (newest.author, newest.reason) == ("lea", "reset legal: the prompt was repaired")
    assert "A person let it go out again on" in seen(test)


def test_a_rate_that_changed_is_not_given_an_interval_for_a_constant_one(open_page: Open, audited: Loop) -> None:
    for number in range(110):
        audit(audited, f"a{number}", "reject" if number >= 80 else "approve")
    shown = seen(open_page("audit"))
    assert "The labels contradict it: the error rate has changed" in shown
    assert '<td class="n">the rate changed</td>' in shown


def test_hostile_segments_stay_text(open_page: Open, audited: Loop) -> None:
    for number in range(12):
        audit(audited, f"{HOSTILE}{number}", "reject", domain=HOSTILE)
    assert audited.audit.check()
    for view in ("overview", "audit"):
        test = open_page(view, reviewer=HOSTILE)
        assert "<script" not in seen(test)
        assert "\u202e" not in seen(test)
        assert all("<script" not in json.dumps(chart) for chart in charts(test))
        assert all("evil.example" not in (each.label or "") for each in [*test.button, *test.text_input])
