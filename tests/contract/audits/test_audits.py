"""Audits on both databases: blind, never starved, in closed windows; a breaker that only a person resets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hitl_core import Decision, InputError, Loop, NotFoundError, Policy, Review, Route
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import ConflictError
from hitl_core.domain.policy_sections import MONITOR
from hitl_core.loop.work import work_once
from hitl_core.store import events

Submit = Callable[..., Decision]
ALL_AUDITED = "audit.rate = 1.0\n"


@pytest.fixture
def audited(loop: Loop) -> Loop:
    """A loop that audits everything that goes out by itself."""
    loop.publish(Policy.from_toml(ALL_AUDITED), reason="test")
    return loop


def audit(loop: Loop, submit: Submit, name: str, verdict: str, **fields: Any) -> None:
    """Let an item go out by itself and be audited."""
    assert submit(name, **{"confidence": 0.99, "domain": "legal", **fields}).route is Route.AUTO_APPROVE
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.item.id == name
    loop.queue.complete(task.token, Review(verdict=verdict, reasons=["unsafe"] if verdict == "reject" else []))


def burst(loop: Loop, submit: Submit, name: str, count: int = 12, **fields: Any) -> None:
    for number in range(count):
        audit(loop, submit, f"{name}-{number}", "reject", **fields)


def kinds(loop: Loop) -> list[str]:
    with loop.store.read() as tx:
        return [row["kind"] for row in events.latest(tx, limit=20)]


def test_a_burst_of_bad_audits_sends_the_segment_to_a_person(audited: Loop, submit: Submit) -> None:
    burst(audited, submit, "bad")
    assert submit("before", confidence=0.99, domain="legal").route is Route.AUTO_APPROVE
    assert work_once(audited, embed=False).tripped == 1
    decision = submit("after", confidence=0.99, domain="Legal")
    assert decision.route is Route.SYNC_REVIEW
    assert decision.reasons[-1] == "breaker:legal"
    assert decision.inclusion_probability == 1
    assert submit("other", confidence=0.99, domain="travel").route is Route.AUTO_APPROVE
    version = audited.policies.history()[0]
    assert (version.author, "12 of 12 audits wrong" in version.reason) == (MONITOR, True)
    assert "breaker.tripped" in kinds(audited)
    assert audited.audit.check() == [], "once is enough"
    state = audited.audit.states()[0]
    assert (state.segment, state.state, state.errors, state.n) == ("legal", "breached", 12, 12)
    assert state.breaker is not None


def test_two_spellings_of_one_segment_are_watched_together(audited: Loop, submit: Submit) -> None:
    """The rows of the spelling seen last took the place of the others', so that a break was never found."""
    burst(audited, submit, "bad", domain="Straße")
    audit(audited, submit, "fine", "approve", domain="STRASSE")
    assert audited.audit.check() == ["strasse"]
    state = audited.audit.states()[0]
    assert (state.segment, state.errors, state.n) == ("strasse", 12, 13)
    assert submit("after", confidence=0.99, domain="strasse").route is Route.SYNC_REVIEW


def test_a_good_history_cannot_hide_a_break(audited: Loop, submit: Submit) -> None:
    for number in range(60):
        audit(audited, submit, f"good-{number}", "approve")
    assert audited.audit.check() == []
    burst(audited, submit, "bad")
    assert audited.audit.check() == ["legal"]


def test_good_audits_trip_nothing(audited: Loop, submit: Submit) -> None:
    for number in range(40):
        audit(audited, submit, f"good-{number}", "approve" if number % 20 else "reject")
    assert audited.audit.check() == []
    assert audited.audit.states()[0].state == "watching"


