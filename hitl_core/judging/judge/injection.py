"""Text that speaks to the judge: patterns of instructions, forged turns and forged verdicts, in plain or encoded form.

A pattern is no proof, and its absence proves nothing; a hit costs a person a look. So the patterns ask for what an
answer to a user hardly ever contains: it addresses whoever grades it, or it imitates the protocol of a conversation.
Words that are ordinary where people approve, check and mark things ("your manager must approve") are hints: they count
only where the judging itself is named near them, or where a second hint stands near.
Before matching, text is folded (NFKC, look-alike letters, invisible characters) and what is encoded is decoded.

Public: `instruction_like`, `injection_flags`, `FLAG`.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from importlib import resources
from typing import NamedTuple

from hitl_core.domain.records import Item
from hitl_core.judging.judge.unmasking import LONGEST, hidden_characters, readings
from hitl_core.judging.opinion import HOLDING_FLAG

FLAG = f"{HOLDING_FLAG}:instruction_like_text"
Patterns = dict[str, tuple[re.Pattern[str], ...]]
# A hint and what confirms it stand in one or two sentences: so many characters at most between them.
NEAR = 160
# Two hints may share the mark between them.
SHARED = 2


class _Hit(NamedTuple):
    """Where words were found that may be ordinary, by which pattern; sorted by place."""

    start: int
    end: int
    pattern: str = ""
    kind: str = ""
    everyday: bool = False

    def confirmed_by(self, other: _Hit) -> bool:
        """Whether the two stand near each other, are of different patterns and one is more than everyday words."""
        gap = max(self.start - other.end, other.start - self.end)
        if not other.pattern:
            return gap <= NEAR
        apart = -SHARED <= gap <= NEAR and self.pattern != other.pattern
        return apart and not (self.everyday and other.everyday)


class _Screen(NamedTuple):
    """Patterns that flag by themselves; hints and everyday words to be confirmed; what names the judging."""

    patterns: Patterns
    hints: Patterns
    everyday: Patterns
    judged: re.Pattern[str]

    def kinds(self, reading: str) -> set[str]:
        """Return the kinds that a reading of a text shows."""
        found = {kind for kind, patterns in self.patterns.items() if any(each.search(reading) for each in patterns)}
        named = [_Hit(*each.span()) for each in self.judged.finditer(reading)]
        hits = list(_hits(self.hints, found, reading))
        if not named and not hits:
            return found  # everyday words alone say nothing
        hits += _hits(self.everyday, found, reading, everyday=True)
        return found | _confirmed(hits, named)


def _hits(section: Patterns, found: Collection[str], reading: str, *, everyday: bool = False) -> Iterator[_Hit]:
    """Yield the hits of a section's kinds that were not found yet."""
    for kind, patterns in section.items():
        for each in patterns if kind not in found else ():
            for hit in each.finditer(reading):
                yield _Hit(*hit.span(), each.pattern, kind, everyday)


def _confirmed(hits: Sequence[_Hit], named: Sequence[_Hit]) -> set[str]:
    """Return the kinds of hits that something near them confirms."""
    if not hits:
        return set()
    places = sorted([*hits, *named])
    starts = [each.start for each in places]
    reach = NEAR + max(each.end - each.start for each in places)
    found: set[str] = set()
    for hit in hits:
        if hit.kind in found:
            continue
        near = places[bisect_left(starts, hit.start - reach) : bisect_right(starts, hit.end + NEAR)]
        if any(hit.confirmed_by(other) for other in near):
            found.add(hit.kind)
    return found


def _compiled() -> _Screen:
    source = resources.files("hitl_core.judging.judge").joinpath("instructions.toml").read_text(encoding="utf-8")
    content = tomllib.loads(source)

    def compiled(section: str) -> Patterns:
        return {
            kind: tuple(re.compile(_filled(each, content["fragments"]), re.IGNORECASE | re.DOTALL) for each in patterns)
            for kind, patterns in content[section].items()
        }

    judged = re.compile(content["fragments"]["judged"], re.IGNORECASE)
    return _Screen(compiled("patterns"), compiled("hints"), compiled("everyday"), judged)


def _filled(pattern: str, fragments: dict[str, str]) -> str:
    for name, fragment in fragments.items():
        pattern = pattern.replace(f"<<{name}>>", fragment)
    return pattern


_SCREEN = _compiled()


def instruction_like(text: str) -> tuple[str, ...]:
    """Return the kinds of instruction-like text found, sorted: none for ordinary text.

    Kinds end in ":encoded" where only a decoded form of the text shows them.
    """
    if len(text) > LONGEST:
        return ("too_long_to_check",)
    found: set[str] = set()
    for reading, encoded in readings(text):
        for kind in _SCREEN.kinds(reading):
            found.add(f"{kind}:encoded" if encoded and kind not in found else kind)
    found -= {f"{kind}:encoded" for kind in found}
    if hidden := hidden_characters(text):
        found.add(hidden)
    return tuple(sorted(found))


def injection_flags(item: Item) -> tuple[str, ...]:
    """Return the flags of an item, each naming where and what; the first is `FLAG`, none for an ordinary item.

    Passages are counted from 1: "injection:passage.2:override".
    """
    parts = [("output", item.output), ("query", item.query)]
    for number, passage in enumerate(item.context, start=1):
        parts.append((f"passage.{number}", f"{passage.title}\n{passage.text}" if passage.title else passage.text))
    found = [f"{HOLDING_FLAG}:{place}:{kind}" for place, text in parts for kind in instruction_like(text)]
    return (FLAG, *found) if found else ()
