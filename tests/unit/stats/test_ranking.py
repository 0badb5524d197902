"""The area under the ROC curve by hand, against scikit-learn, and how often its interval covers."""

from __future__ import annotations

import numpy as np
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.stats.ranking import ranking_auroc, ranking_interval


def test_by_hand() -> None:
    # Pairs (right, wrong): .9 beats .8 and .1; .4 beats .1 only; .8 ties with .8: half.
    assert ranking_auroc([0.9, 0.8, 0.4, 0.8, 0.1], [1, 1, 1, 0, 0]) == pytest.approx((2 + 1.5 + 1) / 6)


def test_against_scikit_learn_with_ties_and_weights() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores, labels = np.round(rng.uniform(size=300), 1), rng.uniform(size=300) < 0.3
    weights = rng.uniform(0.1, 5, size=300)
    assert ranking_auroc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    expected = metrics.roc_auc_score(labels, scores, sample_weight=weights)
    assert ranking_auroc(scores, labels, weights=weights) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_one_class_is_refused(labels: list[bool]) -> None:
    with pytest.raises(InputError, match="both classes"):
        ranking_auroc([0.1, 0.2], labels)
    with pytest.raises(InputError, match="both classes"):
        ranking_interval([0.1, 0.2], labels)


def test_groups_that_repeat_rows_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(1)
    labels = rng.uniform(size=60) < 0.5
    scores = labels + rng.normal(size=60)
    alone = ranking_interval(scores, labels)
    groups = np.repeat(np.arange(60), 10)
    copies = ranking_interval(np.repeat(scores, 10), np.repeat(labels, 10), groups=groups)
    blind = ranking_interval(np.repeat(scores, 10), np.repeat(labels, 10))
    assert copies == pytest.approx(alone)
    assert blind.high - blind.low < 0.5 * (alone.high - alone.low)


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    # Scores of right and wrong rows one deviation apart: the true area is the normal distribution at 1/sqrt 2.
    truth, rng = 0.7602499, np.random.default_rng(2)
    covered = 0
    for run in range(120):
        labels = np.arange(120) % 2 == 0
        interval = ranking_interval(labels + rng.normal(size=120), labels, resamples=200, seed=run)
        covered += interval.low <= truth <= interval.high
    assert covered >= 105
