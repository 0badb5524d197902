"""From a policy's judging section to a cascade: judges, committees, tiers, accept_at, limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitl_core.domain.errors import ConfigurationError, PolicyError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_judging import Judge, Judging
from hitl_core.domain.records import Item
from hitl_core.judging.cascade.building import build_cascade
from hitl_core.judging.cascade.cascade import CascadeResult
from hitl_core.judging.committee.answering import Answer
from hitl_core.judging.opinion import CertificateState
from hitl_core.judging.panel.panel import Member, Panel

ITEM = Item(id="i", project="p", query="q", output="Paris")
JUDGES = {name: {"model": f"m/{name}"} for name in ("a", "b", "c")}


class Scripted:
    """A judge that says what its model's name is mapped to."""

    def __init__(self, name: str, says: Any) -> None:
        self.name, self.fingerprint, self.says = name, f"f-{name}", says

    async def judge(self, item: Item) -> JudgeVerdict:
        if self.says == "silence":
            await asyncio.Event().wait()
        verdict, p = self.says
        return JudgeVerdict(judge=self.name, verdict=verdict, p_correct=p, cost_usd=Decimal("0.01"))

    async def answer(self, item: Item) -> Answer:
        return Answer(text=self.says, cost_usd=Decimal(0))


def judged(section: dict[str, Any], says: dict[str, Any], **options: Any) -> CascadeResult:
    judging = Judging.model_validate({"judges": JUDGES, **section})
    options.setdefault("certified", lambda verdict: CertificateState(status="valid"))
    cascade = build_cascade(judging, lambda name, judge: Scripted(name, says[judge.model]), **options)
    return asyncio.run(cascade.judge(ITEM))


def test_tiers_are_asked_in_the_order_of_the_policy() -> None:
    tiers = [{"judge": "b", "accept_at": 0.9}, {"judge": "a", "accept_at": 0.6}]
    result = judged({"tiers": tiers}, {"m/a": ("approve", 0.7), "m/b": ("approve", 0.8)})
    assert result.path == ("b", "a")
    assert result.accepted


def test_a_policy_without_tiers_asks_nobody() -> None:
    assert judged({}, {}).path == ("person",)


def test_without_certificates_nothing_is_accepted() -> None:
    judging = Judging.model_validate({"judges": JUDGES, "tiers": [{"judge": "a"}]})
    cascade = build_cascade(judging, lambda name, judge: Scripted(name, ("approve", 1.0)))
    assert not asyncio.run(cascade.judge(ITEM)).accepted


def test_budget_usd_per_item_and_deadline_seconds_are_kept() -> None:
    tiers = {"tiers": [{"judge": "a"}, {"judge": "b"}]}
    says = {"m/a": ("approve", 0.5), "m/b": ("approve", 1.0)}
    assert judged({**tiers, "budget_usd_per_item": 0.01}, says).stopped_by == "budget"
    assert judged({**tiers, "deadline_seconds": 0.02}, {**says, "m/a": "silence"}).stopped_by == "deadline"


def committee(**section: Any) -> dict[str, Any]:
    return {"committees": {"panel": {"members": ["a", "b", "c"], **section}}, "tiers": [{"judge": "panel"}]}


SPLIT = {"m/a": ("approve", 1.0), "m/b": ("approve", 1.0), "m/c": ("reject", 0.8)}


def test_committees_by_members_rule_and_quorum() -> None:
    assert not judged(committee(), SPLIT).accepted
    assert judged(committee(rule="majority"), SPLIT).accepted
    lost = {**SPLIT, "m/c": ("abstain", None)}
    assert judged(committee(), lost).accepted
    assert not judged(committee(quorum=3), lost).accepted


def test_a_silent_member_does_not_use_up_the_deadline() -> None:
    silent = {**SPLIT, "m/c": "silence"}
    assert judged({**committee(), "deadline_seconds": 0.5}, silent).accepted


def test_rule_weighted_reads_its_panel(tmp_path: Path) -> None:
    members = tuple(Member(name, 0.8, 0.8, w, -w, 100) for name, w in zip("abc", (0.1, 0.1, 4.0), strict=True))
    path = tmp_path / "panel.json"
    path.write_text(Panel(members, 0.0, 0.5, "panel", "c", 0.1, 0.05, 0.2, 100, 100).to_json(), encoding="utf-8")
    result = judged(committee(rule="weighted", panel=str(path)), SPLIT)
    assert result.verdicts[0].verdict == "reject"
    for text in (None, "{}"):
        path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match="the weights of committee 'panel'"):
            judged(committee(rule="weighted", panel=str(path)), SPLIT)


