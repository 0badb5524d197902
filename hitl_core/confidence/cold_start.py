"""A score for a project that has no labels yet: a fixed formula, not fitted to anything and no probability of anything.

    score = (0.5 · coverage_1 + 0.2 · coverage_2 + 0.3 · support) · 0.7^min(numbers, 5) · 0.85^min(names, 5)

`numbers` and `names` count what the output has and neither a passage nor the query. The score rises with every
share and falls with every number and name that is new. An output too short for pairs of words takes its words' share
for them. It orders a queue; nothing may go out by it.
"""

from __future__ import annotations

from hitl_core.confidence.reasons import reasons_for
from hitl_core.confidence.scorer import Score
from hitl_core.confidence.signals import Signals

NAME = "cold_start"
_WORDS, _PAIRS, _SUPPORT = 0.5, 0.2, 0.3
_PER_NUMBER, _PER_NAME = 0.7, 0.85
_MOST = 5


def cold_start_score(signals: Signals) -> Score:
    """Return the formula's value in [0, 1] with its reasons; `p` is None where there is no passage or no word."""
    if signals.coverage_1 is None:
        return Score(None, reasons_for(signals))
    pairs = signals.coverage_1 if signals.coverage_2 is None else signals.coverage_2
    shares = _WORDS * signals.coverage_1 + _PAIRS * pairs + _SUPPORT * (signals.support or 0.0)
    numbers, names = min(signals.novel_numbers or 0, _MOST), min(signals.novel_names or 0, _MOST)
    return Score(min(1.0, shares * _PER_NUMBER**numbers * _PER_NAME**names), reasons_for(signals))
