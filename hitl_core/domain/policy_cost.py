"""The cost section of a policy: what a review, a model call and an escaped error cost; reports reckon by it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hitl_core.domain.conditions import Number
from hitl_core.domain.records import Record

Usd = Annotated[Number, Field(ge=0)]


class Prices(Record):
    """What things cost, in USD.

    A human review costs `human_usd`, or `rate_per_hour_usd` times the minutes that one takes where a rate is given:
    `minutes_per_review`, else as measured (`with_measured`). `reviewer_miss` is the chance that a reviewer lets a wrong
    output pass: two people disagree about 13 % of real answers, so it is not 0 by default.
    """

    human_usd: Usd = 2.0
    rate_per_hour_usd: Usd | None = None
    minutes_per_review: Usd | None = None
    model_usd: Usd = 0.01
    judge_usd: Usd = 0.0
    escaped_error_usd: Usd = 20.0
    reviewer_miss: Annotated[Number, Field(ge=0, lt=1)] = 0.07

    def with_measured(self, minutes: float | None) -> Prices:
        """Return prices with the measured minutes of a review, where a rate is given and no minutes are."""
        if self.rate_per_hour_usd is None or self.minutes_per_review is not None or minutes is None:
            return self
        return self.model_copy(update={"minutes_per_review": minutes})

    @property
    def review_usd(self) -> float:
        """What one human review costs; `human_usd` where there is a rate and nobody knows the minutes."""
        if self.rate_per_hour_usd is None or self.minutes_per_review is None:
            return self.human_usd
        return self.rate_per_hour_usd * self.minutes_per_review / 60

    @property
    def break_even(self) -> float:
        """The error rate above which a review is worth its price; above 1 it never is."""
        saved = (1 - self.reviewer_miss) * self.escaped_error_usd
        return self.review_usd / saved if saved > 0 else float("inf")
