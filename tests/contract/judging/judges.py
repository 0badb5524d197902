"""Scripted cascades for tests: what they say is written down beforehand, nothing is called."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from hitl_core import Item, Loop, Policy
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.judging.cascade.cascade import CascadeResult

POLICY = """
[audit]
rate = {rate}
[judging]
wait_seconds = 300
deadline_seconds = 5
concurrency = {concurrency}
[judging.judges.cheap]
model = "openai/none"
[[judging.tiers]]
judge = "cheap"
"""


def judging_policy(more: str = "", *, rate: float = 0.0, concurrency: int = 4) -> Policy:
    """A policy with one tier."""
    return Policy.from_toml(more + POLICY.format(rate=rate, concurrency=concurrency))


def verdict(word: str = "approve", p: float | None = 0.97, **fields: Any) -> JudgeVerdict:
    """One verdict of the judge `cheap`."""
    given = {"judge": "cheap", "method": "recorded", "recorded": True, "cost_usd": Decimal("0.001")}
    return JudgeVerdict(verdict=word, p_correct=p, **(given | fields))


def accepted() -> CascadeResult:
    """What a certified judge that is sure leads to."""
    said = verdict(accepted=True, certificate="c1")
    return _result((said,), accepted=True, stopped_by="accepted", path=("cheap",), reasons=("judge:cheap:accepted",))


def unsure() -> CascadeResult:
    """What a judge that leans to nothing leads to."""
    reasons = ("judge:cheap:below_threshold",)
    return _result((verdict(p=0.6),), accepted=False, stopped_by="exhausted", path=("cheap", "person"), reasons=reasons)


def attacked() -> CascadeResult:
    """What instruction-like text leads to."""
    said = verdict("abstain", None, flags=("injection:instruction_like_text",), reason="The text instructs the judge.")
    reasons = ("judge:cheap:flagged:injection",)
    return _result((said,), accepted=False, stopped_by="held", path=("cheap", "person"), reasons=reasons)


def _result(said: tuple[JudgeVerdict, ...], **fields: Any) -> CascadeResult:
    return CascadeResult(verdicts=said, cost_usd=Decimal("0.001"), **fields)


class ScriptedCascade:
    """Gives the same result for every item, or raises it; `asked` lists the items' ids."""

    def __init__(self, result: CascadeResult | BaseException, *, gate: asyncio.Event | None = None) -> None:
        self.result, self.gate, self.asked = result, gate, list[str]()

    async def judge(self, item: Item) -> CascadeResult:
        self.asked.append(item.id)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def script(loop: Loop, result: CascadeResult | BaseException, **fields: Any) -> ScriptedCascade:
    """Make the loop ask a scripted cascade from now."""
    cascade = ScriptedCascade(result, **fields)
    loop.judges.ask(lambda _live: cascade)
    return cascade
