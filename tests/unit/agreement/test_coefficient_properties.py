"""What holds for any ratings: bounds, permutation, renaming, missing cells, one class, one rater."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_core.agreement import (
    Agreement,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    scott_pi,
)
from hitl_core.domain.errors import InputError

Coefficient = Callable[..., Agreement]
COEFFICIENTS: list[Coefficient] = [
    brennan_prediger,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
]
LEVELS = ("nominal", "ordinal", "interval", "ratio")
cells = st.one_of(st.none(), st.integers(0, 3))
ratings = st.integers(2, 4).flatmap(
    lambda raters: st.lists(st.lists(cells, min_size=raters, max_size=raters), min_size=1, max_size=12)
)
every = pytest.mark.parametrize("coefficient", COEFFICIENTS, ids=lambda each: each.__name__)
quick = settings(max_examples=40, deadline=None)


def same(one: Agreement, other: Agreement) -> None:
    left, right = [(each.value, each.low, each.high, each.se, each.n) for each in (one, other)]
    assert left == pytest.approx(right, abs=1e-9, nan_ok=True)


@every
@quick
@given(rows=ratings, data=st.data())
def test_order_and_names_do_not_matter(coefficient: Coefficient, rows: list[list[Any]], data: st.DataObject) -> None:
    found = coefficient(rows)
    if not math.isnan(found.value) and found.n >= 2:
        assert found.low <= found.value + 1e-9
        assert found.value <= found.high + 1e-9
        assert found.high <= 1
    if all(cell is not None for row in rows for cell in row):
        assert math.isnan(found.value) or found.value >= -1 - 1e-9
    same(found, coefficient(data.draw(st.permutations(rows))))
    raters = data.draw(st.permutations(range(len(rows[0]))))
    same(found, coefficient([[row[rater] for rater in raters] for row in rows]))
    names = data.draw(st.permutations(["approve", "edit", "reject", "skip"]))
    same(found, coefficient([[None if cell is None else names[cell] for cell in row] for row in rows]))


@every
@quick
@given(rows=ratings)
def test_a_unit_without_ratings_changes_nothing(coefficient: Coefficient, rows: list[list[Any]]) -> None:
    same(coefficient(rows), coefficient([*rows, [None] * len(rows[0])]))


@quick
@given(rows=ratings)
def test_alpha_by_brute_force(rows: list[list[Any]]) -> None:
    """The definition, pair by pair."""
    units = [kept for row in rows if len(kept := [cell for cell in row if cell is not None]) >= 2]
    pool = [cell for unit in units for cell in unit]
    for level in LEVELS:
        distance = _distance(level, pool)
        within = sum(sum(distance(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
        across = 2 * sum(distance(a, b) for a, b in combinations(pool, 2))
        expected = 1 - (len(pool) - 1) * within / across if across else float("nan")
        found = krippendorff_alpha(rows, level=level)  # type: ignore[arg-type]
        assert found.value == pytest.approx(expected, abs=1e-9, nan_ok=True)
        assert found.n == len(units)


def _distance(level: str, pool: list[int]) -> Callable[[int, int], float]:
    def ordinal(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        between = sum(low <= each <= high for each in pool)
        return float((between - (pool.count(low) + pool.count(high)) / 2) ** 2)

    distances: dict[str, Callable[[int, int], float]] = {
        "nominal": lambda a, b: float(a != b),
        "ordinal": ordinal,
        "interval": lambda a, b: float((a - b) ** 2),
        "ratio": lambda a, b: ((a - b) / (a + b)) ** 2 if a + b else 0.0,
    }
    return distances[level]


@quick
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=20))
def test_two_raters_are_a_case_of_many(pairs: list[tuple[Any, Any]]) -> None:
    a, b = [one for one, _ in pairs], [two for _, two in pairs]
    both = [[one, two] for one, two in pairs if one is not None and two is not None]
    assert cohen_kappa(a, b).n == scott_pi(a, b).n == len(both)
    if both:
        same(cohen_kappa(a, b), conger_kappa(both))
        same(scott_pi(a, b), fleiss_kappa(both))
        same(cohen_kappa(a, b), cohen_kappa(b, a))


@every
def test_perfect_agreement_is_one_and_its_interval_knows_n(coefficient: Coefficient) -> None:
    few, many = coefficient([[1, 1], [2, 2]] * 3), coefficient([[1, 1], [2, 2]] * 300)
    assert few.value == many.value == pytest.approx(1)
    assert few.high == many.high == pytest.approx(1)
    assert few.low < 0.6
    assert few.low < many.low < 1
    assert many.band == "excellent"


@every
def test_one_class_has_no_agreement_beyond_chance(coefficient: Coefficient) -> None:
    found = coefficient([["yes", "yes"]] * 5)
    assert (found.observed, found.base_rate, found.n) == (1.0, 1.0, 5)
    if coefficient is percent_agreement:
        assert found.value == 1
        return
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert found.band is None
    assert "only one label" in str(found.warning)


def test_no_spread_is_no_certainty() -> None:
    # One rater always says yes: kappa is 0 in every sample of that kind, which is no reason for an interval of 0 to 0.
    found = cohen_kappa(["yes", "no"] * 5, ["yes"] * 10)
    assert found.value == pytest.approx(0)
    assert found.low < -0.3
    assert found.high > 0.3
    assert percent_agreement([["yes", "yes"], ["yes", "no"]]).low == 0


def test_one_class_of_two_named_ones_is_agreement_for_ac1() -> None:
    assert gwet_ac1([["yes", "yes"]] * 5, categories=("no", "yes")).value == pytest.approx(1)
    assert brennan_prediger([["yes", "yes"]] * 5, categories=("no", "yes")).value == pytest.approx(1)


@every
def test_without_a_second_opinion_there_is_nothing_to_measure(coefficient: Coefficient) -> None:
    for rows in ([["a", None], [None, "b"]], [[None, None]], np.empty((0, 2))):
        found = coefficient(rows)
        assert math.isnan(found.value)
        assert "no unit has two ratings" in str(found.warning)


@every
def test_one_unit_has_a_value_and_no_interval(coefficient: Coefficient) -> None:
    found = coefficient([["a", "b"]])
    assert found.value <= 0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@every
def test_one_rater_is_refused(coefficient: Coefficient) -> None:
    with pytest.raises(InputError, match="at least two raters"):
        coefficient([["a"], ["b"]])


def test_partial_credit() -> None:
    rows = [[1, 2], [2, 3], [3, 3], [1, 1], [4, 3], [4, 1]]
    plain, linear, square = [gwet_ac1(rows, weights=each).value for each in (None, "linear", "quadratic")]
    assert plain < linear < square
    same(gwet_ac1(rows, weights=np.eye(4)), gwet_ac1(rows))
    assert gwet_ac1(rows, weights="linear").method == "Gwet's AC2"
    # By hand: distances 1 1 0 0 1 3 of at most 3.
    assert percent_agreement(rows, weights="linear").value == pytest.approx(1 - (1 + 1 + 1 + 3) / 18)


@every
def test_the_interval_widens_with_confidence(coefficient: Coefficient) -> None:
    rows = [[1, 2], [2, 2], [1, 1], [2, 2], [1, 1], [2, 1]] * 4
    narrow, wide = coefficient(rows, confidence=0.8), coefficient(rows, confidence=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (0.81, "excellent"),
        (0.8, "good"),
        (0.6, "good"),
        (0.59, "moderate"),
        (0.4, "moderate"),
        (0.39, "poor"),
        (-1, "poor"),
    ],
)
def test_bands(value: float, band: str) -> None:
    assert Agreement(value, value, value, 0.0, 9, 1.0, 0.5, 0.5, "x").band == band
