"""The demo set is what its README says: valid and honestly labelled."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from hitl_core.domain.errors import NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item, Review
from hitl_core.integrations import demo
from hitl_core.judging.judge.injection import injection_flags

ROOT = Path(__file__).resolve().parents[3]
REASONS = {"unsupported_claim", "wrong_fact", "incomplete", "off_topic", "outdated_source", "unsafe", "style", "other"}
ITEMS, LABELS = demo.load_demo(ROOT / "data" / "demo")
BY_ID = {item.id: item for item in ITEMS}


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,:]\d+)*", text))


def foreign_numbers(item: Item, text: str) -> set[str]:
    """Return the numbers of the text that neither a passage, nor the question, nor the form contains."""
    known = " ".join([*(passage.text for passage in item.context), item.query, json.dumps(item.inputs)])
    return numbers(text) - numbers(known)


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


def test_the_pending_items_are_mixed() -> None:
    waiting = {item.id for item in demo.pending(ITEMS, LABELS)}
    assert len(waiting) == demo.PENDING + 1
    assert {LABELS[item].verdict for item in waiting} == {"approve", "edit", "reject"}
    assert len({BY_ID[item].domain for item in waiting}) >= 4


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
