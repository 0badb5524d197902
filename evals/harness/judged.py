"""Targets that ask judges: one judge or committee, or the whole cascade of a policy, as that policy describes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.harness.cases import Case
from evals.harness.targets import Output, item_of
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.judging.cascade.cascade import JudgeCascade
from hitl_core.judging.opinion import CertificateState


@dataclass(frozen=True)
class Cascaded:
    """A cascade, of one tier or of several; what it would accept with valid certificates is accepted.

    Attributes:
        cascade: built with `certified=as_if_certified`: whether its word may be trusted is what is measured here.
        facts: policy digest, and the fingerprint of each tier.
        closing: called in the run's event loop when all cases are done.
    """

    cascade: JudgeCascade
    facts: Mapping[str, Any] = field(default_factory=dict)
    name: str = "cascade"
    closing: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, case: Case) -> Output:
        """The last verdict as value, its probability as confidence, the path as reason."""
        result = await self.cascade.judge(item_of(case))
        last = result.verdicts[-1] if result.verdicts else None
        reason = " → ".join(result.path) + (f": {last.reason}" if last is not None and last.reason else "")
        value, sure = ("abstain", None) if last is None else (last.verdict, last.p_correct)
        return Output(value, result.accepted, sure, result.cost_usd, reason)

    async def aclose(self) -> None:
        """Close the connections of the models and write what is left of their ledger."""
        if self.closing is not None:
            await self.closing()


def as_if_certified(verdict: JudgeVerdict) -> CertificateState:
    """Every verdict counts: an evaluation is where certificates come from, so it cannot need one."""
    return CertificateState(status="valid", reason=f"{verdict.judge} is being measured")
