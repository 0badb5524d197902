"""Text that speaks to the judge: patterns of instructions, forged turns and forged verdicts, in plain or encoded form.

A pattern is no proof, and its absence proves nothing; a hit costs a person a look. So the patterns ask for what an
answer to a user hardly ever contains: it addresses whoever grades it, or it imitates the protocol of a conversation.
Before matching, text is folded (NFKC, look-alike letters, invisible characters) and what is encoded is decoded.

Public: `instruction_like`, `injection_flags`, `FLAG`.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from hitl_core.domain.records import Item
from hitl_core.judging.judge.unmasking import LONGEST, hidden_characters, readings
from hitl_core.judging.opinion import HOLDING_FLAG

FLAG = f"{HOLDING_FLAG}:instruction_like_text"


def _compiled() -> dict[str, tuple[re.Pattern[str], ...]]:
    source = resources.files("hitl_core.judging.judge").joinpath("instructions.toml").read_text(encoding="utf-8")
    content = tomllib.loads(source)
    return {
        kind: tuple(re.compile(_filled(each, content["fragments"]), re.IGNORECASE | re.DOTALL) for each in patterns)
        for kind, patterns in content["patterns"].items()
    }


def _filled(pattern: str, fragments: dict[str, str]) -> str:
    for name, fragment in fragments.items():
        pattern = pattern.replace(f"<<{name}>>", fragment)
    return pattern


_COMPILED = _compiled()


def instruction_like(text: str) -> tuple[str, ...]:
    """Return the kinds of instruction-like text found, sorted: none for ordinary text.

    Kinds end in ":encoded" where only a decoded form of the text shows them.
    """
    if len(text) > LONGEST:
        return ("too_long_to_check",)
    found: set[str] = set()
    for reading, encoded in readings(text):
        for kind, patterns in _COMPILED.items():
            if any(each.search(reading) for each in patterns):
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
