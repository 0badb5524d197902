"""A judge's word counts only under a valid certificate, and that comes from people's labels."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hitl_core import Loop, Policy, Review, Route
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import InputError
from hitl_core.stats import clopper_pearson
from hitl_core.store.judging import verdicts
from hitl_core.store.judging.tables import verdicts as stored

POLICY = """
[audit]
rate = 0.0
[judging]
tiers = [{{ judge = "cheap", accept_at = 0.9 }}]
min_precision = 0.9
[judging.judges]
cheap = {{ kind = "recorded", recorded = "{path}" }}
"""
LABELLED = 40


@pytest.fixture
def judged(loop: Loop, tmp_path: Path) -> Loop:
    """A loop that asks a recorded judge who approves everything, before anybody has certified it."""
    lines = [
        json.dumps({"item_id": f"i{n}", "judge": "cheap", "verdict": "approve", "p_correct": 0.95}) for n in range(100)
    ]
    path = tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    loop.publish(Policy.from_toml(POLICY.format(path=path)), reason="judges")
    return loop


def submit(loop: Loop, numbers: range) -> None:
    loop.submit_many({"id": f"i{n}", "query": f"{n}?", "output": "fine", "confidence": 0.7} for n in numbers)


def label(loop: Loop, *, wrong: int = 0) -> None:
    while (task := loop.queue.claim("ana")) is not None:
        bad = int(task.item.id[1:]) < wrong
        loop.queue.complete(task.token, Review(verdict="reject" if bad else "approve", reasons=["other"] * bad))


def test_without_a_certificate_a_sure_judge_only_advises(judged: Loop) -> None:
    submit(judged, range(3))
    for decision in judged.judges.judge_waiting(9):
        assert decision.needs_human
        assert decision.reasons[-1] == "judge:cheap:certificate_missing"


def test_enough_right_labels_make_it_count_and_age_ends_that(judged: Loop, clock: ManualClock) -> None:
    submit(judged, range(LABELLED))
    judged.judges.judge_waiting(99)
    label(judged)
    made = judged.judges.certify("cheap", project="default", author="lead")
    assert (made.status, made.version, made.certificate.n, made.certificate.n_accepted) == ("valid", 1, 40, 40)
    # The first certification of a year takes 6 / pi**2 of the 5 % that may be wrong: .0304. Clopper-Pearson by hand,
    # 40 of 40 right: .0304 ** (1 / 40) = .9164.
    assert made.certificate.confidence == pytest.approx(1 - 0.05 * 6 / math.pi**2)
    assert made.certificate.precision.low == pytest.approx(0.9164, abs=1e-4)
    with judged.store.read() as tx:
        from hitl_core.store import events

        newest = events.latest(tx, limit=1)[0]
    assert (newest["kind"], newest["actor"], newest["data"]["judge"]) == ("judge.certified", "lead", "cheap")
    judged.publish(judged.policy.model_copy(update={"name": "again"}), reason="forget what was remembered")
    submit(judged, range(50, 51))
    (decision,) = judged.judges.judge_waiting(1)
    assert decision.route is Route.AUTO_APPROVE
    assert judged.judges.verdicts("i50")[0].certificate == made.key
    clock.advance(days=91)
    (listed,) = judged.judges.certificates()
    assert (listed.status, listed.certificate.judge) == ("stale", "cheap")
    judged.publish(judged.policy.model_copy(update={"name": "and again"}), reason="forget what was remembered")
    submit(judged, range(51, 52))
    (decision,) = judged.judges.judge_waiting(1)
    assert decision.reasons[-1] == "judge:cheap:certificate_stale"


def test_wrong_labels_keep_it_from_counting(judged: Loop) -> None:
    submit(judged, range(LABELLED))
    judged.judges.judge_waiting(99)
    label(judged, wrong=4)
    made = judged.judges.certify("cheap", project="default")
    assert made.status == "insufficient"
    assert made.certificate.precision.value == pytest.approx(0.9)


def test_what_cannot_be_certified_is_said(judged: Loop) -> None:
    with pytest.raises(InputError, match="nobody has labelled"):
        judged.judges.certify("cheap", project="default")
    with pytest.raises(InputError, match="no tier"):
        judged.judges.certify("nobody", project="default")
    assert judged.judges.certificates() == []


def test_certifying_again_costs_a_part_of_the_chance_and_nothing_new_costs_nothing(judged: Loop) -> None:
    submit(judged, range(LABELLED))
    judged.judges.judge_waiting(99)
    label(judged, wrong=1)
    first = judged.judges.certify("cheap", project="default")
    assert judged.judges.certify("cheap", project="default").key == first.key, "the same labels are the same statement"
    submit(judged, range(40, 50))
    judged.judges.judge_waiting(99)
    label(judged)
    second = judged.judges.certify("cheap", project="default")
    assert (second.version, second.certificate.attempt, second.certificate.n) == (2, 2, 50)
    spent = [1 - each.certificate.confidence for each in (first, second)]
    assert spent[1] == pytest.approx(spent[0] / 4)
    assert sum(spent) < 0.05


def test_labels_that_never_came_count_as_wrong_and_too_many_refuse(judged: Loop, clock: ManualClock) -> None:
    submit(judged, range(100))
    judged.judges.judge_waiting(200)
    for _ in range(96):
        task = judged.queue.claim("ana")
        assert task is not None
        judged.queue.complete(task.token, Review(verdict="approve"))
    with pytest.raises(InputError, match="nobody has labelled"):
        # All were decided at the same moment, and four labels are still awaited: the window ends before them.
        judged.judges.certify("cheap", project="default")
    clock.advance(days=30)
    made = judged.judges.certify("cheap", project="default")
    held = made.certificate
    assert (held.n, held.unanswered, held.n_accepted, held.precision.value) == (96, 4, 96, 1.0)
    assert held.unanswered_share == pytest.approx(0.04)
    assert held.precision.low == pytest.approx(clopper_pearson(96, 100, confidence=held.confidence, side="lower").low)
    assert made.status == "valid"
    strict = judged.policy.model_copy(update={"audit": judged.policy.audit.model_copy(update={"max_unanswered": 0.01})})
    judged.publish(strict, reason="stricter")
    task = judged.queue.claim("ana")
    assert task is not None
    judged.queue.complete(task.token, Review(verdict="approve"))
    made = judged.judges.certify("cheap", project="default")
    assert made.status == "insufficient"
    assert "3% of the verdicts that would be accepted have no label yet, 1% may" in made.reason


def test_items_that_a_rule_sends_to_a_person_say_nothing_about_the_judge(judged: Loop) -> None:
    submit(judged, range(LABELLED))
    judged.submit_many(
        {"id": f"i{n}", "query": f"{n}?", "output": "fine", "confidence": 0.7, "requires_compliance": True}
        for n in range(LABELLED, LABELLED + 5)
    )
    for n in range(LABELLED, LABELLED + 5):
        judged.judges.judge_item(f"i{n}")
    judged.judges.judge_waiting(99)
    label(judged)
    assert judged.judges.certify("cheap", project="default").certificate.n == LABELLED


def test_the_list_shows_a_changed_judge_and_its_drift(judged: Loop, clock: ManualClock) -> None:
    submit(judged, range(LABELLED))
    judged.judges.judge_waiting(99)
    label(judged)
    assert judged.judges.certify("cheap", project="default").drift.psi < 0.1
    with judged.store.write() as tx:
        was = judged.judges.verdicts("i0")[0]
        keys = [row.item_key for row in tx.execute(sa.select(stored.c.item_key).distinct())]
        given = [
            was.model_copy(update={"id": f"d{n}", "p_correct": 0.35, "created_at": clock.now()}) for n in range(200)
        ]
        for n, each in enumerate(given):
            verdicts.insert(tx, keys[n % len(keys)], [each])
    (listed,) = judged.judges.certificates()
    assert (listed.status, listed.drift.drifted, listed.drift.n) == ("stale", True, 200)
    assert "drifted" in listed.reason
    with judged.store.write() as tx:
        newer = was.model_copy(
            update={"id": "e", "fingerprint": "another", "created_at": clock.now() + timedelta(days=1)}
        )
        verdicts.insert(tx, keys[0], [newer])
    (listed,) = judged.judges.certificates()
    assert "the judge has changed" in listed.reason
