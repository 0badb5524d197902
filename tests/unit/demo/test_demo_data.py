"""The demo set is what its README says: valid, honestly labelled, and with a history whose truth can be checked."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hitl_core.domain.errors import NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, Review
from hitl_core.integrations import demo
from hitl_core.judging.judge.injection import injection_flags

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 11, 15, 30, tzinfo=UTC)
REASONS = {"unsupported_claim", "wrong_fact", "incomplete", "off_topic", "outdated_source", "unsafe", "style", "other"}
ITEMS, LABELS = demo.load_demo(ROOT / "data" / "demo")
BY_ID = {item.id: item for item in ITEMS}


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,:]\d+)*", text))


def foreign_numbers(item: Item, text: str) -> set[str]:
    """Return the numbers of the text that neither a passage, nor the question, nor the form contains."""
    known = " ".join([*(passage.text for passage in item.context), item.query, json.dumps(item.inputs)])
    return numbers(text) - numbers(known)


def within_band(hits: int, probabilities: list[float], z: float) -> bool:
    """Whether a count fits a sum of independent draws with these probabilities."""
    spread = math.sqrt(sum(p * (1 - p) for p in probabilities))
    return abs(hits - sum(probabilities)) <= z * spread + 0.5


def bins(steps: list[demo.HistoryStep]) -> dict[int, list[demo.HistoryStep]]:
    found: dict[int, list[demo.HistoryStep]] = defaultdict(list)
    for step in steps:
        assert step.item.confidence is not None
        found[int(step.item.confidence * 10)].append(step)
    return found


def test_the_set_is_large_unique_and_of_mixed_quality() -> None:
    assert len(ITEMS) >= 72
    assert len(BY_ID) == len(ITEMS)
    assert {item.project for item in ITEMS} == {"demo"}
    assert 3 <= len({item.domain for item in ITEMS}) <= 5
    assert 0.4 <= sum(label.verdict == "approve" for label in LABELS.values()) / len(ITEMS) <= 0.5
    assert sum(path.stat().st_size for path in (ROOT / "data" / "demo").glob("*.jsonl")) < 400_000


def test_items_look_like_retrieval() -> None:
    for item in ITEMS:
        scores = [passage.retrieval_score for passage in item.context]
        assert 1 <= len(item.context) <= 5
        assert None not in scores
        assert scores == sorted(scores, key=lambda score: -(score or 0.0))
        assert all(60 <= len(passage.text.split()) <= 150 for passage in item.context)
        assert 25 <= len(item.output.split()) <= 240


def test_every_item_has_one_label_and_every_label_an_item() -> None:
    lines = (ROOT / "data" / "demo" / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    assert Counter(json.loads(line)["id"] for line in lines) == Counter(list(BY_ID))


@pytest.mark.parametrize("label", LABELS.values(), ids=lambda label: label.id)
def test_labels_are_reviews_that_could_be_saved(label: demo.DemoLabel) -> None:
    Review(verdict=label.verdict, output=label.output, reasons=label.reasons, label=label.label)
    assert set(label.reasons) <= REASONS
    if label.verdict == "approve":
        assert (label.flaw, label.output, label.reasons) == (None, None, ())
        return
    assert label.flaw in label.reasons
    assert label.comment
    if label.verdict == "edit":
        assert label.output != BY_ID[label.id].output
    else:
        assert label.output is None


@pytest.mark.parametrize("label", LABELS.values(), ids=lambda label: label.id)
def test_numbers_of_right_answers_come_from_the_passages(label: demo.DemoLabel) -> None:
    item = BY_ID[label.id]
    right = {"approve": item.output, "edit": label.output, "reject": ""}[label.verdict]
    assert foreign_numbers(item, right or "") == set()


def test_the_number_check_can_fail() -> None:
    caught = {
        label.id for label in LABELS.values() if label.flaw and foreign_numbers(BY_ID[label.id], BY_ID[label.id].output)
    }
    assert {"demo-024", "demo-031", "demo-099"} <= caught


def test_outdated_answers_had_both_documents() -> None:
    for label in LABELS.values():
        if label.flaw == "outdated_source":
            sources = [passage.source.startswith("archive/") for passage in BY_ID[label.id].context]
            assert any(sources), label.id
            assert not all(sources), label.id


def test_related_questions_let_a_correction_help_the_next() -> None:
    groups = defaultdict(list)
    for item in ITEMS:
        groups[item.metadata["group"]].append(LABELS[item.id].verdict)
    assert sum(len(verdicts) > 1 and "edit" in verdicts for verdicts in groups.values()) >= 8


def test_the_set_shows_every_optional_part_of_an_item() -> None:
    for part in (
        "alternatives",
        "explanation",
        "inputs",
        "subject",
        "amount",
        "impact",
        "label",
        "requires_compliance",
    ):
        assert any(getattr(item, part) for item in ITEMS), part
    assert any(item.confidence is None for item in ITEMS)
    assert {item.model for item in ITEMS} == {"assistant-small", "assistant-large"}


def test_the_pending_items_are_mixed_and_not_in_the_history() -> None:
    waiting = {item.id for item in demo.pending(ITEMS, LABELS)}
    assert len(waiting) == demo.PENDING + 1
    assert {LABELS[item].verdict for item in waiting} == {"approve", "edit", "reject"}
    assert len({BY_ID[item].domain for item in waiting}) >= 4
    assert not waiting & {step.base_id for step in demo.history(ITEMS, LABELS, now=NOW)}


def test_some_pending_questions_have_a_corrected_sibling_in_the_history() -> None:
    edited = {
        BY_ID[step.base_id].metadata["group"]
        for step in demo.history(ITEMS, LABELS, now=NOW)
        if step.review.verdict == "edit"
    }
    assert sum(item.metadata["group"] in edited for item in demo.pending(ITEMS, LABELS)) >= 8


def test_every_pending_item_has_the_verdict_of_each_recorded_judge_and_only_those() -> None:
    lines = [json.loads(line) for line in (ROOT / "data/demo/verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    waiting = {item.id for item in demo.pending(ITEMS, LABELS)}
    members = Policy.load(ROOT / "data/demo/policy.toml").judging.committees["committee"].members
    assert Counter((line["item_id"], line["judge"]) for line in lines) == Counter(
        (item, member) for item in waiting for member in members
    )
    assert all("synthetic" in line["model"] for line in lines)


def test_recorded_judges_are_often_but_not_always_right() -> None:
    lines = [json.loads(line) for line in (ROOT / "data/demo/verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    said = [line for line in lines if line["verdict"] != "abstain"]
    right = sum((line["verdict"] == "approve") == (LABELS[line["item_id"]].verdict == "approve") for line in said)
    assert 0.7 < right / len(said) < 0.9
    assert len(said) < len(lines)


def test_the_item_that_attacks_the_judge_is_found_by_the_products_own_screening() -> None:
    # Other kinds of flags may be false alarms ("the manager has approved it"); this one addresses whoever grades.
    flagged = {item.id for item in ITEMS if "injection:output:addresses_judge" in injection_flags(item)}
    assert flagged == {item.id for item in ITEMS if item.metadata["group"] == demo.ATTACK}
    assert flagged <= {item.id for item in demo.pending(ITEMS, LABELS)}
    assert LABELS[flagged.pop()].verdict == "reject"


def test_history_is_the_same_for_the_same_seed_only() -> None:
    first = list(demo.history(ITEMS, LABELS, now=NOW))
    assert first == list(demo.history(ITEMS, LABELS, now=NOW))
    assert first != list(demo.history(ITEMS, LABELS, now=NOW, seed=8))


def test_history_fills_the_days_before_now_and_is_marked() -> None:
    steps = list(demo.history(ITEMS, LABELS, now=NOW))
    assert 550 <= len(steps) <= 620
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert NOW - timedelta(days=61) < steps[0].at < NOW - timedelta(days=59)
    assert len({step.item.id for step in steps}) == len(steps)
    for step in steps:
        assert step.item.metadata["synthetic"] is True
        opinions = [opinion for opinion in (step.review, step.second) if opinion]
        assert all(step.at < opinion.at < NOW for opinion in opinions)
        assert all("(synthetic)" in opinion.reviewer and opinion.active_seconds > 0 for opinion in opinions)
        assert len({opinion.reviewer for opinion in opinions}) == len(opinions)


def test_history_items_pass_the_checks_of_a_submission() -> None:
    for step in demo.history(ITEMS, LABELS, now=NOW):
        assert Item.model_validate(step.item.model_dump()) == step.item
        Review(verdict=step.review.verdict, output=step.review.output, reasons=step.review.reasons)


def test_the_text_of_a_step_is_as_right_as_the_step_says() -> None:
    for step in demo.history(ITEMS, LABELS, now=NOW):
        label, base = LABELS[step.base_id], BY_ID[step.base_id]
        right = base.output if label.verdict == "approve" else label.output
        assert (step.item.output == right) is step.correct
        assert step.item.query.endswith(base.query)


def test_known_values_of_the_documented_curve() -> None:
    # By hand: sigmoid(-0.1) at 0.5; logit 0.9 = 2.19722, so sigmoid(-0.1 + 0.55 * 2.19722) = sigmoid(1.10847).
    assert demo.true_probability(0.5) == pytest.approx(0.475021, abs=1e-6)
    assert demo.true_probability(0.9) == pytest.approx(0.751854, abs=1e-5)


@pytest.mark.parametrize("per_day", [10.0, 150.0])
def test_correctness_follows_the_documented_curve(per_day: float) -> None:
    for tenth, steps in bins(list(demo.history(ITEMS, LABELS, now=NOW, per_day=per_day))).items():
        expected = [demo.true_probability(step.item.confidence or 0.0) for step in steps]
        assert within_band(sum(step.correct for step in steps), expected, z=3.5), tenth


def test_the_band_tells_the_curve_from_a_calibrated_app() -> None:
    steps = bins(list(demo.history(ITEMS, LABELS, now=NOW, per_day=150.0)))[9]
    assert not within_band(sum(step.correct for step in steps), [step.item.confidence or 0.0 for step in steps], z=3.5)


@pytest.mark.parametrize("who", demo.REVIEWERS, ids=lambda who: who.name)
def test_reviewers_err_at_their_documented_rates(who: demo.SyntheticReviewer) -> None:
    mine = [
        (step.correct, opinion)
        for step in demo.history(ITEMS, LABELS, now=NOW, per_day=150.0)
        for opinion in (step.review, step.second)
        if opinion and opinion.reviewer == who.name
    ]
    for correct, rate, wrong in ((False, who.miss_rate, {"approve"}), (True, who.false_alarm_rate, {"edit", "reject"})):
        errors = [opinion.verdict in wrong for truth, opinion in mine if truth is correct]
        assert within_band(sum(errors), [rate] * len(errors), z=3.5)
    seconds = sorted(opinion.active_seconds for _, opinion in mine)
    assert seconds[len(seconds) // 2] == pytest.approx(who.median_seconds, rel=0.1)


def test_the_readme_states_the_truth_that_the_code_uses() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert f"sigmoid({demo.TRUE_INTERCEPT} + {demo.TRUE_SLOPE} " in text
    for who in demo.REVIEWERS:
        assert f"| {who.name} | {who.miss_rate:.2f} | {who.false_alarm_rate:.2f} | {who.median_seconds:.0f} |" in text
    assert f"{len(ITEMS)} items" in text


def test_the_wheel_puts_the_set_where_the_program_looks() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["sources"]["data/demo"] == f"hitl_core/{demo.PACKAGED_DATA}"


def test_a_missing_set_is_reported_with_the_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "hitl_core" / "integrations" / "demo.py"))
    with pytest.raises(NotFoundError, match="demo_data"):
        demo.demo_data_dir()
    (tmp_path / "hitl_core" / "demo_data").mkdir(parents=True)
    (tmp_path / "hitl_core" / "demo_data" / "items.jsonl").touch()
    assert demo.demo_data_dir() == tmp_path / "hitl_core" / "demo_data"
