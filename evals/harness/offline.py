"""Targets that ask no model: the confidence scorer, and verdicts that stand in a column of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from evals.harness.cases import Case
from evals.harness.reading import as_label
from evals.harness.targets import Output, item_of
from hitl_core.confidence.cold_start import cold_start_score
from hitl_core.confidence.scorer import Scorer
from hitl_core.confidence.signals import compute_signals
from hitl_core.domain.errors import InputError


@dataclass(frozen=True)
class ConfidenceScorer:
    """The scorer of query, context and output; without a fitted one the cold-start formula.

    Attributes:
        fitted: of a project; None for the formula, whose value is no probability.
        accept_at: least score that counts as accepted.
    """

    fitted: Scorer | None = None
    accept_at: float = 0.5
    name: str = "scorer"
    free: ClassVar[bool] = True

    @property
    def facts(self) -> Mapping[str, Any]:
        """Which scorer."""
        body = "cold_start" if self.fitted is None else hashlib.sha256(self.fitted.to_json().encode()).hexdigest()
        return {"scorer": body, "accept_at": self.accept_at}

    def __call__(self, case: Case) -> Output:
        """The score as value and confidence; not accepted where it cannot say."""
        signals = compute_signals(item_of(case))
        score = cold_start_score(signals) if self.fitted is None else self.fitted.score(signals)
        accepted = score.p is not None and score.p >= self.accept_at
        return Output(score.p, accepted, score.p, reason="; ".join(score.reasons))


@dataclass(frozen=True)
class Recorded:
    """A judge whose verdicts stand in a column: probabilities from 0 to 1, or yes and no in the usual words.

    Attributes:
        column: of the data.
        accept_at: least probability that counts as accepted.
    """

    column: str
    accept_at: float = 0.5
    name: str = "recorded"
    free: ClassVar[bool] = True

    @property
    def facts(self) -> Mapping[str, Any]:
        """Which column, accepted from where."""
        return {"column": self.column, "accept_at": self.accept_at}

    def __call__(self, case: Case) -> Output:
        """The verdict; nothing recorded is an abstention and not accepted.

        Raises:
            InputError: there is no such column, or its value is neither a probability nor yes or no.
        """
        if self.column not in case.inputs:
            raise InputError(f"the data has no column {self.column!r}")
        value = case.inputs[self.column]
        if value is None or value == "":
            return Output("abstain", accepted=False, reason="nothing recorded")
        probability = _number(value)
        if probability is not None and 0 <= probability <= 1:
            return Output(probability, probability >= self.accept_at, probability)
        try:
            verdict = as_label(value)
        except ValueError:
            raise InputError(f"{self.column}: {value!r} is neither a probability nor yes or no") from None
        return Output("approve" if verdict else "reject", bool(verdict))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
