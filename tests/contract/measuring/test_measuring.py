"""Signals, scorer and calibrator in a submission, on both databases; what cannot be used ends at a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from hitl_core import Decision, Item, Loop, Policy, Route
from hitl_core.calibration import Calibrator
from hitl_core.confidence.reasons import reasons_for
from hitl_core.confidence.scorer import Scorer
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.instruments import artefact_body
from hitl_core.store.trust import artefacts

PASSAGE = "Paris is the capital of France since 987 and has a tower of 330 metres."
FAITHFUL = "Paris is the capital of France."
INVENTED = "Berlin is not the capital since 1871, says Bismarck, with 42 towers."

CALIBRATOR = Calibrator(method="platt", parameters={"slope": 0.5, "offset": 0.0}, n=500)
"""Halves the log-odds: .99 becomes 1 / (1 + sqrt(1 / 99)), about .909."""
SCORER = Scorer(
    features=("coverage_1", "novel_numbers"),
    center=(0.5, 0.5),
    scale=(0.2, 0.5),
    weights=(2.0, -2.0),
    intercept=0.0,
    missing=(0.0, 0.0),
    penalty=1.0,
    n=200,
    positives=120,
    groups=200,
    auroc=0.8,
    auroc_low=0.75,
    auroc_high=0.85,
)


def store(loop: Loop, kind: str, body: dict[str, Any], project: str = "default") -> str:
    with loop.store.write() as tx:
        at = loop.clock.now()
        return artefacts.append(tx, project=project, kind=kind, name=kind, body=body, author="test", at=at).key


def calibrated(loop: Loop, **more: Any) -> str:
    return store(loop, "calibrator", artefact_body("calibrator", CALIBRATOR.to_json(), **more))


def scored(loop: Loop, scorer: Scorer = SCORER, **more: Any) -> str:
    return store(loop, "scorer", artefact_body("scorer", scorer.to_json(), **more))


def publish(loop: Loop, rest: str = "", **sections: dict[str, Any]) -> None:
    base = Policy.from_toml(rest).to_mapping() if rest else {}
    loop.publish(Policy.from_mapping(base | sections), reason="test")


def item(output: str = FAITHFUL, **fields: Any) -> Item:
    return Item(query="What is Paris?", context=(PASSAGE,), output=output, **fields)


def test_off_by_default_nothing_is_measured(loop: Loop) -> None:
    decision = loop.submit(item(confidence=0.99))
    assert (decision.signals, decision.calibrator, decision.confidence) == (None, None, 0.99)


def test_signals_are_kept_on_the_decision_and_seen_by_rules(loop: Loop) -> None:
    rule = "[[rules]]\nid = 'numbers'\nwhen = { field = 'signals.novel_numbers', gt = 0 }\nroute = 'manual'"
    publish(loop, rule, scorer={"use": "signals"})
    good, bad = loop.submit(item(confidence=0.99)), loop.submit(item(INVENTED, confidence=0.99))
    assert (good.route, good.reasons) == (Route.AUTO_APPROVE, ("tier:auto_approve",))
    assert (bad.route, bad.reasons) == (Route.MANUAL, ("numbers",))
    assert bad.signals is not None
    assert bad.signals["numbers_listed"] == ["1871", "42"]
    assert bad.confidence == 0.99
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.decision.signals == bad.signals
    assert reasons_for(task.decision)[0] == "2 numbers not in any passage: 1871, 42"


def test_a_signal_that_cannot_be_measured_sends_the_item_to_a_person(loop: Loop) -> None:
    rule = "[[rules]]\nid = 'support'\nwhen = { field = 'signals.support', lt = 0.5 }\nroute = 'sync_review'"
    publish(loop, rule, scorer={"use": "signals"})
    decision = loop.submit(Item(query="q", output="No passages here.", confidence=0.99))
    assert decision.route is Route.SYNC_REVIEW
    assert decision.reasons == ("support", "missing:signals.support")


def test_signals_alone_do_not_fill_a_missing_confidence(loop: Loop) -> None:
    publish(loop, scorer={"use": "signals", "artefact": scored(loop)})
    decision = loop.submit(item())
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("confidence_missing",))
    assert decision.signals is not None
    assert 0 < decision.signals["p_scorer"] < 1


def test_a_fitted_scorer_fills_a_missing_confidence_and_says_why(loop: Loop) -> None:
    key = scored(loop)
    publish(loop, scorer={"use": "fill", "artefact": key})
    good, bad = loop.submit(item()), loop.submit(item(INVENTED))
    assert good.route is Route.AUTO_APPROVE
    assert (good.raw_confidence, good.calibrator) == (None, key)
    assert good.confidence == pytest.approx(1 / (1 + math.exp(-(2 * 0.5 / 0.2 + 2 * 0.5 / 0.5))))
    assert bad.route is Route.MANUAL
    assert "2 numbers not in any passage: 1871, 42" in reasons_for(bad)


def test_a_confidence_that_came_is_kept_beside_the_scorers(loop: Loop) -> None:
    publish(loop, scorer={"use": "fill", "artefact": scored(loop)})
    decision = loop.submit(item(INVENTED, confidence=0.97))
    assert (decision.confidence, decision.route) == (0.97, Route.AUTO_APPROVE)


@pytest.mark.parametrize(
    "threshold",
    [
        "threshold = 0.1",
        "thresholds.auto_reject = 0.59",
        "thresholds = { auto_approve = 'never', async_review = 0.1, sync_review = 0.05 }",
    ],
)
def test_the_cold_start_orders_the_queue_and_lets_nothing_out(loop: Loop, threshold: str) -> None:
    publish(loop, threshold, scorer={"use": "fill"})
    good, bad = loop.submit(item()), loop.submit(item(INVENTED))
    for decision in (good, bad):
        assert decision.route in (Route.SYNC_REVIEW, Route.MANUAL)
        assert decision.reasons == ("scorer:cold_start",)
        assert decision.inclusion_probability == 1.0
        assert decision.due_at is not None
    assert good.confidence is not None
    assert bad.confidence is not None
    assert good.confidence > bad.confidence
    assert good.priority < bad.priority


def test_a_rule_cannot_release_what_only_the_cold_start_vouches_for(loop: Loop) -> None:
    rule = "[[rules]]\nid = 'sure'\nwhen = { field = 'confidence', gt = 0.1 }\nroute = 'auto_approve'"
    publish(loop, rule, scorer={"use": "fill"})
    decision = loop.submit(item())
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("sure", "scorer:cold_start"))


def test_a_scorer_of_another_project_is_not_applied(loop: Loop) -> None:
    publish(loop, scorer={"use": "fill", "artefact": scored(loop)})
    decision = loop.submit(item(project="other"))
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("scorer:cold_start",))


def test_nothing_to_compare_with_is_no_confidence(loop: Loop) -> None:
    publish(loop, scorer={"use": "fill", "artefact": scored(loop)})
    decision = loop.submit(Item(query="q", output="No passages here."))
    assert (decision.route, decision.confidence) == (Route.SYNC_REVIEW, None)
    assert decision.reasons == ("confidence_missing",)


def test_a_calibrator_makes_the_confidence_and_is_named(loop: Loop) -> None:
    key = calibrated(loop)
    publish(loop, calibration={"artefact": key})
    decision = loop.submit(item(confidence=0.99))
    assert decision.raw_confidence == 0.99
    assert decision.confidence == pytest.approx(1 / (1 + math.sqrt(1 / 99)))
    assert decision.calibrator == key
    assert decision.route is Route.ASYNC_REVIEW
    assert loop.story(decision.item_id).decisions[-1] == decision


def test_without_a_confidence_there_is_nothing_to_calibrate(loop: Loop) -> None:
    publish(loop, calibration={"artefact": calibrated(loop)})
    assert loop.submit(item()).reasons == ("confidence_missing",)
    assert loop.submit(item(confidence=math.nan)).reasons == ("confidence_not_finite",)


def test_another_project_keeps_its_own_confidence(loop: Loop) -> None:
    publish(loop, calibration={"artefact": calibrated(loop)})
    decision = loop.submit(item(confidence=0.99, project="other"))
    assert (decision.confidence, decision.calibrator) == (0.99, None)


@pytest.mark.parametrize(("days", "stale"), [(29.9, False), (30.1, True)])
def test_a_calibrator_is_refused_when_it_is_too_old(loop: Loop, clock: ManualClock, days: float, stale: bool) -> None:
    publish(loop, calibration={"artefact": calibrated(loop), "max_age_days": 30.0})
    clock.advance(days=days)
    decision = loop.submit(item(confidence=0.999))
    assert ("calibrator_stale" in decision.reasons) is stale
    if stale:
        assert (decision.route, decision.confidence, decision.raw_confidence) == (Route.SYNC_REVIEW, None, 0.999)
        assert decision.calibrator is None


def test_a_scorer_is_refused_when_it_is_too_old(loop: Loop, clock: ManualClock) -> None:
    publish(loop, scorer={"use": "fill", "artefact": scored(loop), "max_age_days": 30.0})
    clock.advance(days=31)
    assert loop.submit(item()).reasons == ("scorer_stale",)
    assert loop.submit(item(confidence=0.99)).route is Route.AUTO_APPROVE


def test_a_calibrator_is_refused_for_a_model_it_was_not_fitted_on(loop: Loop) -> None:
    publish(loop, calibration={"artefact": calibrated(loop, models=["gpt-a"])})
    assert loop.submit(item(confidence=0.99, model="gpt-a")).confidence == pytest.approx(0.909, abs=1e-3)
    for model in ("gpt-b", None):
        decision = loop.submit(item(confidence=0.999, model=model))
        assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("calibrator_stale",))


def broken(loop: Loop, kind: str) -> str:
    return store(loop, kind, {kind: {"format": "nonsense"}})


def other_kind(loop: Loop, kind: str) -> str:
    return store(loop, "judge_certificate", {"n": 1})


def odd_body(loop: Loop, kind: str) -> str:
    return store(loop, kind, {kind: None, "models": 3})


@pytest.mark.parametrize(
    ("make", "problem"),
    [(lambda *_: "nowhere", "missing"), (other_kind, "missing"), (broken, "broken"), (odd_body, "broken")],
)
@pytest.mark.parametrize("kind", ["scorer", "calibrator"])
def test_what_cannot_be_read_ends_at_a_person(
    loop: Loop, kind: str, make: Callable[[Loop, str], str], problem: str
) -> None:
    key = make(loop, kind)
    if kind == "scorer":
        publish(loop, "threshold = 0.0", scorer={"use": "fill", "artefact": key})
        decision = loop.submit(item())
    else:
        publish(loop, "threshold = 0.0", calibration={"artefact": key})
        decision = loop.submit(item(confidence=0.999))
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, (f"{kind}_{problem}",))


def test_a_scorer_that_was_refused_scores_nothing(loop: Loop) -> None:
    import dataclasses

    key = scored(loop, dataclasses.replace(SCORER, problem="it ranks no better than chance"))
    publish(loop, "threshold = 0.0", scorer={"use": "fill", "artefact": key})
    assert loop.submit(item()).reasons == ("scorer_refused",)


def test_a_batch_is_measured_like_single_items(loop: Loop) -> None:
    key = scored(loop)
    publish(loop, scorer={"use": "fill", "artefact": key}, calibration={"artefact": calibrated(loop)})
    many: list[Decision] = list(loop.submit_many([item(), item(confidence=0.99), item(INVENTED)]).decisions)
    assert [each.route for each in many] == [Route.AUTO_APPROVE, Route.ASYNC_REVIEW, Route.MANUAL]
    assert [each.signals is not None for each in many] == [True, True, True]


def test_a_process_that_has_the_old_policy_notices_the_new_artefact(loop: Loop) -> None:
    before = loop.submit(item(confidence=0.99))
    publish(loop, calibration={"artefact": calibrated(loop)})
    after = loop.submit(item(confidence=0.99))
    assert before.confidence == 0.99
    assert after.confidence == pytest.approx(0.909, abs=1e-3)
