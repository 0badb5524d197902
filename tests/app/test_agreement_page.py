"""The page Agreement: empty, too few, loaded; filters in the address; hidden names; hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from hitl_core import Item, Loop, Policy, Review, Reviewer, Stage
from hitl_core.domain.opinions import Vote
from tests.app.screen import seen
from tests.contract.judging.judges import _result, judging_policy, script, verdict

Open = Callable[..., AppTest]
TWO = "overlap = { share = 1.0, opinions = 2 }\n"
APPROVE = Review(verdict="approve")
REJECT = Review(verdict="reject", reasons=("wrong_fact",))
HOSTILE = "<script>alert(1)</script>![x](http://evil.example/p.png) \u202e"


def answer(loop: Loop, who: str, review: Review, *, stage: Stage = Stage.HUMAN) -> None:
    task = loop.queue.claim(who, stages=[stage])
    assert task is not None
    loop.queue.complete(task.token, review)


def rated(loop: Loop, number: int, *, split: bool = False, wrong: bool = False, **fields: object) -> None:
    """One item that ana and bob looked at."""
    given = {"id": f"i{number}", "query": f"q {number}", "output": "text", "confidence": 0.1, "domain": "law"}
    loop.submit(Item(**(given | fields)))
    first = REJECT if wrong else APPROVE
    answer(loop, "ana", first)
    answer(loop, "bob", (APPROVE if wrong else REJECT) if split else first)


@pytest.fixture
def two(loop: Loop) -> Loop:
    loop.publish(Policy.from_toml(TWO), reason="two opinions")
    return loop


def figures(test: AppTest) -> dict[str, dict[str, object]]:
    """Every chart by its title."""
    found = [json.loads(each.proto.spec) for each in test.get("plotly_chart")]
    return {each["layout"]["title"]["text"].split(" (")[0]: each for each in found}


def test_without_opinions_the_page_says_how_to_get_some(open_page: Open) -> None:
    shown = seen(open_page("agreement"))
    assert "No opinions in this time" in shown
    assert "[overlap]" in shown


def test_too_few_items_are_counted_and_raters_already_listed(open_page: Open, two: Loop) -> None:
    for number in range(3):
        rated(two, number, split=number == 0)
    shown = seen(open_page("agreement"))
    assert "from 10 items with two opinions on; there are 3" in shown
    assert "Gwet" not in shown
    assert ">ana<" in shown
    assert 'href="history?item=i0&amp;project=default"' in shown


def test_coefficients_raters_and_disputes(open_page: Open, two: Loop) -> None:
    for number in range(20):
        rated(two, number, split=number < 4, wrong=number % 2 == 0)
    test = open_page("agreement")
    shown = seen(test)
    # By hand: 16 of 20 agree; ana 10 right and 10 wrong, bob too: kappa (.8 - .5) / .5; alpha with n = 40 ratings:
    # 1 - (39/40) * .2 / .5.
    assert '<td class="n">0.61</td>' in shown
    assert "n = 20" in shown
    for words in (
        "Krippendorff&#x27;s alpha",
        "Gwet&#x27;s AC1",
        "95 % interval",
        "base rate",
        "good",
        "above .8 excellent",
    ):
        assert words.replace("&#x27;", "'") in shown or words in shown
    drawn = figures(test)
    heat = drawn["Cohen's kappa of each two raters"]["data"][0]  # type: ignore[index]
    assert heat["text"][0][1] == "0.60<br>n 20"
    assert "What each rater finds" in drawn
    assert "Krippendorff's alpha by domain" in drawn
    assert shown.count("history?item=") == 4
    assert len(test.get("download_button")) >= 6


def test_a_skewed_base_rate_is_warned_about(open_page: Open, two: Loop) -> None:
    for number in range(30):
        rated(two, number, split=number < 2)
    shown = seen(open_page("agreement"))
    assert "kappa paradox" in shown
    assert "people, right or wrong" in shown.lower()


def test_the_raters_table_moves_when_a_senior_settles(open_page: Open, two: Loop) -> None:
    two.save_reviewer(Reviewer(name="sen", senior=True))
    for number in range(10):
        rated(two, number, split=number < 5)
    before = seen(open_page("agreement"))
    for _ in range(5):
        answer(two, "sen", APPROVE, stage=Stage.ADJUDICATE)
    after = seen(open_page("agreement"))
    assert '<td class="n">50%</td>' in before
    assert '<td class="n">100%</td>' in after
    assert ">sen<" not in after


def test_judges_are_raters_and_held_against_people(open_page: Open, loop: Loop) -> None:
    loop.publish(judging_policy(), reason="judges first")
    votes = (Vote(rater="<b>m</b>", verdict="approve"), Vote(rater="other", verdict="reject"))
    said = verdict("approve", 0.6, kind="committee", votes=votes)
    script(loop, _result((said,), accepted=False, stopped_by="exhausted", path=("cheap", "person"), reasons=("x",)))
    for number in range(12):
        loop.submit(Item(id=f"i{number}", query="q", output="text", confidence=0.7))
        loop.judges.judge_waiting(1)
        answer(loop, "ana", REJECT if number < 3 else APPROVE)
    test = open_page("agreement", heard="people and judges")
    shown = seen(test)
    assert "Judges against people" in shown
    assert "cheap (judge)" in shown
    assert "&lt;b&gt;m&lt;/b&gt; (judge)" in shown
    # Of nine right ones all are found, of three wrong ones none.
    assert '<td class="n">9 : 3</td>' in shown
    assert "people and judges" in shown
    assert test.segmented_control(key="agreement.heard").value == "people and judges"


def test_project_domain_and_period_come_from_the_address(open_page: Open, two: Loop) -> None:
    for number in range(12):
        rated(two, number)
    rated(two, 99, split=True, project="other", domain="tax")
    assert "there are 1 " in seen(open_page("agreement", project="other"))
    assert "there are 1 " in seen(open_page("agreement", domain="tax"))
    assert "n = 12" in seen(open_page("agreement", domain="law", period="7 days"))
    test = open_page("agreement", project="nonsense", domain="nonsense", period="nonsense")
    assert "n = 13" in seen(test)


def test_names_are_numbers_where_the_policy_hides_them(open_page: Open, loop: Loop) -> None:
    hidden = "overlap = { share = 1.0, opinions = 2, hide_names = true }"
    loop.publish(Policy.from_toml(hidden), reason="names are nobody's business")
    for number in range(10):
        rated(loop, number, split=number < 2)
    test = open_page("agreement", reviewer="zoe")
    shown = seen(test)
    assert "Reviewer 1" in shown
    assert "Reviewer 2" in shown
    everything = shown + json.dumps(figures(test))
    assert ">ana<" not in everything
    assert '"ana"' not in everything


def test_hostile_names_are_text(open_page: Open, two: Loop) -> None:
    for number in range(10):
        given = {"id": f"{HOSTILE}{number}", "project": HOSTILE, "domain": HOSTILE}
        two.submit(Item(query="q", output="text", confidence=0.1, **given))
        answer(two, HOSTILE, APPROVE)
        answer(two, "bob", REJECT if number < 5 else APPROVE)
    test = open_page("agreement")
    shown = seen(test)
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert "<script" not in json.dumps(figures(test))
