"""100,000 units of five raters, many of them missing: the sizes that the bench times are answered soundly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from hitl_core.agreement import (
    cohen_kappa,
    conger_kappa,
    dawid_skene,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    scott_pi,
)

UNITS, RATERS, LABELS = 100_000, 5, 5


@pytest.fixture(scope="module")
def ratings() -> Any:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, LABELS, (UNITS, 1))
    shape = (UNITS, RATERS)
    cells = np.where(generator.random(shape) < 0.7, truth, generator.integers(0, LABELS, shape)).astype(float)
    cells[generator.random(shape) < 0.1] = np.nan
    return cells


@pytest.fixture(scope="module")
def votes() -> pl.DataFrame:
    """Five of fifty raters a task, so that hardly two tasks have the same votes."""
    generator = np.random.default_rng(1)
    truth = np.repeat(generator.integers(0, LABELS, UNITS), RATERS)
    rater = np.argsort(generator.random((UNITS, 50)), axis=1)[:, :RATERS].ravel()
    right = generator.random(truth.size) < 0.5 + rater / 110
    label = np.where(right, truth, generator.integers(0, LABELS, truth.size))
    return pl.DataFrame({"task_id": np.repeat(np.arange(UNITS), RATERS), "rater_id": rater, "label": label})


@pytest.mark.parametrize(
    "coefficient",
    [
        lambda cells: cohen_kappa(cells[:, 0], cells[:, 1]),
        lambda cells: cohen_kappa(cells[:, 0], cells[:, 1], weights="quadratic"),
        lambda cells: scott_pi(cells[:, 0], cells[:, 1]),
        fleiss_kappa,
        conger_kappa,
        gwet_ac1,
        krippendorff_alpha,
        lambda cells: krippendorff_alpha(cells, level="ordinal"),
        lambda cells: krippendorff_alpha(cells, level="interval"),
        lambda cells: krippendorff_alpha(cells, level="ratio"),
    ],
)
def test_a_coefficient_finds_the_agreement_of_a_large_table(coefficient: Callable[[Any], Any], ratings: Any) -> None:
    found = coefficient(ratings)
    assert 0.4 < found.low < found.value < found.high < 0.95


def test_dawid_skene_converges_on_many_raters(votes: pl.DataFrame) -> None:
    assert dawid_skene(votes).converged
