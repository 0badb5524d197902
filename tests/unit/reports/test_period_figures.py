"""Figures of small frames, by hand; then what must not count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hitl_core import InputError
from hitl_core.reports.definitions import BY_NAME
from hitl_core.stats import wilson

START = datetime(2026, 1, 5, tzinfo=UTC)
Figures = Callable[..., dict[Any, dict[str, Any]]]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def value_of(figures: dict[Any, dict[str, Any]], name: Any) -> float:
    return float(figures[name]["value"])


def test_rates_of_four_outputs_and_three_reviews(figures: Figures) -> None:
    routes = ["auto_approve", "async_review", "sync_review", "manual"]
    reviews = [
        {"item": 1, "verdict": "approve"},
        {"item": 2, "verdict": "edit", "review_reasons": '["wrong_fact"]'},
        {"item": 3, "verdict": "reject"},
    ]
    found = figures([{"route": route} for route in routes], reviews)
    expected = {"outputs": 4, "human_review_rate": 3 / 4, "auto_approval_rate": 1 / 4, "correction_rate": 2 / 4}
    expected |= dict.fromkeys(("approval_rate", "modification_rate", "rejection_rate"), 1 / 3) | {
        "override_rate": 2 / 3
    }
    assert {name: value_of(found, name) for name in expected} == pytest.approx(expected)
    row = found["human_review_rate"]
    low, high = wilson(3, 4)
    assert (row["numerator"], row["denominator"], row["n"]) == (3, 4, 4)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert "judge_cost_usd" not in found  # nobody knows a price
    assert set(found) <= set(BY_NAME)


def test_an_edit_for_style_overrides_nothing(figures: Figures) -> None:
    both = [{"verdict": "edit", "review_reasons": '["style"]'}, {"verdict": "edit", "review_reasons": "[]"}]
    found = figures([{"route": "manual"}] * 2, both)
    assert value_of(found, "modification_rate") == 1
    assert value_of(found, "override_rate") == value_of(found, "correction_rate") == 0.5


def test_reviews_taken_back_and_their_undo_do_not_count(figures: Figures) -> None:
    wrong = {"review": 7, "verdict": "reject"}
    undo = {"review": 8, "item": 0, "kind": "undo", "supersedes": 7, "verdict": "reject"}
    again = {"review": 9, "item": 0, "verdict": "approve"}
    found = figures([{"route": "manual"}], [wrong, undo, again])
    assert found["approval_rate"]["n"] == 1
    assert value_of(found, "approval_rate") == 1
    assert value_of(found, "correction_rate") == 0


def test_a_later_decision_replaces_an_earlier_one(figures: Figures) -> None:
    first = {"decision": 10, "item": 0, "route": "sync_review"}
    then = {"decision": 11, "item": 0, "route": "auto_approve", "supersedes": 10}
    found = figures([first, then])
    assert value_of(found, "outputs") == 1
    assert value_of(found, "human_review_rate") == 0


def test_a_label_of_an_earlier_decision_by_design_does_not_label_the_later_one(figures: Figures) -> None:
    first = {"decision": 10, "item": 0, "route": "manual"}
    then = {"decision": 11, "item": 0, "route": "manual", "supersedes": 10}
    old, new = {"decision": 10, "verdict": "reject"}, {"item": 0, "decision": 11, "verdict": "approve"}
    found = figures([first, then], [old, new])
    assert value_of(found, "accuracy") == 1
    assert found["accuracy"]["n"] == 1
    assert value_of(found, "correction_rate") == 0
    assert found["approval_rate"]["n"] == 2  # as reviews, both were given


def test_labels_weigh_by_their_inclusion_probability(figures: Figures) -> None:
    decided = [*[{"route": "manual"}] * 2, *[{"route": "auto_approve"}] * 20]
    reviews = [
        {"verdict": "approve"},
        {"verdict": "reject"},
        *({"item": 2 + at, "stage": "audit", "inclusion_probability": 0.1, "verdict": verdict}
          for at, verdict in enumerate(["approve", "reject"])),
    ]  # fmt: skip
    found = figures(decided, reviews)
    # Two reviewed outputs weigh 1, two audited ones 10 each: 11 of 22 are right.
    assert value_of(found, "accuracy") == pytest.approx(11 / 22)
    assert (found["accuracy"]["numerator"], found["accuracy"]["denominator"]) == (11, 22)
    assert value_of(found, "escaped_error_rate") == pytest.approx(0.5)
    # TP 10, FP 10, FN 1.
    assert value_of(found, "f1") == pytest.approx(20 / 31)
    assert value_of(found, "correction_rate") == pytest.approx(1 / 22)  # the audit's find is no correction


def test_nothing_is_said_of_all_outputs_before_an_audit_came_back(figures: Figures) -> None:
    decided = [{"route": "manual"}, {"route": "auto_approve"}]
    found = figures(decided, [{"verdict": "approve"}])
    assert not {"accuracy", "f1", "escaped_error_rate"} & set(found)


def test_requested_reviews_are_no_labels(figures: Figures) -> None:
    found = figures([{"route": "manual"}], [{"verdict": "reject", "origin": "requested"}])
    assert "accuracy" not in found
    assert value_of(found, "rejection_rate") == 1


def test_several_opinions_make_one_label(figures: Figures) -> None:
    said = [("ana", "approve"), ("ben", "approve"), ("cleo", "reject")]
    reviews = [{"item": 0, "reviewer": who, "verdict": verdict, "at": day(n)} for n, (who, verdict) in enumerate(said)]
    decided = [{"route": "manual"}]
    assert value_of(figures(decided, reviews), "accuracy") == 1
    senior = {
        "item": 0,
        "reviewer": "dora",
        "stage": "adjudicate",
        "verdict": "reject",
        "at": day(4),
        "asked_at": day(3),
    }
    settled = figures(decided, [*reviews, senior])
    assert value_of(settled, "accuracy") == 0
    assert value_of(settled, "correction_rate") == 1
    assert settled["accuracy"]["n"] == 1
    tied = figures(decided, [reviews[0], reviews[2]])
    assert value_of(tied, "accuracy") == 0  # half of those who looked would not have let it go


def test_a_label_belongs_to_the_day_of_its_decision(figures: Figures) -> None:
    late = {"verdict": "reject", "at": day(9)}
    found = figures([{"route": "manual", "at": day(1)}], [late], by="week")
    assert value_of(found, ("2026-01-05", "correction_rate")) == 1
    assert value_of(found, ("2026-01-12", "rejection_rate")) == 1  # the review itself was given a week later


def test_times_by_hand(figures: Figures) -> None:
    due = START + timedelta(seconds=1000)
    given = [START + timedelta(seconds=600 * number) for number in range(1, 6)]
    active = [10.0, 20.0, 30.0, 40.0, None]
    reviews = [{"active_seconds": took, "at": at, "due_at": due} for took, at in zip(active, given, strict=True)]
    found = figures([{"route": "manual"}] * 5, reviews)
    assert value_of(found, "review_seconds_median") == 25
    assert value_of(found, "review_seconds_p95") == pytest.approx(np.quantile([10, 20, 30, 40], 0.95))
    assert found["review_seconds_median"]["n"] == 4  # one has no measured time
    assert value_of(found, "turnaround_seconds_median") == 1800
    assert value_of(found, "sla_compliance") == pytest.approx(1 / 5)


def test_the_cost_of_judges_has_an_interval(figures: Figures) -> None:
    found = figures([{"cost_usd": cost} for cost in (0.01, 0.03, None, None)])["judge_cost_usd"]
    assert found["value"] == pytest.approx(0.01)
    spread = np.std([0.01, 0.03, 0, 0]) / np.sqrt(3)
    assert (found["low"], found["high"]) == pytest.approx(
        (max(0, 0.01 - 1.96 * spread), 0.01 + 1.96 * spread), abs=1e-5
    )


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("day", {"2026-01-05", "2026-02-04"}),
        ("week", {"2026-01-05", "2026-02-02"}),
        ("month", {"2026-01-01", "2026-02-01"}),
        ("quarter", {"2026-01-01"}),
        ("domain", {"legal", "(none)"}),
        ("policy_version", {"1", "2"}),
    ],
)
def test_groups_are_named(figures: Figures, by: str, groups: set[str]) -> None:
    decided = [{"domain": "legal", "at": START}, {"policy_version": 2, "at": day(30)}]
    found = figures(decided, by=by)
    assert {group for group, metric in found if metric == "outputs"} == groups
    assert sum(row["value"] for (_, metric), row in found.items() if metric == "outputs") == 2


def test_groups_of_reviewers_have_figures_of_reviews_alone(figures: Figures) -> None:
    reviews = [{"reviewer": "ana"}, {"reviewer": "ben", "verdict": "reject"}]
    found = figures([{"route": "manual"}] * 2, reviews, by="reviewer")
    assert value_of(found, ("ben", "rejection_rate")) == 1
    assert {group for group, _ in found} == {"ana", "ben"}
    assert not {"outputs", "accuracy", "correction_rate"} & {name for _, name in found}


def test_a_period_has_its_first_moment_and_not_its_last(figures: Figures) -> None:
    decided = [{"at": day(0)}, {"at": day(1)}, {"at": day(2)}]
    assert value_of(figures(decided, since=day(1), until=day(2)), "outputs") == 1


def test_only_chooses_rows(figures: Figures) -> None:
    decided = [{"domain": "legal"}, {"domain": "tax"}, {"policy_version": 3}]
    assert value_of(figures(decided, only={"domain": "legal"}), "outputs") == 1
    assert value_of(figures(decided, only={"policy_version": 3}), "outputs") == 1
    assert figures(decided, only={"domain": "of nobody"}) == {}


def test_nothing_gives_no_rows(figures: Figures) -> None:
    assert figures([]) == {}
    assert figures([], by="week") == {}


@pytest.mark.parametrize("asked", [{"by": "weak"}, {"only": {"domian": "legal"}}])
def test_unknown_groups_are_refused_with_a_hint(figures: Figures, asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"did you mean '(week|domain)'"):
        figures([{}], **asked)
