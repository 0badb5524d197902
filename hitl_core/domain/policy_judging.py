"""The judging section of a policy: which models are asked, in which order, and what their word is worth."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from hitl_core.domain.conditions import Number
from hitl_core.domain.errors import did_you_mean
from hitl_core.domain.records import Name, Record
from hitl_core.domain.thresholds import UnitNumber

Positive = Annotated[Number, Field(gt=0)]
Count = Annotated[int, Field(ge=1, strict=True)]
Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Price(Record):
    """What a model costs in USD per million tokens; a model that is not listed has an unknown price."""

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None


class Judge(Record):
    """One model judge: which model, which prompt, how it is asked. Keys come from the environment, never from here."""

    kind: Literal["llm", "recorded"] = "llm"
    model: Name = ""
    recorded: str = ""
    prompt: Name = "grounded.v1"
    api_base: str = ""
    api_key_env: Name = ""
    logprobs: StrictBool = False
    json_schema: StrictBool = True
    samples: Count = 1
    both_orders: StrictBool = False
    few_shot: Annotated[int, Field(ge=0, le=16, strict=True)] = 0
    temperature: Annotated[Number, Field(ge=0, le=2)] = 0.0
    max_tokens: Count = 300
    max_context_tokens: Count = 8192
    timeout_seconds: Positive = 30.0

    @model_validator(mode="after")
    def _names_its_source(self) -> Judge:
        if self.kind == "llm" and not self.model:
            raise ValueError("a judge needs a model, such as model = 'openai/gpt-4o-mini'")
        if self.kind == "recorded" and not self.recorded:
            raise ValueError("a recorded judge needs recorded = 'FILE', the JSONL file of its verdicts")
        return self


class Committee(Record):
    """Several judges asked at once; fewer than `quorum` opinions, or no agreement by the rule, is an abstention.

    With `asks = "answer"` the members' models answer the query themselves, and the output is approved when it says
    what enough of them say: the same text after normalisation, or, with `same_meaning_at`, a text whose embedding has
    at least that cosine, or, with `same_meaning_by`, one that means the same by that judge's model. `panel` is the JSON
    file of fitted weights that the rule `weighted` needs.
    """

    members: Annotated[tuple[Name, ...], Field(min_length=2)]
    quorum: Count = 2
    rule: Literal["unanimous", "majority", "weighted"] = "unanimous"
    asks: Literal["verdict", "answer"] = "verdict"
    same_meaning_at: UnitNumber | None = None
    same_meaning_by: Name = ""
    panel: str = ""

    @model_validator(mode="after")
    def _can_be_met(self) -> Committee:
        if twice := [name for name in self.members if self.members.count(name) > 1]:
            raise ValueError(f"the committee lists {twice[0]!r} twice")
        if self.quorum > len(self.members):
            raise ValueError(f"a quorum of {self.quorum} cannot be met by {len(self.members)} members")
        if (self.rule == "weighted") != bool(self.panel):
            raise ValueError("rule = 'weighted' and panel = 'FILE', the JSON file of the weights, need each other")
        if self.asks == "answer" and self.rule == "weighted":
            raise ValueError("weights are of verdicts; a committee that answers takes rule = 'unanimous' or 'majority'")
        if self.asks != "answer" and (self.same_meaning_at is not None or self.same_meaning_by):
            field = "same_meaning_by" if self.same_meaning_by else "same_meaning_at"
            raise ValueError(f"{field} compares answers; it needs asks = 'answer'")
        return self


class Tier(Record):
    """One step of the cascade: who is asked, and from which probability of being right their word is taken."""

    judge: Name
    accept_at: UnitNumber = 0.9


class Judging(Record):
    """The cascade between the router and a person; without tiers no model is asked."""

    judges: dict[Name, Judge] = Field(default_factory=dict)
    committees: dict[Name, Committee] = Field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    min_precision: UnitNumber = 0.95
    certificate_confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    certificate_max_age_days: Positive = 90.0
    budget_usd_per_day: Dollars | None = None
    budget_usd_per_item: Dollars | None = None
    deadline_seconds: Positive = 120.0
    wait_seconds: Positive = 900.0
    concurrency: Count = 8
    requests_per_minute: Positive | None = None
    prices: dict[Name, Price] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_exist(self) -> Judging:
        known = {**self.judges, **self.committees}
        if both := set(self.judges) & set(self.committees):
            raise ValueError(f"{sorted(both)[0]!r} names a judge and a committee; give them different names")
        for tier in self.tiers:
            if tier.judge not in known:
                hint = did_you_mean(tier.judge, known) or "; define it under judging.judges or judging.committees"
                raise ValueError(f"a tier asks {tier.judge!r}, which is not defined{hint}")
        for name, committee in self.committees.items():
            for member in committee.members:
                if member not in self.judges:
                    raise ValueError(f"committee {name!r} has the member {member!r}, which is no judge")
            comparing = self.judges.get(committee.same_meaning_by)
            if committee.same_meaning_by and (comparing is None or comparing.kind != "llm"):
                who = f"{committee.same_meaning_by!r} compare answers"
                raise ValueError(f"committee {name!r} lets {who}, which is no judge with a model")
        return self
