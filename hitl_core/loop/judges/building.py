"""Which judges are asked under a policy: the cascade with its models, certificates and budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl_core.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from hitl_core.domain.clock import Clock
    from hitl_core.loop.judges.room import Cascade
    from hitl_core.loop.policy_book import LivePolicy
    from hitl_core.store.engine import Store


def build_cascade(_store: Store, _clock: Clock, live: LivePolicy) -> Cascade:
    """Return the cascade of a policy.

    Raises:
        ConfigurationError: a judge cannot be made; the message says which.
    """
    from hitl_core.judging.cascade.cascade import CascadeTier, JudgeCascade
    from hitl_core.judging.recorded import load_recorded

    tiers = []
    judging = live.policy.judging
    for tier in judging.tiers:
        judge = judging.judges.get(tier.judge)
        if judge is None or judge.kind != "recorded":
            raise ConfigurationError(f"the judge {tier.judge!r} cannot be asked yet")
        recorded, _ = load_recorded(tier.judge, judge.recorded)
        tiers.append(CascadeTier(recorded, tier.accept_at))
    return JudgeCascade(tiers, deadline_seconds=judging.deadline_seconds)
