"""A judge's word counts only under a valid certificate, and that comes from people's labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hitl_core import Loop, Policy, Review, Route
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import InputError

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
    # Clopper-Pearson by hand: 40 of 40 right, one-sided at 95 %: 0.05 ** (1 / 40) = 0.9278.
    assert made.certificate.precision.low == pytest.approx(0.9278, abs=1e-4)
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
