"""`--fail-on`: a condition on the differences that makes `compare` a gate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evals.comparing.differences import Difference
from hitl_core.domain.errors import InputError, did_you_mean

CONDITION = re.compile(
    r"^(?P<value>.+?)(?:@(?P<slice>[^<>]+))?\s*(?P<sign>[<>])\s*(?P<bound>[-+]?\d*\.?\d+(?:e-?\d+)?)$"
)
REGRESSION = "regression"
EXPECTED = (
    '"regression", or VALUE<NUMBER such as "accuracy<-0.02", "committee.accuracy<-0.02", "right@model=gpt4<-0.05"'
)


@dataclass(frozen=True)
class Condition:
    """One `--fail-on`: the change (B minus A) of a value is below or above a bound, or any regression was found."""

    text: str
    value: str = ""
    slice: str = ""
    below: bool = True
    bound: float = 0.0

    def names(self, difference: Difference) -> bool:
        """Whether the condition speaks of this difference; a value may be written `suite.value`."""
        names = (difference.value, f"{difference.suite}.{difference.value}")
        return self.value in names and self.slice == difference.slice

    def meets(self, difference: Difference) -> bool:
        """Whether this difference fails the gate."""
        if self.text == REGRESSION:
            return difference.verdict == "regression"
        change = difference.change
        return self.names(difference) and (change < self.bound if self.below else change > self.bound)


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        InputError: it is none.
    """
    text = text.strip()
    if text == REGRESSION:
        return Condition(text)
    found = CONDITION.match(text)
    if found is None:
        raise InputError(f"--fail-on {text!r}: expected {EXPECTED}")
    return Condition(
        text, found["value"].strip(), (found["slice"] or "").strip(), found["sign"] == "<", float(found["bound"])
    )


def failures(differences: Sequence[Difference], conditions: Iterable[Condition]) -> list[tuple[Condition, Difference]]:
    """The differences that fail, each with the condition it meets.

    Raises:
        InputError: a condition speaks of nothing that was compared, so that it would never fail.
    """
    found = []
    for condition in conditions:
        if condition.text != REGRESSION and not any(condition.names(each) for each in differences):
            raise InputError(_unknown(condition, differences))
        found += [(condition, each) for each in differences if condition.meets(each)]
    return found


def _unknown(condition: Condition, differences: Sequence[Difference]) -> str:
    known = [_written(each) for each in differences]
    wanted = condition.value + (f"@{condition.slice}" if condition.slice else "")
    return f"--fail-on {condition.text!r}: {wanted!r} was not compared{did_you_mean(wanted, known)}"


def _written(difference: Difference) -> str:
    return difference.value + (f"@{difference.slice}" if difference.slice else "")
