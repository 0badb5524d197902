"""A judge whose verdicts were recorded: for demos, tests and evaluation on verdicts of real judges, without a model.

Public: `RecordedJudge`, `RecordedVerdict`, `BadLine`, `read_verdicts`, `load_recorded`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hitl_core.domain.errors import ConfigurationError, explain
from hitl_core.domain.opinions import JudgeVerdict, Vote
from hitl_core.domain.records import Item, Name, Text, UnitFloat, canonical_json
from hitl_core.judging.judge.injection import injection_flags
from hitl_core.judging.opinion import abstention

DEMO = "demo"
DEMO_FILE = "verdicts.jsonl"
NOT_RECORDED = "no recorded verdict"
MOST_BAD_LINES = 1000


class RecordedVerdict(BaseModel):
    """One line of the file; `judge` says whose it is where a file holds several judges."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: Annotated[Name, Field(min_length=1)] = "default"
    item_id: Annotated[Name, Field(min_length=1)]
    judge: Name = ""
    verdict: Literal["approve", "reject", "abstain"]
    p_correct: UnitFloat | None = None
    reason: Text = ""
    flags: tuple[Name, ...] = ()
    model: Name = ""
    prompt: Name = ""
    votes: tuple[Vote, ...] = ()
    calls: Annotated[int, Field(ge=0)] = 0
    input_tokens: Annotated[int, Field(ge=0)] = 0
    output_tokens: Annotated[int, Field(ge=0)] = 0
    cost_usd: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] | None = None
    latency_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class BadLine(NamedTuple):
    """A line that holds no verdict, and why."""

    number: int
    reason: str


class RecordedJudge:
    """Gives the recorded verdict of an item, marked as recorded; an item that is not in the file is an abstention.

    Nothing is spent now: `cost_usd` is what the recording says it cost then, or unknown. Instruction-like text in the
    item is flagged now, whatever the recording says, so that a person decides.
    """

    def __init__(self, name: str, verdicts: Mapping[tuple[str, str], RecordedVerdict]) -> None:
        """Take the verdicts by (project, item id)."""
        self.name = name
        self._verdicts = dict(verdicts)
        lines = sorted(canonical_json(each.model_dump(mode="json")) for each in self._verdicts.values())
        self.fingerprint = "recorded:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]

    async def judge(self, item: Item) -> JudgeVerdict:
        """Return the recorded verdict, or abstain."""
        found = self._verdicts.get((item.project, item.id))
        seen = tuple(flag[:200] for flag in injection_flags(item))
        if found is None:
            missing = abstention(item, self.name, NOT_RECORDED, cost_usd=Decimal(0))
            return missing.model_copy(update={"recorded": True, "fingerprint": self.fingerprint, "flags": seen})
        return JudgeVerdict(
            **found.model_dump(exclude={"judge", "flags"}),
            judge=self.name,
            flags=tuple(dict.fromkeys((*found.flags, *seen))),
            method="none" if found.verdict == "abstain" else "recorded",
            fingerprint=self.fingerprint,
            recorded=True,
        )


def read_verdicts(
    lines: Iterable[str], *, judge: str = ""
) -> tuple[dict[tuple[str, str], RecordedVerdict], list[BadLine]]:
    """Read JSON lines; a line that cannot be used is listed and the others are kept.

    Args:
        lines: one JSON object a line; empty lines are nothing.
        judge: keep the lines of this judge and those that name none; all when empty.

    Returns:
        tuple: verdicts by (project, item id), and the lines that hold none, with their numbers from 1. Of two lines on
        one item the first is kept and the second is listed.
    """
    found: dict[tuple[str, str], RecordedVerdict] = {}
    bad: list[BadLine] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or len(bad) >= MOST_BAD_LINES:
            continue
        verdict = _parsed(line)
        if isinstance(verdict, str):
            bad.append(BadLine(number, verdict))
        elif judge and verdict.judge not in ("", judge):
            continue
        elif found.setdefault((verdict.project, verdict.item_id), verdict) is not verdict:
            bad.append(BadLine(number, f"a second verdict on {verdict.item_id!r}; the first one is kept"))
    return found, bad


def load_recorded(name: str, source: str) -> tuple[RecordedJudge, list[BadLine]]:
    """Read a recorded judge from a file.

    Args:
        name: of the judge; lines of other judges in the same file are left out.
        source: path from the working directory, or `demo` for the verdicts of the demo set.

    Raises:
        ConfigurationError: the file is not there, cannot be read or holds no verdict of this judge.
    """
    path = _demo_file() if source == DEMO else Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise ConfigurationError(f"recorded verdicts {str(path)!r:.200} cannot be read: {reason}") from None
    verdicts, bad = read_verdicts(text.split("\n"), judge=name)
    if not verdicts:
        first = f"; line {bad[0].number}: {bad[0].reason}" if bad else ""
        raise ConfigurationError(f"{str(path)!r:.200} holds no verdict of {name!r}{first}")
    return RecordedJudge(name, verdicts), bad


def _demo_file() -> Path:
    """The demo set is inside an installed package, and in data/ of a source tree."""
    packaged = Path(str(resources.files("hitl_core"))) / "demo_data" / DEMO_FILE
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "data" / "demo" / DEMO_FILE


def _parsed(line: str) -> RecordedVerdict | str:
    try:
        return RecordedVerdict.model_validate_json(line, strict=True)
    except ValidationError as error:
        return explain(error, RecordedVerdict)
