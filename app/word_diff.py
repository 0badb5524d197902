"""What changed between two texts, by words; pure."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Literal, NamedTuple

_WORD = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
_LINE = re.compile(r".*\n|.+")
MOST_WORDS = 2_000
MOST_LINES = 2_000
MOSTLY_NEW = 0.6


class Change(NamedTuple):
    """A piece of text that was kept, taken out or put in."""

    kind: Literal["keep", "out", "in"]
    text: str


@lru_cache(maxsize=16)
def diff_words(before: str, after: str) -> tuple[Change, ...]:
    """Return the changes from one text to another, in order.

    Words carry their trailing white space. Long texts (over 2,000 words that are not a common start or end) are
    compared by lines; where more than 60 % changed, or there are too many lines, the old text stands as one block
    before the new one. Joining `keep` and `out` gives the old text, `keep` and `in` the new one.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    changes = _keep("".join(old[:head]))
    changes += _middle(middle_old, middle_new, kept=head + tail)
    changes += _keep("".join(old[len(old) - tail :]))
    return tuple(changes)


def is_same(changes: tuple[Change, ...]) -> bool:
    """Whether nothing changed."""
    return all(change.kind == "keep" for change in changes)


def _middle(old: list[str], new: list[str], *, kept: int) -> list[Change]:
    block = _change("out", "".join(old)) + _change("in", "".join(new))
    if not old or not new:
        return block
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = _LINE.findall("".join(old)), _LINE.findall("".join(new))
        if max(len(old), len(new)) > MOST_LINES:
            return block
    pieces: list[Change] = []
    same = 0
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            same += b - a
            pieces += _keep("".join(old[a:b]))
        else:
            pieces += _change("out", "".join(old[a:b])) + _change("in", "".join(new[c:d]))
    largest = max(len(old), len(new)) + kept
    return block if 1 - (same + kept) / largest > MOSTLY_NEW else pieces


def _common(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _keep(text: str) -> list[Change]:
    return [Change("keep", text)] if text else []


def _change(kind: Literal["out", "in"], text: str) -> list[Change]:
    return [Change(kind, text)] if text else []
