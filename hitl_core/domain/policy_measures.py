"""The sections of a policy on how confidence is made: the scorer, and the calibrator of what came with an item."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hitl_core.domain.conditions import Number
from hitl_core.domain.records import Name, Record

Days = Annotated[Number, Field(gt=0)]


class ScorerSection(Record):
    """Whether an output is measured when it is submitted, and by which fitted scorer it is scored.

    `signals` measures, so that rules see `signals.*`; `fill` also takes the score as the confidence of items that bring
    none. Without an artefact the score is a fixed formula, which lets nothing out.
    """

    use: Literal["off", "signals", "fill"] = "off"
    artefact: Name = ""
    max_age_days: Days = 90.0


class CalibrationSection(Record):
    """By which fitted calibrator an item's confidence is corrected; without one it counts as it came."""

    artefact: Name = ""
    max_age_days: Days = 90.0
