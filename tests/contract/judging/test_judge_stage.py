"""Judges take their own tasks; what they say leads to a decision, and whatever goes wrong leads to a person."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hitl_core import Decision, Item, Loop, Review, Route, Stage
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import ConfigurationError, InputError, LeaseLostError
from hitl_core.judging.cascade.cascade import CascadeResult
from hitl_core.loop.judges import settling
from hitl_core.review_queue.judge_lane import claim_for_judge, lease_of
from hitl_core.store import tasks
from hitl_core.store.judging import verdicts
from tests.contract.judging.judges import accepted, attacked, judging_policy, script, unsure

Submit = Callable[..., Decision]


@pytest.fixture
def judged_loop(loop: Loop) -> Loop:
    """A loop whose policy asks a judge before a person."""
    loop.publish(judging_policy(), reason="judges first")
    return loop


def stages(loop: Loop, item_id: str) -> list[tuple[str, str]]:
    with loop.store.read() as tx:
        from hitl_core.loop.outcome import find_key

        rows = tasks.of_item(tx, find_key(tx, item_id, None))
    return sorted((row.stage, row.status) for row in rows)


def kinds(loop: Loop, item_id: str) -> list[str]:
    return [event["kind"] for event in reversed(loop.story(item_id).events)]


def test_without_tiers_nobody_waits_for_a_judge(loop: Loop, submit: Submit) -> None:
    submit("a")
    assert stages(loop, "a") == [("human", "pending")]
    with pytest.raises(ConfigurationError, match=r"judging\.tiers"):
        loop.judges.judge_item("a")


def test_what_only_its_confidence_sends_to_a_person_waits_for_a_judge_first(judged_loop: Loop, submit: Submit) -> None:
    decision = submit("a", confidence=0.7)
    assert decision.needs_human
    assert stages(judged_loop, "a") == [("judge", "pending")]
    assert judged_loop.queue.claim("ana") is None
    assert judged_loop.judges.waiting() == [("default", "a")]


@pytest.mark.parametrize(
    "fields",
    [{"requires_compliance": True}, {"amount": 50_000.0}, {"confidence": None}, {"confidence": float("nan")}],
    ids=str,
)
def test_what_a_rule_or_missing_data_sends_to_a_person_goes_there_at_once(
    judged_loop: Loop, submit: Submit, fields: dict[str, Any]
) -> None:
    submit("a", **fields)
    assert stages(judged_loop, "a") == [("human", "pending")]


def test_a_rule_without_a_route_does_not_keep_judges_away(loop: Loop, submit: Submit) -> None:
    rule = '[[rules]]\nid = "law"\nwhen = { field = "domain", eq = "law" }\nexpertise = "law"\n'
    loop.publish(judging_policy(rule), reason="test")
    submit("a", domain="law")
    assert stages(loop, "a") == [("judge", "pending")]
    script(loop, unsure())
    loop.judges.judge_waiting(5)
    assert loop.queue.claim("ana") is None  # the task for a person still asks for the expertise
    assert stages(loop, "a") == [("human", "pending"), ("judge", "done")]


def test_an_accepted_output_goes_out_and_says_who_let_it(judged_loop: Loop, submit: Submit, clock: ManualClock) -> None:
    first = submit("a")
    script(judged_loop, accepted())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert (decision.seq, decision.supersedes, decision.route) == (2, first.id, Route.AUTO_APPROVE)
    assert decision.path == ("cheap",)
    assert str(decision.cost_usd) == "0.001"
    assert decision.reasons[-1] == "judge:cheap:accepted"
    assert decision.confidence == first.confidence
    outcome = judged_loop.outcome("a")
    assert outcome is not None
    assert (outcome.verdict, outcome.decided_by) == ("approve", "judge cheap, policy version 2")
    assert stages(judged_loop, "a") == [("judge", "done")]
    assert [each.accepted for each in judged_loop.judges.verdicts("a")] == [True]
    assert kinds(judged_loop, "a") == ["item.submitted", "task.claimed", "item.judged"]
    assert not judged_loop.story("a").reviews


def test_an_unsure_judge_leaves_the_item_to_a_person_who_waits_no_longer_for_it(
    judged_loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    first = submit("a")
    clock.advance(seconds=100)
    script(judged_loop, unsure())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.route is first.route
    assert decision.due_at == first.due_at
    assert decision.reasons == (*first.reasons, "judge:cheap:below_threshold")
    task = judged_loop.queue.claim("ana")
    assert task is not None
    assert (task.decision.id, task.created_at) == (decision.id, first.created_at)
    judged_loop.queue.complete(task.token, Review(verdict="approve"))
    assert judged_loop.queue.undo("ana").id == task.id


def test_an_attack_on_the_judge_lowers_a_route_that_had_let_the_output_out(judged_loop: Loop, submit: Submit) -> None:
    assert submit("a", confidence=0.85).route is Route.ASYNC_REVIEW
    script(judged_loop, attacked())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.route is Route.SYNC_REVIEW
    assert "judge:cheap:flagged:injection" in decision.reasons


def test_a_rule_published_meanwhile_is_not_overruled(judged_loop: Loop, submit: Submit) -> None:
    submit("a", domain="law")
    rule = '[[rules]]\nid = "law"\nwhen = { field = "domain", eq = "law" }\nroute = "manual"\n'
    judged_loop.publish(judging_policy(rule), reason="no law without a person")
    script(judged_loop, accepted())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.route is Route.MANUAL
    assert {"law", "judge:not_this_item"} <= set(decision.reasons)
    assert [each.accepted for each in judged_loop.judges.verdicts("a")] == [False]


def test_a_stricter_judging_section_published_while_judges_speak_is_not_overruled(
    judged_loop: Loop, submit: Submit
) -> None:
    submit("a", confidence=0.7)
    policy = judging_policy()
    stricter = policy.model_copy(update={"judging": policy.judging.model_copy(update={"min_precision": 0.999})})

    class Publishing:
        async def judge(self, item: Item) -> CascadeResult:
            await asyncio.to_thread(judged_loop.publish, stricter, reason="stricter")
            return accepted()

    judged_loop.judges.ask(lambda _live: Publishing())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.needs_human
    assert decision.reasons[-1] == "judge:policy_changed"
    assert [each.accepted for each in judged_loop.judges.verdicts("a")] == [False]


def test_what_judges_let_go_is_audited_blind_at_the_policy_rate(loop: Loop) -> None:
    loop.publish(judging_policy(rate=0.4, concurrency=8), reason="test")
    script(loop, accepted())
    loop.submit_many({"id": f"i{n}", "query": "q?", "output": "fine", "confidence": 0.7} for n in range(120))
    found = loop.judges.judge_waiting(200)
    assert len(found) == 120
    assert {each.inclusion_probability for each in found} == {0.4}
    audited = [each for each in found if each.audited]
    assert 28 <= len(audited) <= 68  # 48 expected; 5 standard deviations of 5.4 either way are 21 to 75
    task = loop.queue.claim("ana")
    assert task is not None
    assert (task.stage, task.blind) == (Stage.AUDIT, True)
    # Eight judge at once, so any of the audited can be the one that was claimed.
    others = [each.item_id for each in audited if each.item_id != task.item.id]
    assert all(stages(loop, each) == [("audit", "pending"), ("judge", "done")] for each in others[:3])


def test_a_waiting_application_gets_what_judges_let_go(judged_loop: Loop, submit: Submit) -> None:
    submit("a")
    script(judged_loop, accepted())
    worker = threading.Thread(target=judged_loop.judges.judge_waiting, args=(1,))
    worker.start()
    assert judged_loop.wait("a", timeout=20).verdict == "approve"
    worker.join()


def test_inline_waits_for_the_judges_and_again_returns_what_holds(judged_loop: Loop) -> None:
    cascade = script(judged_loop, accepted())
    item = {"id": "a", "query": "q?", "output": "fine", "confidence": 0.7}
    decision = judged_loop.submit(item, judge="inline")
    assert decision.route is Route.AUTO_APPROVE
    assert judged_loop.submit(item, judge="inline") == judged_loop.submit(item) == decision
    assert cascade.asked == ["a"]
    with pytest.raises(InputError, match="inline"):
        judged_loop.submit(item, judge="now")  # type: ignore[arg-type]


async def test_inline_works_inside_a_running_event_loop(judged_loop: Loop) -> None:
    script(judged_loop, accepted())
    item = {"query": "q?", "output": "fine", "confidence": 0.7}
    assert judged_loop.submit(item, judge="inline").route is Route.AUTO_APPROVE


def test_of_two_workers_only_the_holder_writes(judged_loop: Loop, submit: Submit, clock: ManualClock) -> None:
    submit("a")
    slow = claim_for_judge(judged_loop.queue, "judge:one")
    assert slow is not None
    assert claim_for_judge(judged_loop.queue, "judge:two") is None
    clock.advance(seconds=lease_of(judged_loop.policy).total_seconds())
    judged_loop.queue.sweep()
    quick = claim_for_judge(judged_loop.queue, "judge:two")
    assert quick is not None
    live = judged_loop.policies.live()
    with judged_loop.store.write() as tx:
        settling.settle_judged(tx, quick, settling.judged(unsure()), live, clock.now())
    with pytest.raises(LeaseLostError), judged_loop.store.write() as tx:
        settling.settle_judged(tx, slow, settling.judged(accepted()), live, clock.now())
    assert judged_loop.story("a").decision.seq == 2
    assert len(judged_loop.judges.verdicts("a")) == 1


def test_a_killed_worker_leaves_the_item_to_another_and_twice_killed_to_a_person(
    judged_loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    submit("a")
    for _ in range(2):
        assert claim_for_judge(judged_loop.queue, "judge:killed") is not None
        clock.advance(seconds=lease_of(judged_loop.policy).total_seconds())
        judged_loop.queue.sweep()
    cascade = script(judged_loop, accepted())
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.needs_human
    assert decision.reasons[-1] == "judge:gave_up"
    assert cascade.asked == []


def test_judging_that_breaks_is_tried_once_more(judged_loop: Loop, submit: Submit) -> None:
    submit("a")
    cascade = script(judged_loop, RuntimeError("a bug"))
    found = judged_loop.judges.judge_waiting(9)
    assert cascade.asked == ["a", "a"]
    assert [each.reasons[-1] for each in found] == ["judge:gave_up"]
    assert kinds(judged_loop, "a").count("judging.failed") == 2
    assert judged_loop.queue.claim("ana") is not None


def test_judges_that_cannot_be_had_leave_the_item_to_a_person_at_once(judged_loop: Loop, submit: Submit) -> None:
    submit("a")

    def nobody(_live: object) -> Any:
        raise ConfigurationError("no key")

    judged_loop.judges.ask(nobody)
    (decision,) = judged_loop.judges.judge_waiting(5)
    assert decision.reasons[-1] == "judge:unavailable"
    assert judged_loop.queue.claim("ana") is not None


def test_without_any_worker_a_person_gets_it_after_the_wait(
    judged_loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    first = submit("a")
    clock.advance(seconds=299)
    assert judged_loop.queue.claim("ana") is None
    clock.advance(seconds=1)
    task = judged_loop.queue.claim("ana")
    assert task is not None
    assert (task.item.id, task.decision.id, task.created_at) == ("a", first.id, first.created_at)
    passed = next(each for each in judged_loop.story("a").events if each["kind"] == "judging.passed_on")
    assert passed["data"] == {"why": "no judge came in time"}
    assert judged_loop.judges.waiting() == []


def test_wait_seconds_says_how_long_an_item_waits_for_a_judge(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    policy = judging_policy()
    for number, seconds in enumerate((60, 600)):
        waiting = policy.judging.model_copy(update={"wait_seconds": seconds})
        loop.publish(policy.model_copy(update={"judging": waiting, "name": str(seconds)}), reason="another wait")
        submit(f"a{number}")
        clock.advance(seconds=120)
        task = loop.queue.claim("ana")
        assert (task is not None) == (seconds == 60)


def test_a_policy_without_judges_frees_what_waited_for_them(
    judged_loop: Loop, submit: Submit, clock: ManualClock
) -> None:
    from hitl_core import Policy

    submit("a")
    judged_loop.publish(Policy(), reason="no judges")
    clock.advance(seconds=1)
    assert judged_loop.queue.claim("ana") is not None


def test_a_judge_by_hand_on_an_item_that_a_person_has_only_advises(judged_loop: Loop, submit: Submit) -> None:
    before = submit("a", requires_compliance=True)
    script(judged_loop, accepted())
    assert judged_loop.judges.judge_item("a") == before
    assert [each.accepted for each in judged_loop.judges.verdicts("a")] == [False]
    assert stages(judged_loop, "a") == [("human", "pending")]


def test_the_worker_judges_until_it_is_stopped(judged_loop: Loop, submit: Submit) -> None:
    submit("a")
    script(judged_loop, accepted())
    stop = threading.Event()
    worker = threading.Thread(target=judged_loop.judges.work, args=(stop,))
    worker.start()
    assert judged_loop.wait("a", timeout=20).verdict == "approve"
    stop.set()
    worker.join(20)
    assert not worker.is_alive()


def test_a_stopped_worker_gives_back_what_it_began(judged_loop: Loop, submit: Submit) -> None:
    import asyncio

    submit("a")
    cascade = script(judged_loop, accepted(), gate=asyncio.Event())
    stop = threading.Event()
    worker = threading.Thread(target=judged_loop.judges.work, args=(stop,))
    worker.start()
    while not cascade.asked:
        stop.wait(0.01)
    stop.set()
    worker.join(20)
    assert judged_loop.judges.waiting() == [("default", "a")]
    assert "task.released" in kinds(judged_loop, "a")


def test_verdicts_are_never_reviews(judged_loop: Loop, submit: Submit) -> None:
    submit("a")
    script(judged_loop, accepted())
    judged_loop.judges.judge_waiting(1)
    assert judged_loop.latest_reviews() == []
    with judged_loop.store.read() as tx:
        from hitl_core.loop.outcome import find_key

        key = find_key(tx, "a", None)
        assert [each.item_id for each in verdicts.of_items(tx, [key])[key]] == ["a"]
