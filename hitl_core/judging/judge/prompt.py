"""Prompts of judges: files `prompts/<name>.<version>.md` with a rubric; the version is in every verdict.

Public: `Prompt`, `load_prompt`, `prompt_names`.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from hitl_core.domain.errors import ConfigurationError, did_you_mean
from hitl_core.domain.records import Name, Record, canonical_json

KEYS = ("name", "version", "fields", "ordered", "severe", "minor")
SECTIONS = ("Instructions", "Rubric", "Reply", "Reply with confidence", "Question")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_SECTION = re.compile(r"^# (.+)\n", re.MULTILINE)


class Prompt(Record):
    """One version of a prompt.

    `fields` are the parts of the record that is judged, in order; `ordered` those whose order must not matter (a list
    field, or two fields joined by "/"). With a `severe` problem the verdict cannot be yes, with a `minor` one it can.
    """

    id: Name
    fields: tuple[Name, ...]
    ordered: tuple[Name, ...] = ()
    severe: tuple[Name, ...]
    minor: tuple[Name, ...] = ()
    instructions: str
    rubric: str
    reply: str
    reply_with_confidence: str
    question: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything the prompt says."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json")).encode()).hexdigest()

    @cached_property
    def rubric_digest(self) -> str:
        """SHA-256 (hex) of the rubric and its problems."""
        parts = [self.rubric, self.severe, self.minor]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem a verdict may name."""
        return (*self.severe, *self.minor)


@lru_cache(maxsize=64)
def load_prompt(prompt: str, folder: Path | None = None) -> Prompt:
    """Read a prompt by its id, such as "grounded.v1".

    Args:
        prompt: name and version, as the file is called without ".md".
        folder: where the files lie; by default those of this package.

    Raises:
        ConfigurationError: there is no such prompt, or its file is not one.
    """
    found = _files(folder)
    if prompt not in found:
        raise ConfigurationError(
            f"there is no prompt {prompt!r}{did_you_mean(prompt, found)}; there are: {', '.join(found) or 'none'}"
        )
    return _parsed(prompt, found[prompt].read_text(encoding="utf-8"))


def prompt_names(folder: Path | None = None) -> tuple[str, ...]:
    """Return the ids of all prompts, sorted."""
    return tuple(_files(folder))


def _files(folder: Path | None) -> dict[str, Traversable]:
    place: Traversable = folder or resources.files("hitl_core.judging").joinpath("prompts")
    names = {each.name.removesuffix(".md"): each for each in place.iterdir() if each.name.endswith(".md")}
    return dict(sorted(names.items()))


def _parsed(prompt: str, text: str) -> Prompt:
    parts = _FRONT.match(text.replace("\r\n", "\n"))
    if parts is None:
        raise ConfigurationError(f"prompt {prompt}: the file must begin with a block between two lines of ---")
    front = dict(_pair(prompt, line) for line in parts[1].splitlines() if line.strip())
    pieces = _SECTION.split(parts[2])
    sections = {name.strip(): body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    missing = [key for key in KEYS if key not in front] + [name for name in SECTIONS if not sections.get(name)]
    if missing:
        raise ConfigurationError(f"prompt {prompt}: {', '.join(missing)} is missing")
    if f"{front['name']}.{front['version']}" != prompt:
        raise ConfigurationError(f"prompt {prompt}: the file says it is {front['name']}.{front['version']}")
    if "{tag}" not in sections["Question"]:
        raise ConfigurationError(f"prompt {prompt}: the question must name the record by data-{{tag}}")
    lists = {key: tuple(part.strip() for part in front[key].split(",") if part.strip()) for key in KEYS[2:]}
    return Prompt(
        id=prompt,
        **lists,
        instructions=sections["Instructions"],
        rubric=sections["Rubric"],
        reply=sections["Reply"],
        reply_with_confidence=sections["Reply with confidence"],
        question=sections["Question"],
    )


def _pair(prompt: str, line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon or key.strip() not in KEYS:
        raise ConfigurationError(f"prompt {prompt}: {line!r} is not one of {', '.join(KEYS)} followed by a colon")
    return key.strip(), value.strip()
