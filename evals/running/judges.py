"""The judges of a policy, to be measured: recorded ones from their file, models through ledger and cache of the run.

The cache lies in the run's folder, so a case that is asked again after a crash is not paid for again.
"""

from __future__ import annotations

from pathlib import Path

from evals.harness.judged import Cascaded, as_if_certified
from hitl_core.domain.errors import InputError, did_you_mean
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_judging import Judge, Judging, Tier
from hitl_core.judging.calling.model_room import ModelRoom
from hitl_core.judging.cascade.building import build_cascade
from hitl_core.judging.judge.judge import LlmJudge
from hitl_core.judging.opinion import Judges
from hitl_core.store.engine import Store
from hitl_core.store.schema import prepare

CALLS = "calls.db"


def whole_cascade(policy: Policy, folder: Path) -> Cascaded:
    """The cascade of a policy.

    Raises:
        InputError: the policy has no tiers, or a judge cannot be made.
    """
    if not policy.judging.tiers:
        raise InputError("the policy has no cascade: [[judging.tiers]] names who is asked")
    return _cascaded(policy, policy.judging, folder, "cascade")


def one_judge(policy: Policy, name: str, accept_at: float, folder: Path) -> Cascaded:
    """One judge or committee of a policy, accepting from a probability.

    Args:
        policy: with the judge in `judging`.
        name: of the judge or committee.
        accept_at: least probability of being right at which its approval counts.
        folder: of the run; ledger and cache of the calls are kept there.

    Raises:
        InputError: the policy has no such judge, or it cannot be made.
    """
    known = [*policy.judging.judges, *policy.judging.committees]
    if name not in known:
        hint = did_you_mean(name, known)
        raise InputError(f"the policy has no judge {name!r}{hint}; it has: {', '.join(known) or 'none'}")
    alone = policy.judging.model_copy(update={"tiers": (Tier(judge=name, accept_at=accept_at),)})
    return _cascaded(policy, alone, folder, name)


def _cascaded(policy: Policy, judging: Judging, folder: Path, name: str) -> Cascaded:
    models = _Models(judging, folder)
    cascade = build_cascade(judging, models.judge, certified=as_if_certified)
    tiers = {
        tier.judge.name: {"fingerprint": tier.judge.fingerprint, "accept_at": tier.accept_at} for tier in cascade.tiers
    }
    return Cascaded(cascade, {"policy": policy.digest, "tiers": tiers}, name, models.aclose)


class _Models:
    """Opens chat models; nothing is written before the first is wanted."""

    def __init__(self, judging: Judging, folder: Path) -> None:
        self._judging, self._folder = judging, folder
        self._room: ModelRoom | None = None

    def judge(self, name: str, section: Judge) -> Judges:
        if self._room is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            store = Store.connect(f"sqlite:///{self._folder / CALLS}")
            prepare(store)
            self._room = ModelRoom(store)
        return LlmJudge(self._room.open(section, self._judging), section, name=name)

    async def aclose(self) -> None:
        if self._room is not None:
            await self._room.aclose()
            self._room.close()
