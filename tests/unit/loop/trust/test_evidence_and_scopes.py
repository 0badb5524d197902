"""Scopes, the split between fitting and certifying, and which rows a threshold decides about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from hitl_core import InputError, Policy
from hitl_core.loop.trust.evidence import Scope, is_fitted_on, make_evidence
from hitl_core.loop.trust.preview import MonthlyPrices, preview_thresholds

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def rows(count: int = 40, **columns: Any) -> pl.DataFrame:
    """Return rows as the store gives them: answered, right, of one project."""
    values: dict[str, Any] = {
        "project": ["default"] * count,
        "domain": ["legal", None] * (count // 2),
        "label": [None] * count,
        "model": ["m"] * count,
        "group": [f"g{number}" for number in range(count)],
        "raw_confidence": [number / count for number in range(count)],
        "confidence": [number / count for number in range(count)],
        "inclusion_probability": [1.0] * count,
        "forced_by_rule": [False] * count,
        "correct": [True] * count,
        "decided_at": [NOW + timedelta(hours=number) for number in range(count)],
    }
    schema = {"domain": pl.String, "label": pl.String, "correct": pl.Boolean}
    return pl.DataFrame(values | columns, schema_overrides=schema)


def test_a_scope_names_itself() -> None:
    assert (Scope().name, Scope().segment) == ("default", "")
    scope = Scope("p", {"model": "M1", "domain": " Legal "})
    assert (scope.name, scope.segment) == ("p/legal/m1", "legal/m1")
    assert scope.selector().describe() == "domain= Legal ,model=M1,project=p"


def test_a_third_of_the_questions_fit_and_they_stay_the_same() -> None:
    sides = [is_fitted_on("p", f"question {number}") for number in range(3000)]
    assert 900 < sum(sides) < 1100
    assert sides == [is_fitted_on("p", f"question {number}") for number in range(3000)]
    assert sides != [is_fitted_on("q", f"question {number}") for number in range(3000)]


def test_evidence_counts_what_is_forced_missing_and_answered() -> None:
    count = 40
    frame = rows(
        forced_by_rule=[number < 4 for number in range(count)],
        correct=[None if number == 10 else number % 8 != 0 for number in range(count)],
        inclusion_probability=[0.5] * count,
    )
    found = make_evidence(frame, Scope(), Policy(), end=NOW + timedelta(days=4))
    assert (found.n, found.forced, found.estimate.unanswered) == (35, 4, 1)
    assert found.items == 72
    assert found.start == NOW + timedelta(hours=4)
    assert found.side(fitted=True).height + found.side(fitted=False).height == 35
    assert set(found.rows["segment"]) == {"legal", "(none)"}


def test_parts_of_a_project() -> None:
    legal = make_evidence(rows(), Scope("default", {"domain": "LEGAL"}), Policy(), end=NOW)
    assert set(legal.rows["domain"]) == {"legal"}
    assert legal.start == legal.end == NOW, "a window does not start after its end"
    nothing = make_evidence(rows(), Scope("default", {"domain": "tax"}), Policy(), end=NOW)
    assert (nothing.n, nothing.estimate.refused) == (0, "no label has arrived")


@pytest.mark.parametrize(
    ("override", "left"),
    [
        ("{ domain = 'legal', project = 'default' }", 20),
        ("{ domain = 'legal', project = 'other' }", 40),
        ("{ label = 'l', project = 'default' }", 40),
        ("{ project = 'default' }", 40),
    ],
)
def test_a_more_telling_override_takes_its_items_away(override: str, left: int) -> None:
    policy = Policy.from_toml(f"[[overrides]]\nwhen = {override}\nthreshold = 0.9")
    frame = rows()
    taken = make_evidence(frame, Scope(), policy, end=NOW, decided=True).n
    shown = make_evidence(frame, Scope(), policy, end=NOW).n
    assert (taken, shown) == (left, 40)


def test_a_preview_adds_up() -> None:
    found = make_evidence(rows(100), Scope(), Policy(), end=NOW + timedelta(days=30))
    shown = preview_thresholds(found, None, delta=0.05, prices=MonthlyPrices(6, 30, 100))
    first, last = shown.row(0, named=True), shown.row(-1, named=True)
    assert (first["threshold"], first["coverage"], first["share_reviewed"], first["hours"]) == (0, 1, 0, 0)
    assert last["share_reviewed"] == 1
    assert last["hours"] == pytest.approx(found.items_a_month / 10)
    assert last["cost_usd"] == pytest.approx(last["hours"] * 30)
    assert first["escaped"] == 0
    assert first["escaped_bound"] == pytest.approx(first["bound"] * found.items_a_month)
    with pytest.raises(InputError, match="hour_usd must be a number of at least 0"):
        MonthlyPrices(hour_usd=float("nan"))


def test_no_labels_give_a_preview_without_estimates() -> None:
    empty = make_evidence(rows(2).head(0), Scope(), Policy(), end=NOW)
    shown = preview_thresholds(empty, None, delta=0.05, prices=MonthlyPrices())
    assert shown["n"].sum() == 0
    assert shown["bound"].to_list() == [1.0] * 101
    assert shown["error"].null_count() == 101
