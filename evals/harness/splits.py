"""Seeded splits that keep a group on one side, and the check that nothing leaks from one side to the other."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from evals.harness.cases import Dataset, place
from hitl_core.domain.errors import InputError

SHINGLE_WORDS = 4
# Two texts above this share of common shingles are the same text with small changes.
NEAR = 0.8
# A sketch of this many smallest hashes; two texts as alike as NEAR share one of them but for one pair in a million.
SKETCH = 10
# A query shorter than this says too little by itself ("Summarize."): the output is compared with it.
TELLING_WORDS = 5


@dataclass(frozen=True)
class Leak:
    """One reason why two parts are not independent.

    Attributes:
        kind: "same group" or "near-duplicate".
        left, right: ids of a case on either side.
        detail: the group, or how alike the texts are.
    """

    kind: str
    left: str
    right: str
    detail: str


def split(data: Dataset, shares: Mapping[str, float], seed: int = 0) -> dict[str, Dataset]:
    """Split by group: whole groups go to a part, drawn by a seeded hash of the group's name.

    A group stays where it is when other groups come or go, as far as the shares allow.

    Args:
        data: what to split.
        shares: part to its share of the groups, such as `{"dev": 0.5, "test": 0.5}`; they add to 1.
        seed: of the draw.

    Raises:
        InputError: shares are not positive or do not add to 1.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise InputError(f"shares must be positive and add to 1; got {dict(shares)}")
    parts: dict[str, list[str]] = {name: [] for name in shares}
    for group in data.frame["group"].unique():
        parts[_part(int(place(group, seed)[:12], 16) / 16**12, shares)].append(group)
    return {name: data.only(pl.col("group").is_in(groups)) for name, groups in parts.items()}


def folds(data: Dataset, count: int, seed: int = 0) -> list[tuple[Dataset, Dataset]]:
    """Development and test part of each of `count` folds of about equally many groups.

    Raises:
        InputError: there are fewer groups than folds, or fewer than two folds.
    """
    groups = sorted(data.frame["group"].unique().to_list(), key=lambda group: place(group, seed))
    if count < 2 or len(groups) < count:
        raise InputError(f"{count} folds of {len(groups)} groups: give at least 2 folds and as many groups")
    held = [groups[number::count] for number in range(count)]
    inside = [pl.col("group").is_in(part) for part in held]
    return [(data.only(~condition), data.only(condition)) for condition in inside]


def leaks(left: Dataset, right: Dataset, limit: int = 20) -> tuple[Leak, ...]:
    """Name what stands on both sides: groups, then near-duplicate texts (at least 80 % common word shingles).

    The text of a case is its query with its context; where that is shorter than five words, with its output.

    Args:
        left: one part.
        right: the other.
        limit: name at most so many.
    """
    shared = left.frame.select("group", left="case_id").unique("group", maintain_order=True)
    shared = shared.join(right.frame.select("group", right="case_id").unique("group"), on="group", how="inner")
    found = [Leak("same group", row["left"], row["right"], row["group"]) for row in shared.head(limit).to_dicts()]
    for leak in _near_duplicates(left, right):
        if len(found) >= limit:
            break
        found.append(leak)
    return tuple(found)


def require_no_leak(left: Dataset, right: Dataset) -> None:
    """Refuse two parts that share a group or a near-duplicate text.

    Raises:
        InputError: they do; the message names the first.
    """
    found = leaks(left, right, limit=1)
    if found:
        leak = found[0]
        raise InputError(f"leak between the parts: {leak.kind} ({leak.detail}), cases {leak.left!r} and {leak.right!r}")


def _part(draw: float, shares: Mapping[str, float]) -> str:
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if draw < reached:
            return name
    return list(shares)[-1]


def _near_duplicates(left: Dataset, right: Dataset) -> Iterator[Leak]:
    known: dict[int, list[tuple[str, str, frozenset[int]]]] = defaultdict(list)
    for case, group, marks in _shingled(right):
        for mark in sorted(marks)[:SKETCH]:
            known[mark].append((case, group, marks))
    for case, group, marks in _shingled(left):
        near = {other[0]: other for mark in sorted(marks)[:SKETCH] for other in known.get(mark, ())}
        for name, other_group, others in near.values():
            alike = len(marks & others) / len(marks | others)
            if alike >= NEAR and other_group != group:
                yield Leak("near-duplicate", case, name, f"{alike:.0%} of the words in common")
                break


def _shingled(data: Dataset) -> Iterator[tuple[str, str, frozenset[int]]]:
    """One entry a distinct text: the first case that has it."""
    seen: set[frozenset[int]] = set()
    for case, group, query, context, output in data.frame.select(
        "case_id", "group", "query", "context", "output"
    ).iter_rows():
        words = _words("\n".join((query, *(each or "" for each in context))))
        marks = _marks(words if len(words) >= TELLING_WORDS else [*words, *_words(output)])
        if marks and marks not in seen:
            seen.add(marks)
            yield case, group, marks


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _marks(words: list[str]) -> frozenset[int]:
    if len(words) < SHINGLE_WORDS:
        return frozenset()
    texts = (" ".join(words[start : start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1))
    return frozenset(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") for text in texts)
