"""A certificate holds for one judge as it was, and only with enough labels that were drawn by design."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.policy_judging import Judging
from hitl_core.domain.records import LabelOrigin
from hitl_core.judging.certifying.certificate import JudgeCertificate, certificate_state, certify
from hitl_core.judging.certifying.drift import compare_spreads, spread_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS: dict[str, Any] = {
    "project": "p",
    "accept_at": 0.9,
    "min_precision": 0.95,
    "confidence": 0.95,
    "max_age_days": 90,
}


def verdict(number: int, p: float | None = 0.95, **changes: Any) -> JudgeVerdict:
    said = "abstain" if p is None else ("approve" if p > 0.5 else "reject")
    body = {
        "item_id": f"i{number}",
        "project": "p",
        "judge": "cheap",
        "fingerprint": "f",
        "verdict": said,
        "p_correct": p,
    }
    return JudgeVerdict.model_validate(body | changes)


def certificate(right: int, wrong: int, **changes: Any) -> JudgeCertificate:
    rows = [verdict(number) for number in range(right + wrong)]
    labels = [True] * right + [False] * wrong
    options: dict[str, Any] = {"accept_at": 0.9, "now": NOW} | changes
    return certify(rows, labels, options.pop("inclusion", [0.1] * len(rows)), **options)


def test_fifty_nine_clean_labels_certify_95_percent_and_fifty_eight_do_not() -> None:
    # 0.95 ** 59 = 0.0485 < 0.05 < 0.95 ** 58: the exact bound of Clopper and Pearson with no error.
    enough, short = certificate(59, 0), certificate(58, 0)
    assert enough.bound == "clopper_pearson"
    assert enough.precision.low == pytest.approx(0.05 ** (1 / 59))
    assert enough.valid_for("f", NOW, **TERMS) == (True, "precision at least 0.9505 (n 59)")
    valid, reason = short.valid_for("f", NOW, **TERMS)
    assert not valid
    assert "0.9497" in reason


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fingerprint": "g"}, "has changed"),
        ({"project": "q"}, "of the project 'p'"),
        ({"accept_at": 0.8}, "acceptance at 0.9"),
        ({"now": NOW + timedelta(days=91)}, "91 days old"),
        ({"now": NOW - timedelta(days=1)}, "future"),
        ({"confidence": 0.99}, "holds at 0.95"),
        ({"min_precision": 0.98}, "asks for 0.98"),
        ({"recent": [0.3] * 60}, "drifted"),
    ],
)
def test_any_change_makes_it_worthless(changes: dict[str, Any], told: str) -> None:
    terms = TERMS | {"fingerprint": "f", "now": NOW} | changes
    valid, reason = certificate(100, 0).valid_for(terms.pop("fingerprint"), terms.pop("now"), **terms)
    assert not valid
    assert told in reason


def test_it_lives_through_json() -> None:
    made = certificate(70, 2)
    assert JudgeCertificate.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_labels_that_somebody_asked_for_do_not_count() -> None:
    origins = [LabelOrigin.DESIGN] * 40 + [LabelOrigin.REQUESTED] * 100
    made = certificate(140, 0, origins=origins)
    assert (made.n, made.left_out, made.n_accepted) == (40, 100, 40)
    assert not made.valid_for("f", NOW, **TERMS)[0]
    unknown = certificate(140, 0, inclusion=[0.5] * 40 + [None] * 100)
    assert (unknown.n, unknown.left_out) == (40, 100)


def test_dependent_rows_count_once_and_their_order_changes_nothing() -> None:
    rows = [verdict(number) for number in range(60)]
    groups = [f"question {number // 3}" for number in range(60)]
    labels = [number % 7 > 0 for number in range(60)]
    one = certify(rows, labels, [0.2] * 60, groups=groups, accept_at=0.9, now=NOW)
    other = certify(rows[::-1], labels[::-1], [0.2] * 60, groups=groups[::-1], accept_at=0.9, now=NOW)
    assert one.n == 20
    assert one == other


def test_only_unflagged_approvals_from_the_threshold_on_are_accepted() -> None:
    rows = [
        verdict(0, 0.9),
        verdict(1, 0.89),
        verdict(2, 0.99, flags=("order_flip",)),
        verdict(3, None),
        verdict(4, 0.02),
        verdict(5, 0.95, verdict="reject"),
    ]
    made = certify(rows, [True] * 6, [1.0] * 6, accept_at=0.9, now=NOW)
    assert (made.n, made.n_accepted) == (6, 1)


def test_a_judge_that_accepts_nothing_has_no_bound() -> None:
    made = certify([verdict(n, 0.6) for n in range(80)], [True] * 80, [1.0] * 80, accept_at=0.9, now=NOW)
    assert made.bound == "none"
    valid, reason = made.valid_for("f", NOW, **TERMS)
    assert not valid
    assert "none of the 80" in reason


def test_rare_rows_weigh_what_they_stand_for() -> None:
    rows = [verdict(number) for number in range(110)]
    labels = [True] * 100 + [False] * 10
    made = certify(rows, labels, [1.0] * 100 + [0.1] * 10, accept_at=0.9, now=NOW)
    assert made.bound == "betting"
    assert made.precision.value == pytest.approx(0.5)
    assert made.precision.low is not None
    assert made.precision.low < 0.5


def test_unequal_chances_need_more_labels_but_can_certify() -> None:
    chances = [1.0 if number % 2 else 0.5 for number in range(400)]
    made = certify([verdict(n) for n in range(400)], [True] * 400, chances, accept_at=0.9, now=NOW)
    assert made.valid_for("f", NOW, **TERMS)[0]


def test_the_weighted_bound_is_too_high_at_most_as_often_as_it_says() -> None:
    rng, misses, worlds, precision = np.random.default_rng(3), 0, 150, 0.9
    for _ in range(worlds):
        right = rng.random(900) < precision
        chance = np.where(right, 0.15, 0.3)
        drawn = np.flatnonzero(rng.random(900) < chance)
        made = certify(
            [verdict(int(n)) for n in drawn], right[drawn].tolist(), chance[drawn].tolist(), accept_at=0.9, now=NOW
        )
        assert made.precision.low is not None
        misses += made.precision.low > precision
    assert misses <= 14, "binomial(150, .05) exceeds 14 with probability .005"


@pytest.mark.parametrize(
    ("rows", "inclusion", "told"),
    [
        ([], [], "no verdicts"),
        ([verdict(0), verdict(1, fingerprint="g")], [1, 1], "got 2"),
        ([verdict(0), verdict(1, project="q")], [1, 1], "got 2"),
        ([verdict(0, fingerprint="")], [1], "no fingerprint"),
        ([verdict(0), verdict(0)], [1, 1], "twice"),
        ([verdict(0)], [0.0], "above 0"),
        ([verdict(0)], [1, 1], "one label"),
    ],
)
def test_what_cannot_be_certified_says_why(rows: list[JudgeVerdict], inclusion: list[float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        certify(rows, [True] * len(rows), inclusion, accept_at=0.9, now=NOW)


def test_the_cascade_is_told_missing_stale_insufficient_or_valid() -> None:
    judging = Judging()

    def state(made: JudgeCertificate | None, **changes: Any) -> tuple[str, str | None]:
        found = certificate_state(made, verdict(0, **changes), judging, accept_at=0.9, now=NOW, artefact="c1")
        return found.status, found.certificate

    assert state(None) == ("missing", None)
    assert state(certificate(100, 0), judge="other") == ("missing", None)
    assert state(certificate(100, 0), fingerprint="g") == ("stale", "c1")
    assert state(certificate(50, 0)) == ("insufficient", "c1")
    assert state(certificate(100, 0)) == ("valid", "c1")


@pytest.mark.parametrize(
    ("section", "status"),
    [
        ({}, "valid"),
        ({"certificate_confidence": 0.99}, "insufficient"),
        ({"certificate_max_age_days": 5}, "stale"),
        ({"min_precision": 0.99}, "insufficient"),
    ],
)
def test_the_policy_says_how_sure_and_how_young_a_certificate_must_be(section: dict[str, Any], status: str) -> None:
    later = NOW + timedelta(days=10)
    found = certificate_state(
        certificate(100, 0), verdict(0), Judging.model_validate(section), accept_at=0.9, now=later, artefact="c1"
    )
    assert found.status == status


def test_drift_needs_a_large_and_an_unlikely_shift_on_enough_verdicts() -> None:
    then = spread_of([0.95] * 80 + [0.15] * 20)
    assert sum(then) == 100
    assert not compare_spreads(then, spread_of([0.95] * 41 + [0.15] * 9)).drifted
    assert compare_spreads(then, spread_of([0.95] * 20 + [0.15] * 40)).drifted
    assert not compare_spreads(then, spread_of([0.15] * 30)).drifted, "30 verdicts are too few to say so"
    assert compare_spreads(then, spread_of([None] * 60)).drifted, "a judge that falls silent has changed"
    assert not compare_spreads(then, spread_of([])).drifted


def test_drift_is_rare_where_nothing_changed() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(
        compare_spreads(spread_of(rng.beta(8, 2, 150)), spread_of(rng.beta(8, 2, 60))).drifted for _ in range(300)
    )
    assert alarms <= 6
