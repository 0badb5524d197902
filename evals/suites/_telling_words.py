"""Whether two answers to a question say the same, without a model: by the words that the question did not give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitl_core.judging.committee.answers import normalise_answer, same_text

# Words that say little about what is answered; enough for the English sets that this is used on.
SMALL_WORDS = frozenset(
    "the a an of in on at to for is was were are be been by with and or that this it its as from which who whom what "
    "when where how did do does has have had not no there their his her he she they i you your my we our will would "
    "can could may might should also more most than then so if but about into over after before during since".split()
)
# Half of the telling words of the shorter answer must be in the other one.
LEAST_OVERLAP = 0.5


def telling_words(question: str, answer: str) -> frozenset[str]:
    """Return the words of an answer that are neither small nor in the question."""
    given = frozenset(normalise_answer(question).split())
    return frozenset(normalise_answer(answer).split()) - given - SMALL_WORDS


def same_answers(question: str, answers: Sequence[str], least: float = LEAST_OVERLAP) -> NDArray[np.bool_]:
    """Return which answers say the same, shape (n, n): one stands in the other, or enough telling words are shared.

    Args:
        question: whose words do not count.
        answers: the texts.
        least: share of the shorter answer's telling words that the other one must have.
    """
    told = [telling_words(question, answer) for answer in answers]
    shared = [[_overlap(one, other) >= least for other in told] for one in told]
    return np.asarray(shared, dtype=np.bool_) | same_text(answers, contained=True)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    shorter = min(len(one), len(other))
    return len(one & other) / shorter if shorter else 0.0
