"""How often one reviewer errs, from outputs that several people looked at.

Public: `ReviewerErrors`, `reviewer_errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hitl_core.stats import Interval, clopper_pearson


@dataclass(frozen=True)
class ReviewerErrors:
    """First opinions held against what all settled on; two who err alike are not seen, so take more rather than less.

    Attributes:
        missed, missed_of: wrong outputs that the first opinion called right, of how many.
        false_alarms, false_alarms_of: right outputs that the first opinion called wrong, of how many.
        missed_bounds, false_alarm_bounds: exact bounds of P(label right | output wrong) and P(label wrong | output
            right), each at the confidence asked: what `labels.missed` and `labels.false_alarm` of a policy take.
    """

    missed: int
    missed_of: int
    false_alarms: int
    false_alarms_of: int
    missed_bounds: Interval
    false_alarm_bounds: Interval


def reviewer_errors(pairs: Sequence[tuple[bool, bool]], confidence: float = 0.95) -> ReviewerErrors:
    """Return how often first opinions were wrong.

    Args:
        pairs: (the first opinion says right, the output is right) of each output.
        confidence: of each pair of bounds.
    """
    missed = [first for first, right in pairs if not right]
    alarms = [not first for first, right in pairs if right]
    bounds = [clopper_pearson(sum(each), len(each), confidence=confidence) for each in (missed, alarms)]
    return ReviewerErrors(sum(missed), len(missed), sum(alarms), len(alarms), *bounds)
