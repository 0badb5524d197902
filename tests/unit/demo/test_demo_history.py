"""The synthetic history is what data/README.md says, and nothing but the demo knows what is true of it."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hitl_core.domain.labels import is_correct
from hitl_core.domain.records import Item, Review
from hitl_core.integrations import demo, demo_truth
from hitl_core.integrations.demo_history import (
    OUTPUTS,
    HistoryStep,
    history,
    history_policies,
    staged_dispute,
)
from hitl_core.integrations.demo_truth import REVIEWERS, SENIORS, SyntheticReviewer, Where, true_probability
from hitl_core.routing.router import route

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 11, 15, 30, tzinfo=UTC)
ITEMS, LABELS = demo.load_demo(ROOT / "data" / "demo")
BY_ID = {item.id: item for item in ITEMS}
STEPS = list(history(ITEMS, LABELS, now=NOW))
MORE = list(history(ITEMS, LABELS, now=NOW, outputs=9000, seed=8))


def within_band(hits: int, probabilities: list[float], z: float) -> bool:
    """Whether a count fits a sum of independent draws with these probabilities."""
    spread = math.sqrt(sum(p * (1 - p) for p in probabilities))
    return abs(hits - sum(probabilities)) <= z * spread + 0.5


def during(phase: int) -> Where:
    return lambda cell: cell.phase == phase


def bins(steps: list[HistoryStep]) -> dict[tuple[int, str], list[HistoryStep]]:
    found: dict[tuple[int, str], list[HistoryStep]] = defaultdict(list)
    for step in steps:
        assert step.item.confidence is not None
        found[int(step.item.confidence * 10), str(step.item.model)].append(step)
    return found


def test_the_same_outputs_come_whatever_the_present_is() -> None:
    later = list(history(ITEMS, LABELS, now=NOW + timedelta(days=3, hours=5)))
    assert [step.item.model_copy(update={"created_at": None}) for step in later] == [
        step.item.model_copy(update={"created_at": None}) for step in STEPS
    ]
    assert [(step.opinions, step.correct) for step in later] == [(step.opinions, step.correct) for step in STEPS]
    assert list(history(ITEMS, LABELS, now=NOW, seed=8)) != STEPS


def test_it_fills_the_days_before_now_and_is_marked() -> None:
    assert len(STEPS) == OUTPUTS
    assert [step.at for step in STEPS] == sorted(step.at for step in STEPS)
    assert NOW - timedelta(days=61) < STEPS[0].at < NOW - timedelta(days=59)
    assert len({step.item.id for step in STEPS}) == len(STEPS)
    for step in STEPS:
        assert step.item.metadata["synthetic"] is True
        assert step.at + timedelta(hours=sum(step.waits[1:])) < NOW
        assert set(step.raters) < set(step.opinions)
        assert all("(synthetic)" in name and said.active_seconds > 0 for name, said in step.opinions.items())


def test_no_two_outputs_answer_the_same_question() -> None:
    """One label a question counts towards a certificate."""
    asked = {" ".join(step.item.query.casefold().split()) for step in STEPS}
    assert len(asked) == len(STEPS)


def test_what_waits_is_not_in_the_history_and_finds_corrected_siblings_there() -> None:
    waiting = demo.pending(ITEMS, LABELS)
    assert not {item.id for item in waiting} & {step.base_id for step in STEPS}
    edited = {BY_ID[step.base_id].metadata["group"] for step in STEPS if not step.correct}
    assert sum(item.metadata["group"] in edited for item in waiting) >= 8


def test_items_pass_the_checks_of_a_submission() -> None:
    for step in STEPS[::10]:
        assert Item.model_validate(step.item.model_dump()) == step.item
        for said in step.opinions.values():
            Review(verdict=said.verdict, output=said.output, reasons=said.reasons)


def test_the_text_is_as_right_as_the_step_says() -> None:
    for step in STEPS:
        label, base = LABELS[step.base_id], BY_ID[step.base_id]
        right = base.output if label.verdict == "approve" else label.output
        assert (step.item.output == right) is step.correct
        assert step.item.query.endswith(base.query)
        assert step.item.domain == base.domain


def test_a_flaw_that_is_seen_gets_a_label_that_says_wrong() -> None:
    """An edit for style alone says right, so such a flaw cannot stand for a wrong answer."""
    for step in STEPS:
        for said in step.opinions.values():
            assert step.correct or said.verdict == "approve" or not is_correct(said.verdict, said.reasons)


def test_a_better_model_comes_then_a_relaxed_policy() -> None:
    models = [step.item.model for step in STEPS]
    change = models.index("assistant-large")
    assert change == pytest.approx(demo_truth.MODEL_CHANGE * OUTPUTS, abs=20)
    assert models[change:].count("assistant-small") > 100
    phases = [step.phase for step in STEPS]
    assert phases == sorted(phases)
    assert phases.index(1) == round(demo_truth.POLICY_CHANGE * OUTPUTS)
    launch, relaxed = history_policies()
    assert launch.effective_thresholds().auto_approve.floor() > relaxed.effective_thresholds().auto_approve.floor()


def test_known_values_of_the_documented_curve() -> None:
    # By hand: logit 0.9 = 2.19722, so small in travel is sigmoid(-3.6 + 2.8 * 2.19722) = sigmoid(2.55222).
    assert true_probability(0.9, "travel", "assistant-small") == pytest.approx(0.92772, abs=1e-5)
    assert true_probability(0.5, "legal", "assistant-large") == pytest.approx(1 / (1 + math.exp(3.0)))


@pytest.mark.parametrize("steps", [STEPS, MORE], ids=["as loaded", "larger"])
def test_correctness_follows_the_documented_curve(steps: list[HistoryStep]) -> None:
    for where, found in bins(steps).items():
        expected = [
            true_probability(step.item.confidence or 0.0, str(step.item.domain), str(step.item.model)) for step in found
        ]
        assert expected == [step.probability for step in found]
        assert within_band(sum(step.correct for step in found), expected, z=3.5), where


def test_the_band_tells_the_curve_from_a_calibrated_app() -> None:
    found = bins(MORE)[7, "assistant-small"]
    assert not within_band(sum(step.correct for step in found), [step.item.confidence or 0.0 for step in found], z=3.5)


@pytest.mark.parametrize("who", REVIEWERS, ids=lambda who: who.name)
def test_reviewers_err_at_their_documented_rates(who: SyntheticReviewer) -> None:
    mine = [(step.correct, step.opinions[who.name]) for step in MORE]
    mine += [(step.correct, step.rulings[who.name]) for step in MORE if who.name in step.rulings]
    for correct, rate, wrong in ((False, who.miss_rate, {"approve"}), (True, who.false_alarm_rate, {"edit", "reject"})):
        errors = [opinion.verdict in wrong for truth, opinion in mine if truth is correct]
        assert within_band(sum(errors), [rate] * len(errors), z=3.5)
    seconds = sorted(opinion.active_seconds for _, opinion in mine)
    assert seconds[len(seconds) // 2] == pytest.approx(who.median_seconds, rel=0.1)


def test_shares_of_the_truth_add_up_and_match_what_is_routed() -> None:
    policies = history_policies()
    cells = demo_truth.cells(policies)
    assert sum(cell.share for cell in cells) == pytest.approx(1)
    for phase, policy in enumerate(policies):
        drawn = [step for step in MORE if step.phase == phase]
        found = [route(step.item, policy, policy_version=1, now=step.at, audit_secret=b"-" * 16) for step in drawn]
        rate = demo_truth.true_values(cells, during(phase))["human_review_rate"]
        assert within_band(sum(each.needs_human for each in found), [rate] * len(found), z=3.5)
        asked = [each.overlap > 1 for each in found if each.needs_human]
        seen = [cell for cell in cells if cell.phase == phase and cell.person]
        twice = demo_truth.mean(seen, lambda cell: cell.opinions - 1)
        assert within_band(sum(asked), [twice] * len(asked), z=3.5)


def test_the_review_rate_falls_from_about_thirty_per_cent_to_about_ten() -> None:
    cells = demo_truth.cells(history_policies())
    rates = [demo_truth.true_values(cells, during(phase))["human_review_rate"] for phase in (0, 1)]
    assert rates == [pytest.approx(0.32, abs=0.02), pytest.approx(0.10, abs=0.02)]


def test_a_dispute_is_left_for_the_seniors() -> None:
    step = staged_dispute(ITEMS, LABELS, at=NOW)
    relaxed = history_policies()[1]
    decision = route(step.item, relaxed, policy_version=1, now=NOW, audit_secret=b"-" * 16)
    assert decision.overlap == 2
    assert decision.needs_human
    assert [step.opinions[name].verdict for name in step.raters] == ["approve", "edit"]
    assert not set(step.raters) >= {who.name for who in SENIORS}


def test_only_the_demo_knows_the_truth() -> None:
    """Estimates of the product may not lean on what only the generator knows."""
    own = {"demo_history.py", "demo_truth.py", "demo.py"}
    for folder in ("hitl_core", "app", "evals"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name not in own:
                text = path.read_text(encoding="utf-8")
                assert "demo_truth" not in text, path
                assert "demo_history" not in text, path
    told = {"correct", "probability", "flaw", "verdict", "truth"}
    assert not any(told & set(step.item.metadata) for step in STEPS)


def test_the_readme_states_the_truth_that_the_code_uses() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert f"{demo_truth.SLOPE} · logit(c)" in text
    for model, intercept in demo_truth.INTERCEPTS.items():
        assert f"{model} | {intercept}" in text
    for domain, (share, shift) in demo_truth.DOMAINS.items():
        assert f"| {domain} | {share:.0%} | {shift:+.1f} |".replace("%", " %") in text
    for who in REVIEWERS:
        row = f"| {who.name} | {who.miss_rate:.2f} | {who.false_alarm_rate:.3f} | {who.median_seconds:.0f} |"
        assert row in text
    assert f"{len(ITEMS)} items" in text
    assert f"{OUTPUTS:,} outputs" in text
