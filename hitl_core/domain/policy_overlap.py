"""The overlap section of a policy: which items get more than one opinion, and when another one is worth its cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, model_validator

from hitl_core.domain.conditions import Number
from hitl_core.domain.records import Record
from hitl_core.domain.thresholds import UnitNumber

Opinions = Annotated[int, Field(ge=1, le=9, strict=True)]
FIRST_WHEN_ADAPTIVE = 2


class Overlap(Record):
    """How many people look at the same item independently.

    `share` of the items that go to a person get `opinions` opinions; a rule may ask for more for its own. With
    `adaptive` two are asked first, and another one only while it is expected to save more than it costs:
    `error_cost` times the drop in the chance of a wrong label, against `opinion_cost`. With `show_judges` a senior who
    settles a dispute also reads what judges said, as one opinion among the others; with `hide_names` pages about
    agreement number the reviewers instead of naming them.
    """

    share: UnitNumber = 0.0
    opinions: Opinions = 2
    adaptive: StrictBool = False
    rater_accuracy: Annotated[Number, Field(gt=0.5, lt=1)] = 0.87
    opinion_cost: Annotated[Number, Field(gt=0)] = 2.0
    error_cost: Annotated[Number, Field(gt=0)] = 20.0
    show_judges: StrictBool = True
    hide_names: StrictBool = False

    @model_validator(mode="after")
    def _asks_for_several(self) -> Overlap:
        if self.share > 0 and self.opinions < 2:
            raise ValueError("overlap.share is set, but overlap.opinions is 1; ask for 2 to 9 opinions")
        return self

    def at_first(self, wanted: int) -> int:
        """Return how many opinions are asked for at once where `wanted` may be needed."""
        return min(wanted, FIRST_WHEN_ADAPTIVE) if self.adaptive else wanted
