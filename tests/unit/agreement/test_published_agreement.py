"""Every coefficient, its standard error and interval against published tables, to the digits given."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

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
from tests.unit.agreement.agreement_cases import (
    FLEISS,
    FOUR_RATERS,
    KRIPPENDORFF_C,
    KRIPPENDORFF_THREE,
    THREE_BY_THREE,
    columns,
)


def near(found: Agreement, value: float, se: float | None = None, digits: int = 5) -> None:
    assert found.value == pytest.approx(value, abs=0.5 * 10**-digits)
    if se is not None:
        assert found.se == pytest.approx(se, abs=0.51 * 10**-digits)


def test_cohen_by_hand() -> None:
    found = cohen_kappa(*columns([[20, 5], [10, 15]]))
    assert (found.observed, found.expected, found.value) == pytest.approx((0.7, 0.5, 0.4), abs=1e-12)
    assert (found.n, found.base_rate, found.band) == (50, 0.55, "moderate")


def test_three_by_three() -> None:
    a, b = columns(THREE_BY_THREE)
    both = np.column_stack([a, b])
    near(cohen_kappa(a, b), 0.7964094, 0.05891072, digits=7)
    near(scott_pi(a, b), 0.7962397, 0.05905473, digits=7)
    near(gwet_ac1(both), 0.84933, 0.04322)
    near(brennan_prediger(both), 0.83500, 0.04693)
    near(krippendorff_alpha(both), 0.79726)
    near(cohen_kappa(a, b, weights="linear"), 0.8429020, digits=7)
    near(cohen_kappa(a, b, weights="quadratic"), 0.8921569, digits=7)
    near(percent_agreement(both), 0.89)
    ac1 = gwet_ac1(both)
    assert (ac1.low, ac1.high) == pytest.approx((0.76358, 0.93508), abs=5e-6)


def test_four_raters_with_missing_cells() -> None:
    ac1 = gwet_ac1(FOUR_RATERS)
    near(ac1, 0.77544, 0.14295)
    assert (ac1.low, ac1.high) == pytest.approx((0.46081, 1.0), abs=5e-6)
    near(fleiss_kappa(FOUR_RATERS), 0.76117, 0.15302)
    near(krippendorff_alpha(FOUR_RATERS), 0.74342, 0.14557)
    near(conger_kappa(FOUR_RATERS), 0.76282, 0.14917)
    near(brennan_prediger(FOUR_RATERS), 0.77273, 0.14472)


@pytest.mark.parametrize(
    ("level", "alpha"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_krippendorffs_data_c(level: str, alpha: float) -> None:
    near(krippendorff_alpha(KRIPPENDORFF_C, level=level), alpha, digits=6)  # type: ignore[arg-type]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.691358), ("interval", 0.810845), ("ordinal", 0.806721)])
def test_krippendorffs_three_coders(level: str, alpha: float) -> None:
    near(krippendorff_alpha(KRIPPENDORFF_THREE, level=level), alpha, digits=6)  # type: ignore[arg-type]


def test_fleiss_fourteen_raters() -> None:
    found = fleiss_kappa(FLEISS)
    assert (found.observed, found.expected) == pytest.approx((0.378, 0.213), abs=5e-4)
    near(found, 0.209931, digits=6)


def test_the_kappa_paradox_is_told() -> None:
    balanced, skewed = columns([[40, 9], [6, 45]]), columns([[80, 10], [5, 5]])
    near(cohen_kappa(*balanced), 0.699519, digits=6)
    near(gwet_ac1(np.column_stack(balanced)), 0.700748, digits=6)
    assert cohen_kappa(*balanced).warning is None
    kappa, ac1 = cohen_kappa(*skewed), gwet_ac1(np.column_stack(skewed))
    near(kappa, 0.318182, digits=6)
    near(ac1, 0.808, digits=6)
    assert kappa.base_rate == pytest.approx(0.875)
    assert str(kappa.warning).startswith("kappa paradox: raters agree on 85%")
    assert ac1.warning is None


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_scikit_learn_agrees(weights: str | None) -> None:
    generator = np.random.default_rng(7)
    a = generator.integers(0, 5, 400)
    b = np.where(generator.random(400) < 0.6, a, generator.integers(0, 5, 400))
    assert cohen_kappa(a, b, weights=weights).value == pytest.approx(
        cohen_kappa_score(a, b, weights=weights), abs=1e-12
    )


def test_the_analytic_error_is_that_of_repeated_samples() -> None:
    generator = np.random.default_rng(3)
    found = []
    for _ in range(300):
        truth = generator.integers(0, 3, (120, 1))
        ratings = np.where(generator.random((120, 3)) < 0.7, truth, generator.integers(0, 3, (120, 3)))
        found.append([(f(ratings).value, f(ratings).se) for f in (fleiss_kappa, conger_kappa, krippendorff_alpha)])
    values, errors = np.moveaxis(np.array(found), -1, 0)
    assert errors.mean(axis=0) == pytest.approx(values.std(axis=0), rel=0.15)