class AllAlike:
    """Says that all answers mean the same."""

    name, fingerprint = "c", "f-c"

    async def equivalent(
        self, query: str, first: str, second: str, *, item_id: str = "", project: str = ""
    ) -> JudgeVerdict:
        return JudgeVerdict(judge=self.name, item_id=item_id, project=project, verdict="approve")


def test_a_committee_that_asks_for_answers() -> None:
    def answerer(name: str, judge: Judge) -> Scripted:
        return Scripted(name, {"m/a": "Paris", "m/b": "paris.", "m/c": "the city of light"}[judge.model])

    def encode(texts: Sequence[str]) -> Any:
        return np.ones((len(texts), 2))

    section = committee(asks="answer")
    assert not judged(section, {}, make_answerer=answerer).accepted
    assert judged(committee(asks="answer", same_meaning_at=0.9), {}, make_answerer=answerer, encode=encode).accepted
    by_judge = committee(asks="answer", same_meaning_by="c")
    alike = {"make_answerer": answerer, "make_comparer": lambda name, judge: AllAlike()}
    assert judged(by_judge, {}, **alike).accepted
    with pytest.raises(ConfigurationError, match="'c' to compare answers"):
        judged(by_judge, {}, make_answerer=answerer)
    with pytest.raises(ConfigurationError, match="nothing here makes its members answer"):
        judged(section, {})
    with pytest.raises(ConfigurationError, match="same_meaning_at"):
        judged(committee(asks="answer", same_meaning_at=0.9), {}, make_answerer=answerer)


def test_kind_recorded_reads_its_file_and_makes_no_model(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    path.write_text(json.dumps({"project": "p", "item_id": "i", "verdict": "approve", "p_correct": 0.95}))
    section = {"judges": {"a": {"kind": "recorded", "recorded": str(path)}}, "tiers": [{"judge": "a"}]}
    result = judged(section, {})
    assert result.accepted
    assert result.verdicts[0].recorded
    with pytest.raises(ConfigurationError, match="cannot be read"):
        judged({**section, "judges": {"a": {"kind": "recorded", "recorded": "nowhere.jsonl"}}}, {})


def test_a_judge_of_two_tiers_and_committees_is_made_once() -> None:
    made = []

    def make(name: str, judge: Judge) -> Scripted:
        made.append(name)
        return Scripted(name, SPLIT[judge.model])

    section = {**committee(), "judges": JUDGES}
    section["tiers"] = [{"judge": "a"}, {"judge": "panel"}]
    build_cascade(Judging.model_validate(section), make)
    assert sorted(made) == ["a", "b", "c"]


REFUSED = [
    ("[[judging.tiers]]\njudge = 'cheap'", "cheap"),
    ("[judging.committees.p]\nmembers = ['a']", "members"),
    ("[judging.committees.p]\nmembers = ['a', 'a']", "twice"),
    ("[judging.committees.p]\nmembers = ['a', 'b']\nquorum = 3", "quorum of 3"),
    ("[judging.committees.p]\nmembers = ['a', 'b']\nrule = 'weighted'", "panel = 'FILE'"),
    ("[judging.committees.p]\nmembers = ['a', 'b']\nsame_meaning_at = 0.9", "asks = 'answer'"),
    ("[judging.committees.p]\nmembers = ['a', 'b']\nrule = 'weighted'\npanel = 'x'\nasks = 'answer'", "unanimous"),
    ("[judging.committees.p]\nmembers = ['a', 'b']\nsame_meaning_by = 'a'", "same_meaning_by compares answers"),
    (
        "[judging.judges]\na = {model = 'm'}\nb = {model = 'm'}\n"
        "[judging.committees.p]\nmembers = ['a', 'b']\nasks = 'answer'\nsame_meaning_by = 'c'",
        "no judge with a model",
    ),
    ("[judging.judges.a]\nkind = 'recorded'", "recorded = 'FILE'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_section_that_cannot_work_is_refused_when_it_is_read(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        Policy.from_toml(text)
    assert message in str(refusal.value)
