"""`loop.raters` on both databases: whose opinions count, what a senior's word changes, and what nobody may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hitl_core import Decision, InputError, Item, Loop, Policy, Review, Reviewer, Stage
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.opinions import Vote
from tests.contract.judging.judges import _result, judging_policy, script, verdict

Submit = Callable[..., Decision]
APPROVE = Review(verdict="approve")
REJECT = Review(verdict="reject", reasons=("wrong_fact",))
STYLE = Review(verdict="edit", output="nicer words", reasons=("style",))
TWO = "overlap = { share = 1.0, opinions = 2 }\n"


def answer(loop: Loop, who: str, review: Review, *, stage: Stage = Stage.HUMAN) -> None:
    task = loop.queue.claim(who, stages=[stage])
    assert task is not None
    loop.queue.complete(task.token, review)


@pytest.fixture
def two(loop: Loop) -> Loop:
    loop.publish(Policy.from_toml(TWO), reason="two opinions")
    loop.save_reviewer(Reviewer(name="sen", senior=True))
    return loop


def table(loop: Loop, **options: object) -> dict[str, dict[str, object]]:
    report = loop.raters.report(None, **options)  # type: ignore[arg-type]
    return {str(row["rater_id"]): row for row in report.raters.iter_rows(named=True)}


def test_without_opinions_there_is_an_empty_report(loop: Loop) -> None:
    report = loop.raters.report()
    assert (report.opinions, report.items, report.people, report.judges, report.converged) == (0, 0, 0, 0, None)
    for frame in (report.pairs, report.over_time, report.by_domain, report.by_reason, report.raters, report.disputed):
        assert frame.is_empty()


def test_an_edit_for_style_agrees_with_an_approval(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", STYLE)
    frame = two.raters.frame()
    assert frame["label"].to_list() == ["right", "right"]
    assert sorted(frame["verdict"].to_list()) == ["approve", "edit"]
    assert two.raters.report().disputed.is_empty()


def test_an_opinion_that_was_taken_back_does_not_count(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", REJECT)
    assert two.raters.report().disputed.height == 1
    task = two.queue.undo("bob")
    assert two.raters.report().opinions == 1
    two.queue.complete(task.token, APPROVE)
    assert two.raters.report().opinions == 2
    assert two.raters.report().disputed.is_empty()


def test_a_seniors_word_is_the_truth_and_no_opinion(two: Loop, submit: Submit) -> None:
    for name in ("a", "b"):
        submit(name)
    for who, review in (("ana", APPROVE), ("ana", APPROVE), ("bob", APPROVE), ("bob", REJECT)):
        answer(two, who, review)
    before = table(two)
    assert (before["ana"]["consensus"], before["ana"]["n"]) == (0.5, 2)
    answer(two, "sen", APPROVE, stage=Stage.ADJUDICATE)
    report, after = two.raters.report(None), table(two)
    assert (after["ana"]["consensus"], after["bob"]["consensus"], after["bob"]["n"]) == (1.0, 0.5, 2)
    assert "sen" not in after
    assert (report.settled, report.people, report.items) == (1, 2, 2)
    row = report.disputed.row(0, named=True)
    assert (row["project"], row["senior"]) == ("default", "right")
    assert row["item_id"] in ("a", "b")
    assert (row["people_right"], row["people_wrong"]) == (1, 1)
    assert row["p_right"] > 0.99


def test_items_still_being_asked_about_are_not_listed_as_disputed(loop: Loop, submit: Submit) -> None:
    loop.publish(Policy.from_toml(TWO.replace("2 }", "3 }")), reason="three opinions")
    submit("a")
    answer(loop, "ana", APPROVE)
    answer(loop, "bob", REJECT)
    assert loop.raters.report().disputed.is_empty()
    answer(loop, "cem", REJECT)
    assert loop.raters.report().disputed["item_id"].to_list() == ["a"]


def test_judges_and_the_members_of_a_committee_are_raters(loop: Loop) -> None:
    loop.publish(judging_policy(), reason="judges first")
    votes = tuple(
        Vote(rater=name, verdict=word) for name, word in (("x", "approve"), ("y", "reject"), ("z", "abstain"))
    )
    said = verdict("reject", 0.3, kind="committee", votes=votes)
    script(loop, _result((said,), accepted=False, stopped_by="exhausted", path=("cheap", "person"), reasons=("r",)))
    loop.submit(Item(id="a", query="a?", output="o", confidence=0.7))
    loop.judges.judge_waiting(1)
    answer(loop, "ana", REJECT)
    found = table(loop)
    assert set(found) == {"ana", "judge:cheap", "judge:x", "judge:y"}
    assert {name: row["consensus"] for name, row in found.items() if name != "ana"} == {
        "judge:cheap": 1.0,
        "judge:x": 0.0,
        "judge:y": 1.0,
    }
    report = loop.raters.report()
    against = {row["judge"]: row for row in report.against_people.iter_rows(named=True)}
    assert (against["judge:x"]["tnr"], against["judge:y"]["tnr"], against["judge:y"]["n"]) == (0.0, 1.0, 1)
    assert report.pairs.filter(n=1).height == 6
    assert report.disputed["judges_right"].to_list() == [1]


def test_project_domain_and_period_choose_opinions(two: Loop, clock: ManualClock) -> None:
    for number, (project, domain) in enumerate((("p", "law"), ("q", "law"), ("q", "tax"))):
        two.submit(Item(id=str(number), project=project, domain=domain, query="?", output="o", confidence=0.1))
        for who in ("ana", "bob"):
            answer(two, who, APPROVE)
        clock.advance(hours=24)
    report = two.raters.report
    assert [report(None).items, report(None, project="q").items, report(None, domain="law").items] == [3, 2, 2]
    assert report(timedelta(days=2, hours=1)).items == 2
    assert two.raters.domains() == ["law", "tax"]
    assert two.raters.domains("p") == ["law"]
    assert report(None).by_domain["group"].to_list() == ["law", "tax"]
    assert report(None).over_time.height == 3
    with pytest.raises(InputError):
        report("soon")


def test_names_are_hidden_where_the_policy_says_so(two: Loop, submit: Submit) -> None:
    submit("a")
    answer(two, "ana", APPROVE)
    answer(two, "bob", REJECT)
    two.publish(Policy.from_toml("overlap = { share = 1.0, hide_names = true }"), reason="names are nobody's business")
    report = two.raters.report()
    assert sorted(report.raters["rater_id"].to_list()) == ["Reviewer 1", "Reviewer 2"]
    assert report.pairs.select("rater_a", "rater_b").row(0) == ("Reviewer 1", "Reviewer 2")