def test_only_a_named_person_resets(audited: Loop, submit: Submit, clock: ManualClock) -> None:
    burst(audited, submit, "bad")
    audited.audit.check()
    clock.advance(seconds=60)
    for refused in (audited.audit, audited.acting_as("monitor").audit, audited.acting_as("System").audit):
        with pytest.raises(InputError, match="only a person"):
            refused.reset("legal", "it is fine again")
    lead = audited.acting_as("lea").audit
    with pytest.raises(InputError, match="reason"):
        lead.reset("legal", " ")
    with pytest.raises(NotFoundError, match="tripped: legal"):
        lead.reset("travel", "it is fine again")
    version = lead.reset("Legal", "the prompt was repaired")
    assert version == audited.policies.live().version
    assert submit("again", confidence=0.99, domain="legal").route is Route.AUTO_APPROVE
    assert audited.policies.history()[0].author == "lea"
    assert "breaker.reset" in kinds(audited)
    assert audited.audit.check() == [], "the test starts over: what was found before no longer counts"
    state = next(each for each in audited.audit.states() if each.segment == "legal")
    assert (state.n, state.since) == (0, clock.now())


def test_a_check_that_began_before_a_reset_does_not_trip_again(
    audited: Loop, submit: Submit, clock: ManualClock
) -> None:
    """Another worker had read the old audits, and published its breach after the person's reset."""
    burst(audited, submit, "bad")

    def late(*arguments: Any, **options: Any) -> int | None:
        assert audited.audit.check() == ["legal"]
        clock.advance(seconds=60)
        audited.acting_as("lea").audit.reset("legal", "the prompt was repaired")
        return audited.policies.amend(*arguments, **options)

    assert replace(audited.audit, amend=late).check() == []
    assert audited.policies.history()[0].author == "lea"
    assert audited.policy.breakers == ()


def test_publishing_keeps_what_is_tripped(audited: Loop, submit: Submit) -> None:
    burst(audited, submit, "bad")
    audited.audit.check()
    audited.acting_as("lea").publish(Policy.from_toml("audit.rate = 0.5"), reason="fewer audits")
    assert [each.segment() for each in audited.policy.breakers] == ["legal"]
    audited.acting_as("lea").publish(audited.policies.get(1).policy, reason="roll back")
    assert submit("after", confidence=0.99, domain="legal").route is Route.SYNC_REVIEW


def test_opening_with_a_policy_file_keeps_what_is_tripped(audited: Loop, submit: Submit, database_url: str) -> None:
    burst(audited, submit, "bad")
    audited.audit.check()
    version = audited.policies.live().version
    with Loop.open(database_url, Policy.from_toml(ALL_AUDITED), clock=audited.clock) as again:
        assert again.policies.live().version == version
        assert [each.segment() for each in again.policy.breakers] == ["legal"]


def test_the_monitor_cannot_take_a_breaker_away(audited: Loop, submit: Submit) -> None:
    burst(audited, submit, "bad")
    audited.audit.check()
    with pytest.raises(ConflictError, match="a person must"):
        audited.policies.amend(
            lambda live: live.model_copy(update={"breakers": ()}), author=MONITOR, reason="all is well"
        )


def test_a_breaker_keeps_the_coin(loop: Loop, submit: Submit) -> None:
    """A policy with a secret of its own throws the same coin after the monitor published."""
    loop.publish(Policy.from_toml("audit = { rate = 1.0, secret = 'sixteen characters or more' }"), reason="test")
    secret = loop.policies.live().audit_secret
    burst(loop, submit, "bad")
    loop.audit.check()
    assert loop.policies.live().audit_secret == secret


def test_judges_do_not_release_a_segment_that_is_shut_off(audited: Loop, submit: Submit) -> None:
    burst(audited, submit, "bad")
    audited.audit.check()
    decision = submit("unsure", confidence=0.7, domain="legal")
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("tier:sync_review", "breaker:legal"))


@pytest.mark.parametrize(
    ("settings", "tripped"),
    [
        ("target_error = 0.05", ["legal"]),
        ("target_error = 0.9", []),
        ("false_alarm_audits = 1e300", []),
        ("segment_by = 'model'", ["(none)"]),
        ("segment_by = ['project', 'domain']", ["default/legal"]),
    ],
)
def test_settings_of_the_breach_test(loop: Loop, submit: Submit, settings: str, tripped: list[str]) -> None:
    loop.publish(Policy.from_toml(f"[audit]\nrate = 1.0\n{settings}"), reason="test")
    burst(loop, submit, "bad")
    assert loop.audit.check() == tripped
    route = Route.SYNC_REVIEW if tripped else Route.AUTO_APPROVE
    assert submit("after", confidence=0.99, domain="legal").route is route


