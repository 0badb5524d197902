"""When two examples say the same: alike by meaning, and with the same figures and the same negations.

An embedding hardly sees the difference between "within 30 days" and "within 60 days", and sees nothing beyond
its window, but such a difference is often exactly what a reviewer corrected. So words have a veto. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np

from hitl_core.domain.records import GoldenExample
from hitl_core.golden.index import Vectors

MIN_COSINE = 0.98
MIN_WORD_OVERLAP = 0.85
_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NEGATIONS = frozenset("no not never none nor neither without cannot except unless nothing nobody".split())


def may_be_same(first: GoldenExample, second: GoldenExample) -> bool:
    """Whether the words allow two examples of one project and domain to be merged."""
    return (
        first.project == second.project
        and first.domain == second.domain
        and _same_claims(first.query, second.query)
        and _same_claims(first.output, second.output)
    )


def close_pairs(vectors: Vectors, others: Vectors) -> list[bool]:
    """Return for each row pair of two (n, dimension) arrays whether the cosine is above 0.98."""
    similarities = np.einsum("ij,ij->i", vectors, others)
    return [bool(value > MIN_COSINE) for value in similarities]


def _same_claims(first: str, second: str) -> bool:
    one, two = _tokens(first), _tokens(second)
    different = (one - two) + (two - one)
    if any(_decides(token) for token in different):
        return False
    total = one.total() + two.total()
    return not total or 1 - different.total() / total >= MIN_WORD_OVERLAP


def _tokens(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def _decides(token: str) -> bool:
    return token[0].isdigit() or token in _NEGATIONS or token.endswith(("n't", "n\u2019t"))
