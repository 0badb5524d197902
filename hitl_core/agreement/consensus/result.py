"""What every consensus returns: a label and a posterior for each task, and what it believes of each rater."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hitl_core.agreement.consensus.votes import Votes
from hitl_core.agreement.ratings import FloatArray

TIE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ConsensusResult:
    """Labels of tasks from several raters.

    Attributes:
        method: the algorithm's name.
        tasks: the task ids, sorted.
        classes: the labels, sorted or as given.
        raters: the rater ids, sorted.
        posterior: shape (tasks, classes); probability of each label, rows add to 1.
        priors: shape (classes,); how often each label is true.
        confusion: for each rater an array of shape (classes, classes): row = truth, column = label given, rows add to
            1; a truth that the rater never met has NaN for counts and an even row in fitted models.
        competence: for each rater the probability of a right label (MACE: of not guessing).
        judge_competence: how often the judge's first choice is the people's label; NaN without a judge.
        converged: whether the fit settled within the allowed iterations; True where nothing is iterated.
        iterations: how many were done.
        log_likelihood: of the votes under the fitted model, without multinomial constants; NaN without a model.
    """

    method: str
    tasks: tuple[Any, ...]
    classes: tuple[Any, ...]
    raters: tuple[Any, ...]
    posterior: FloatArray
    priors: FloatArray
    confusion: Mapping[Any, FloatArray]
    competence: Mapping[Any, float]
    judge_competence: float = float("nan")
    converged: bool = True
    iterations: int = 0
    log_likelihood: float = float("nan")

    @property
    def labels(self) -> dict[Any, Any]:
        """The most probable label of each task; among equals the first of `classes` (see `ties`)."""
        return dict(zip(self.tasks, (self.classes[best] for best in self._best().tolist()), strict=True))

    @property
    def ties(self) -> tuple[Any, ...]:
        """Tasks whose two most probable labels are equally probable: the votes do not decide them."""
        if len(self.classes) < 2:
            return ()
        top = np.partition(self.posterior, -2, axis=1)[:, -2:]
        return tuple(self.tasks[index] for index in np.flatnonzero(top[:, 1] - top[:, 0] <= TIE).tolist())

    def to_frame(self) -> pl.DataFrame:
        """Return one row a task: task_id, label, p_label (its probability), entropy (nats; high is disputed)."""
        logs = np.log(np.where(self.posterior > 0, self.posterior, 1.0))
        best = self._best()
        return pl.DataFrame(
            {
                "task_id": self.tasks,
                "label": [self.classes[each] for each in best.tolist()],
                "p_label": self.posterior[np.arange(best.size), best],
                "entropy": np.abs((self.posterior * logs).sum(axis=1)),
            },
            strict=False,
        )

    def _best(self) -> Any:
        # Rounded, so that equal probabilities out of different sums are equal.
        return np.argmax(np.round(self.posterior, 12), axis=1)


def counted(votes: Votes, posterior: FloatArray) -> tuple[dict[Any, FloatArray], dict[Any, float]]:
    """Return each rater's confusion matrix and share of right labels, from posteriors that are taken as the truth."""
    counts = votes.confusion(posterior)
    totals = counts.sum(axis=2, keepdims=True)
    rows = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    right = np.trace(counts, axis1=1, axis2=2) / counts.sum(axis=(1, 2))
    return dict(zip(votes.raters, rows, strict=True)), dict(zip(votes.raters, right.tolist(), strict=True))
