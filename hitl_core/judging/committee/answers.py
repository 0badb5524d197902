"""Do several short texts say the same? Normalised text, clusters of texts that mean the same (pure).

Public: `normalise_answer`, `contains_answer`, `same_text`, `same_direction`, `clusters`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hitl_core.domain.errors import InputError

Same = NDArray[np.bool_]

_THOUSANDS = re.compile(r"(?<=\d)[,'\u2019\u00a0\u202f](?=\d{3}(?!\d))")
_ARTICLES = re.compile(r"\bthe\b|\b(?:an|a)\b(?=\s+\w)")
# Kept inside numbers and at their start: 3.5, 7:30, 4/5, -40, and what may be the whole difference: c++, c#, 50 %.
_KEPT_BETWEEN_DIGITS = frozenset(".:/,-")
_KEPT_SYMBOLS = frozenset("%#")


def normalise_answer(text: str) -> str:
    """Return a short answer without what does not change it: case, width, punctuation, English articles, spaces.

    The normalisation of SQuAD (Rajpurkar and others, EMNLP 2016), made safe for numbers and other languages: letters
    keep their diacritics, 3.5 and -40 stay what they are, 1,000 is 1000, and an "a" with nothing after it (vitamin A)
    is no article. A text that would vanish is only lower-cased.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFC", plain)
    spoken = "".join(_kept(plain, at) for at in range(len(plain)))
    spoken = _ARTICLES.sub(" ", _THOUSANDS.sub("", spoken))
    return " ".join(spoken.replace(",", " ").split()) or " ".join(plain.split())


def _kept(text: str, at: int) -> str:
    """One character, or a space in the place of punctuation."""
    letter = text[at]
    if letter in "'\u2019" and not (at + 1 < len(text) and text[at + 1].isdigit()):
        return ""
    if not unicodedata.category(letter).startswith("P") or letter in _KEPT_SYMBOLS:
        return letter
    before = text[at - 1] if at else " "
    after = text[at + 1] if at + 1 < len(text) else " "
    if letter == "-" and after.isdigit() and not before.isalnum():
        return letter
    inside = before.isdigit() and after.isdigit()
    return letter if inside and (letter in _KEPT_BETWEEN_DIGITS or letter in "'\u2019") else " "


def contains_answer(text: str, answer: str) -> bool:
    """Return whether the words of an answer stand in a text, in a row, after normalising both."""
    words, wanted = normalise_answer(text), normalise_answer(answer)
    return bool(wanted) and f" {wanted} " in f" {words} "


def same_text(texts: Sequence[str], *, contained: bool = False) -> Same:
    """Return which texts are the same after normalisation, shape (n, n); an empty text is the same as none.

    Args:
        texts: the answers.
        contained: also when one stands in the other, as "Paris" in "It is Paris.".
    """
    normal = [normalise_answer(text) for text in texts]
    same = np.zeros((len(texts), len(texts)), dtype=np.bool_)
    for i, one in enumerate(normal):
        for j, other in enumerate(normal):
            within = contained and (f" {one} " in f" {other} " or f" {other} " in f" {one} ")
            same[i, j] = bool(one) and bool(other) and (one == other or within)
    return same


def same_direction(vectors: ArrayLike, least_cosine: float) -> Same:
    """Return which embeddings have at least that cosine, shape (n, n).

    Args:
        vectors: shape (n, dimension); a vector of zeros is like no other.
        least_cosine: between 0 and 1.

    Raises:
        InputError: the vectors are no table of finite numbers.
    """
    given = np.asarray(vectors, dtype=np.float64)
    if given.ndim != 2 or not np.isfinite(given).all():
        raise InputError(f"expected one vector of finite numbers for each text; got shape {given.shape}")
    length = np.linalg.norm(given, axis=1, keepdims=True)
    unit = np.divide(given, length, out=np.zeros_like(given), where=length > 0)
    return np.asarray(unit @ unit.T >= least_cosine - 1e-9, dtype=np.bool_)


def clusters(same: Same) -> tuple[tuple[int, ...], ...]:
    """Group texts so that in a cluster every one is the same as every other; the largest cluster first.

    "About the same" is not transitive, so chains are not followed: the largest set of texts that are all alike is taken
    out, and so on. Meant for committees (at most a few dozen texts).

    Args:
        same: symmetric, shape (n, n); the diagonal does not matter.

    Returns:
        tuple: rising indices of each cluster; between clusters of one size the one with the smaller indices first.
    """
    left = set(range(len(same)))
    found = []
    while left:
        best = min(_cliques(same, [], sorted(left), []), key=lambda clique: (-len(clique), clique))
        found.append(best)
        left -= set(best)
    return tuple(found)


def _cliques(same: Same, chosen: list[int], open_: list[int], closed: list[int]) -> list[tuple[int, ...]]:
    """All maximal sets of alike texts (Bron and Kerbosch 1973, with a pivot)."""
    if not open_ and not closed:
        return [tuple(sorted(chosen))]
    pivot = max([*open_, *closed], key=lambda each: sum(bool(same[each, other]) for other in open_))
    found = []
    for text in [each for each in open_ if each == pivot or not same[pivot, each]]:
        alike = [each for each in open_ if each != text and same[text, each]]
        seen = [each for each in closed if same[text, each]]
        found += _cliques(same, [*chosen, text], alike, seen)
        open_ = [each for each in open_ if each != text]
        closed = [*closed, text]
    return found
