"""The cascade: who is asked, whose word is taken, and that everything else ends at a person."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, cast

import pytest

from hitl_core.domain.errors import BudgetExceededError, InputError, ModelTimeoutError, RateLimitedError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item
from hitl_core.judging.cascade.cascade import CascadeResult, CascadeTier, JudgeCascade, nobody_is_certified
from hitl_core.judging.opinion import CertificateState

ITEM = Item(id="i", project="p", query="q", output="o")
VALID = CertificateState(status="valid", certificate="c1")


def certified(verdict: JudgeVerdict) -> CertificateState:
    return VALID


class Says:
    """A judge with a fixed verdict, error or silence."""

    def __init__(self, name: str, verdict: Any = "approve", p: float | None = 0.95, **more: Any) -> None:
        self.name, self.fingerprint, self.asked = name, f"f-{name}", 0
        self.verdict, self.p, self.more = verdict, p, {"cost_usd": Decimal("0.01"), **more}

    async def judge(self, item: Item) -> JudgeVerdict:
        self.asked += 1
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        if self.verdict == "silence":
            await asyncio.Event().wait()
        if not isinstance(self.verdict, str):
            return cast("JudgeVerdict", self.verdict)
        return JudgeVerdict(judge="x", verdict=self.verdict, p_correct=self.p, **self.more)


def run(*judges: Says, accept_at: float = 0.9, **options: Any) -> CascadeResult:
    options.setdefault("certified", certified)
    return asyncio.run(JudgeCascade([CascadeTier(j, accept_at) for j in judges], **options).judge(ITEM))


def test_the_first_tier_that_is_sure_ends_it() -> None:
    cheap, strong = Says("cheap"), Says("strong")
    result = run(cheap, strong)
    assert (result.accepted, result.stopped_by, result.path) == (True, "accepted", ("cheap",))
    assert result.reasons == ("judge:cheap:accepted",)
    assert (cheap.asked, strong.asked, result.cost_usd) == (1, 0, Decimal("0.01"))
    (verdict,) = result.verdicts
    assert verdict.accepted
    assert (verdict.certificate, verdict.judge, verdict.fingerprint) == ("c1", "cheap", "f-cheap")
    assert (verdict.item_id, verdict.project, verdict.tier) == ("i", "p", 0)


def test_a_judge_taught_by_project_keeps_its_own_fingerprint() -> None:
    assert run(Says("cheap", fingerprint="of-project-p")).verdicts[0].fingerprint == "of-project-p"


ESCALATING = [
    (Says("cheap", p=0.89), "below_threshold"),
    (Says("cheap", "abstain", None), "abstained"),
    (Says("cheap", flags=("order_flip",)), "flagged:order_flip"),
    (Says("cheap", p=None), "no_probability"),
    (Says("cheap", "reject", 0.3), "leans_reject"),
    (Says("cheap", "reject", None), "leans_reject"),
    (Says("cheap", RateLimitedError("wait")), "failed"),
    (Says("cheap", ModelTimeoutError("slow")), "failed"),
    (Says("cheap", TimeoutError("its own, not the deadline")), "failed"),
    (Says("cheap", ZeroDivisionError()), "failed"),
    (Says("cheap", asyncio.CancelledError()), "failed"),
    (Says("cheap", BudgetExceededError("spent")), "over_budget"),
    (Says("cheap", {"verdict": "approve"}), "failed"),
]


@pytest.mark.parametrize(("cheap", "outcome"), ESCALATING, ids=[f"{n}-{o}" for n, (_, o) in enumerate(ESCALATING)])
def test_everything_else_escalates(cheap: Says, outcome: str) -> None:
    result = run(cheap, Says("strong"))
    assert result.reasons == (f"judge:cheap:{outcome}", "judge:strong:accepted")
    assert result.path == ("cheap", "strong")
    assert [verdict.accepted for verdict in result.verdicts] == [False, True]
    alone = run(cheap)
    assert (alone.accepted, alone.stopped_by, alone.path) == (False, "exhausted", ("cheap", "person"))


@pytest.mark.parametrize("status", ["missing", "stale", "insufficient"])
def test_nothing_is_accepted_without_a_valid_certificate(status: Any) -> None:
    result = run(Says("cheap", p=1.0), Says("strong", p=1.0), certified=lambda _: CertificateState(status=status))
    assert not result.accepted
    assert result.path == ("cheap", "strong", "person")
    assert result.reasons == (f"judge:cheap:certificate_{status}", f"judge:strong:certificate_{status}")
    assert not any(verdict.accepted for verdict in result.verdicts)


def test_without_anything_plugged_in_nobody_is_certified() -> None:
    cascade = JudgeCascade([CascadeTier(Says("cheap", p=1.0))])
    assert not asyncio.run(cascade.judge(ITEM)).accepted
    assert nobody_is_certified(JudgeVerdict(judge="x", verdict="approve")).status == "missing"


def test_an_attack_goes_to_a_person_though_later_tiers_would_accept() -> None:
    strong = Says("strong", p=1.0)
    for flag in ("injection", "injection:role_play"):
        result = run(Says("cheap", p=1.0, flags=(flag,)), strong)
        assert (result.accepted, result.stopped_by, strong.asked) == (False, "held", 0)
        assert result.reasons == ("judge:cheap:flagged:injection",)


def test_a_judge_without_a_certificate_may_still_lower_the_route() -> None:
    strong = Says("strong")
    result = run(Says("cheap", "reject", 0.1), strong, certified=nobody_is_certified)
    assert (result.stopped_by, result.path, strong.asked) == ("held", ("cheap", "person"), 0)
    assert result.reasons == ("judge:cheap:rejected",)


def test_a_rejection_is_never_confident_above_one_half() -> None:
    assert run(Says("cheap", "reject", 0.6), accept_at=0.2).reasons == ("judge:cheap:leans_reject",)


def test_each_tier_has_its_own_threshold() -> None:
    tiers = [CascadeTier(Says("a", p=0.92), 0.95), CascadeTier(Says("b", p=0.92), 0.92)]
    result = asyncio.run(JudgeCascade(tiers, certified=certified).judge(ITEM))
    assert result.reasons == ("judge:a:below_threshold", "judge:b:accepted")


def test_certified_thresholds_take_the_place_of_the_policy() -> None:
    assert run(Says("cheap", p=0.7), thresholds=lambda tier, verdict: 0.65).accepted
    assert run(Says("cheap", p=0.99), thresholds=lambda tier, verdict: None).reasons == ("judge:cheap:no_threshold",)


def test_the_deadline_ends_a_tier_that_hangs() -> None:
    late = Says("late")
    result = run(Says("cheap", "silence"), late, deadline_seconds=0.02)
    assert (result.accepted, result.stopped_by, late.asked) == (False, "deadline", 0)
    assert result.reasons == ("judge:cheap:deadline", "judge:deadline")
    assert result.verdicts[0].verdict == "abstain"
    assert result.cost_usd is None


def test_no_tier_is_asked_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def judged() -> CascadeResult:
        loop = asyncio.get_running_loop()
        clock = iter([0.0, 0.0, 1e9])
        monkeypatch.setattr(loop, "time", lambda: next(clock, 1e9))
        cascade = JudgeCascade([CascadeTier(Says("late"))], deadline_seconds=60)
        monkeypatch.setattr(cascade, "tiers", (cascade.tiers[0], cascade.tiers[0]))
        return await cascade.judge(ITEM)

    assert asyncio.run(judged()).stopped_by == "deadline"


def test_the_caller_can_cancel() -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(JudgeCascade([CascadeTier(Says("hangs", "silence"))]).judge(ITEM))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_a_spent_budget_ends_it_before_the_next_tier() -> None:
    strong = Says("strong")
    result = run(Says("cheap", p=0.5), strong, budget_usd=Decimal("0.01"))
    assert (result.stopped_by, strong.asked, result.cost_usd) == ("budget", 0, Decimal("0.01"))
    assert result.reasons[-1] == "judge:budget"
    assert run(Says("cheap", p=0.5), Says("strong"), budget_usd=Decimal("0.02")).accepted


def test_with_a_budget_an_unknown_cost_ends_it() -> None:
    strong = Says("strong")
    unknown = Says("cheap", p=0.5, cost_usd=None)
    result = run(unknown, strong, budget_usd=Decimal(100))
    assert (result.stopped_by, strong.asked, result.cost_usd) == ("budget", 0, None)
    without = run(unknown, Says("strong"))
    assert without.accepted
    assert without.cost_usd is None


def test_a_refused_call_costs_nothing() -> None:
    result = run(Says("cheap", BudgetExceededError("spent")), Says("strong"), budget_usd=Decimal("0.02"))
    assert (result.accepted, result.cost_usd) == (True, Decimal("0.01"))


def test_no_tiers_is_a_person() -> None:
    result = run()
    assert (result.accepted, result.path, result.cost_usd, result.verdicts) == (False, ("person",), None, ())


def test_what_a_provider_sends_in_an_error_can_be_stored() -> None:
    (verdict,) = run(Says("cheap", RateLimitedError("\x00\ud800" + "x" * 10_000_000))).verdicts
    assert len(verdict.reason) <= 500
    verdict.reason.encode()
    assert "\x00" not in verdict.reason


@pytest.mark.parametrize("options", [{"deadline_seconds": 0}, {"deadline_seconds": -1.0}])
def test_a_deadline_that_is_over_is_refused(options: Any) -> None:
    with pytest.raises(InputError, match="deadline_seconds"):
        run(Says("a"), **options)


def test_asking_the_same_judge_twice_is_refused() -> None:
    with pytest.raises(InputError, match="two tiers ask 'a'"):
        run(Says("a"), Says("a"))
