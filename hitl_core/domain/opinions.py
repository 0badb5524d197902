"""What models say about an output, for a person or a policy to weigh: verdicts of judges and committees."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from hitl_core.domain.ids import new_id
from hitl_core.domain.records import Moment, Name, Record, Text, UnitFloat

ConfidenceMethod = Literal["logprobs", "annotators", "verbalised", "votes", "recorded", "scorer", "none"]
"""How a verdict's probability came about; `verbalised` is weak, `none` goes with an abstention."""


class Vote(Record):
    """One member's part in a committee's verdict."""

    rater: Name
    verdict: Literal["approve", "reject", "abstain"]
    label: Name | None = None
    p_correct: UnitFloat | None = None
    reason: Text = ""
    model: Name = ""


class JudgeVerdict(Record):
    """What one judge or committee said about one output; append-only, one row per tier that was asked.

    `p_correct` is the probability that the output is right, in [0, 1]; None when the judge abstains. `accepted` says
    whether this verdict let the output go out. `fingerprint` names model, prompt version, rubric, few-shot snapshot and
    sampling together: a certificate is valid for one fingerprint. `cost_usd` is None when the price is unknown.
    `recorded` marks a verdict that was replayed from a file and not asked for now.
    """

    id: str = Field(default_factory=new_id)
    item_id: str = ""
    project: str = ""
    judge: Annotated[Name, Field(min_length=1)]
    kind: Literal["judge", "committee", "scorer"] = "judge"
    tier: int = 0
    verdict: Literal["approve", "reject", "abstain"]
    p_correct: UnitFloat | None = None
    method: ConfidenceMethod = "none"
    reason: Text = ""
    flags: tuple[Name, ...] = ()
    model: Name = ""
    prompt: Name = ""
    fingerprint: Name = ""
    votes: tuple[Vote, ...] = ()
    accepted: bool = False
    certificate: str | None = None
    recorded: bool = False
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    latency_seconds: float = 0.0
    created_at: Moment | None = None