def test_a_window_closes_when_labels_should_have_arrived(audited: Loop, submit: Submit, clock: ManualClock) -> None:
    for number in range(4):
        audit(audited, submit, f"a-{number}", "approve" if number else "reject")
    assert audited.audit.estimate().n == 0
    clock.advance(seconds=3 * 86400 + 1)
    found = audited.audit.estimate()
    assert (found.n, found.errors, found.weighted.value, found.refused) == (4, 1, 0.25, "")
    assert found.interval == audited.audit.states()[0].estimate.interval


def test_unanswered_audits_are_counted_and_refuse_a_certificate(
    audited: Loop, submit: Submit, clock: ManualClock
) -> None:
    for number in range(3):
        audit(audited, submit, f"a-{number}", "approve")
    submit("waiting", confidence=0.99, domain="legal")
    asked_at = clock.now()
    clock.advance(seconds=4 * 86400)
    state = audited.audit.states()[0]
    assert (state.unanswered, state.oldest_at) == (1, asked_at)
    assert state.estimate.unanswered_share == 0.25
    assert "1 of 4" in state.estimate.refused
    assert state.estimate.worst.high > state.estimate.interval.high
    relaxed = Policy.from_toml("audit = { rate = 1.0, max_unanswered = 0.3, confidence = 0.9 }")
    audited.publish(relaxed, reason="test")
    assert audited.audit.states()[0].estimate.refused == ""
    assert audited.audit.states()[0].estimate.confidence == 0.9


def test_failures_name_the_items(audited: Loop, submit: Submit, clock: ManualClock) -> None:
    audit(audited, submit, "fine", "approve")
    audit(audited, submit, "bad", "reject")
    audit(audited, submit, "elsewhere", "reject", domain="travel")
    assert [each.item_id for each in audited.audit.failures()] == ["elsewhere", "bad"]
    (failure,) = audited.audit.failures("legal")
    assert (failure.item_id, failure.segment, failure.reviewer) == ("bad", "legal", "ana")
    assert failure.reviewed_at == clock.now()


def test_the_running_estimate_of_a_segment(audited: Loop, submit: Submit) -> None:
    for number in range(5):
        audit(audited, submit, f"a-{number}", "approve" if number else "reject")
    points = audited.audit.sequence("legal")
    assert [each.n for each in points] == [1, 2, 3, 4, 5]
    assert (points[-1].errors, points[-1].value) == (1, 0.2)
    assert points[-1].low <= 0.2 <= points[-1].high
    with pytest.raises(NotFoundError, match="segments: legal"):
        audited.audit.sequence("travel")


def test_an_audit_is_not_told_by_its_due_time(audited: Loop, submit: Submit, clock: ManualClock) -> None:
    """The blind audit used to be due by the class of what went out; nobody else's task was."""
    decision = submit("audit", confidence=0.99)
    submit("ordinary", confidence=0.85)
    tasks = [audited.queue.claim("ana"), audited.queue.claim("ana")]
    assert {task.due_at for task in tasks if task} == {clock.now() + timedelta(hours=24)}
    assert decision.due_at == clock.now() + timedelta(hours=72)


@pytest.mark.parametrize("republished", [False, True])
def test_an_audit_comes_next_after_a_day_whatever_else_comes_in(
    audited: Loop, submit: Submit, clock: ManualClock, republished: bool
) -> None:
    """Under a steady stream of the most urgent tasks there are, an audit used to wait for ever."""
    submit("audit", confidence=0.99)
    seen = []
    for number in range(60):
        submit(f"urgent-{number}", confidence=0.0, impact=1.0, requires_compliance=True)
        clock.advance(seconds=3600)
        if republished and number == 30:
            audited.publish(Policy.from_toml(ALL_AUDITED + "review.lease_seconds = 60"), reason="test")
            work_once(audited, embed=False)
        task = audited.queue.claim("ana")
        assert task is not None
        audited.queue.complete(task.token, Review(verdict="approve"))
        seen.append(task.item.id)
    assert seen.index("audit") <= 24
