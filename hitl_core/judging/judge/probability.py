"""How sure a judge is, by the best way its model allows: token probabilities, several annotators, its own words.

Measured on public sets, the probability of the verdict's token ranks best, shares of sampled votes second, and a
number that the model says itself hardly ranks at all, so the method goes with every verdict.

Public: `TokenMass`, `verdict_mass`, `pool`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from hitl_core.judging.chat import TokenLogprob

LEAST_MASS = 0.5
"""With less than this on yes and no together, the model was not answering the question."""
WORDS = ("yes", "no")
_VALUE = re.compile(r'\A\s*(?:```(?:json)?\s*)?\{\s*"verdict"\s*:\s*"', re.IGNORECASE)


class TokenMass(NamedTuple):
    """Probability of yes among yes and no at the verdict's token, and how much the two have together."""

    p_yes: float
    mass: float

    @property
    def healthy(self) -> bool:
        """Whether the two words have enough of the probability to mean something."""
        return self.mass >= LEAST_MASS


def verdict_mass(logprobs: Sequence[TokenLogprob]) -> TokenMass | None:
    """Return the mass at the token where the verdict's value begins; None where that token cannot be found.

    The value is found by its place: behind the opening of the JSON object, whose first key is the verdict. Tokens that
    begin "yes" or "no" count, whatever quote or space a tokeniser glues before them.
    """
    text = "".join(each.token for each in logprobs)
    opening = _VALUE.match(text)
    if opening is None:
        return None
    place = 0
    for each in logprobs:
        if place + len(each.token) > opening.end():
            return _mass(each, each.token[: opening.end() - place])
        place += len(each.token)
    return None


def _mass(token: TokenLogprob, glued: str) -> TokenMass:
    shares = dict.fromkeys(WORDS, 0.0)
    alternatives = dict(token.top) | {token.token: token.logprob}
    for text, logprob in alternatives.items():
        word = _word(text.removeprefix(glued))
        if word:
            shares[word] += math.exp(min(0.0, logprob))
    total = sum(shares.values())
    return TokenMass(shares["yes"] / total if total else 0.5, min(1.0, total))


def _word(text: str) -> str:
    # A token may be the word, its beginning, or the word with what follows in the JSON.
    start = text.lstrip(' "').partition('"')[0].strip().casefold()
    return next((word for word in WORDS if start and word.startswith(start)), "")


def pool(values: Sequence[float]) -> float:
    """Return the mean of probabilities: each annotator and each order counts alike."""
    return sum(values) / len(values)
