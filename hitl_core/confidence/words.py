"""Words, numbers and names of a text, folded so that the same fact written twice compares equal.

Public: `words`, `numbers`, `names`, `capitals_mean_names`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
_TOKEN = re.compile(rf"[{_CJK}]+|\d+(?:[.,]\d+)*|[^\W\d_{_CJK}]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CITATION = re.compile(r"\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]")
_LIST_MARK = re.compile(r"\A\s*\(?\d{1,3}[.)]\s")
_NAME = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SPELLED = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
    if value > 1
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90", "hundred": "100", "once": "1"}
_ENDINGS = (("ing", 4), ("ed", 4), ("s", 3), ("ly", 4))
_LONGEST_WORD = 64


def words(text: str) -> list[str]:
    """Return the folded words of a text in order; runs without spaces (CJK, Thai) become pairs of characters."""
    tokens = _TOKEN.findall(_CITATION.sub(" ", text) if "[" in text else text)
    if text.isascii():
        return [_fold(token[:_LONGEST_WORD]) for token in tokens]
    found: list[str] = []
    for token in tokens:
        if token[0] >= "\u3040" or "\u0e00" <= token[0] <= "\u0e7f":
            found.extend(token[at : at + 2] for at in range(max(1, len(token) - 1)))
        else:
            found.append(_fold(token[:_LONGEST_WORD]))
    return found


def numbers(text: str) -> list[str]:
    """Return the numbers written in digits of any script, folded (`1,200` → `1200`, `3.50` → `3.5`, `٤٢` → `42`).

    Citations and list marks are no numbers.
    """
    return [_fold_number(token) for token in _NUMBER.findall(_LIST_MARK.sub(" ", _CITATION.sub(" ", text)))]


def names(sentence: str) -> list[str]:
    """Return capitalised words that are not the sentence's first, and acronyms anywhere, as written."""
    found = []
    for position, match in enumerate(_NAME.finditer(sentence)):
        word = match.group()
        acronym = len(word) > 1 and word.isupper()
        if acronym or (position > 0 and len(word) > 1 and word[0].isupper()):
            found.append(word)
    return found


def capitals_mean_names(text: str) -> bool:
    """Whether capitals mean names here; not in title case, nor in German, which capitalises every noun."""
    inner = [word for word in text[:20_000].split() if word[0].isalpha()]
    capitals = sum(word[0].isupper() for word in inner)
    return capitals <= 0.3 * len(inner) + 3


@lru_cache(maxsize=65_536)
def _fold(token: str) -> str:
    if token[0].isdigit():
        return _fold_number(token)
    token = token.casefold().replace("’", "'").removesuffix("'s")
    if token in _SPELLED:
        return _SPELLED[token]
    for ending, left in _ENDINGS if token.isascii() else ():
        if token.endswith(ending) and len(token) - len(ending) >= left and not token.endswith("ss"):
            token = token[: -len(ending)]
            break
    return token.rstrip("e") if token.isascii() and len(token) > 4 else token


def _fold_number(token: str) -> str:
    """Drop separators of thousands; a single separator before other than three digits is the decimal sign."""
    token = token[:_LONGEST_WORD]
    if not token.isascii():
        token = "".join(str(unicodedata.decimal(each, each)) for each in token)
    marks = [mark for mark in token if mark in ".,"]
    if not marks:
        return token.lstrip("0") or "0"
    whole, _, last = token.rpartition(marks[-1])
    grouped = len(last) == 3 and (marks[-1] == "," or len(marks) > 1) and len(set(marks)) == 1
    digits = re.sub(r"[.,]", "", whole).lstrip("0") or "0"
    if grouped:
        return (digits + last).lstrip("0") or "0"
    fraction = last.rstrip("0")
    return f"{digits}.{fraction}" if fraction else digits
