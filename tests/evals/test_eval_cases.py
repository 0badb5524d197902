"""Data sets: one shape, groups that stay together, leaks that are named, own files read with a mapping."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from evals.harness.cases import Dataset, dataset
from evals.harness.reading import as_label, read_dataset
from evals.harness.splits import folds, leaks, require_no_leak, split
from hitl_core.domain.errors import InputError

WORDS = "the quick brown fox jumps over a lazy dog while seven grey geese sleep by the river bank near old mills"


def small(groups: int = 40, per_group: int = 3) -> Dataset:
    rows = [
        {
            "case_id": f"{group}-{number}",
            "group": f"g{group}",
            "query": f"question number {group} about the topic {group * 7} in the year {1900 + group}",
            "output": f"answer {number}",
            "label": number % 2 == 0,
        }
        for group in range(groups)
        for number in range(per_group)
    ]
    return dataset("small", pl.DataFrame(rows), grouped_by="question")


def test_a_frame_is_completed_to_one_shape() -> None:
    data = dataset("x", pl.DataFrame({"case_id": ["a"], "query": ["q"], "output": ["one two"], "extra": [4]}))
    case = next(data.cases())
    assert (case.id, case.group, case.expected) == ("a", "a", None)
    assert case.inputs["extra"] == 4
    assert case.slices["length"].startswith("short")


def test_two_cases_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="'a' is there 2 times"):
        dataset("x", pl.DataFrame({"case_id": ["a", "b", "a"]}))


def test_the_digest_knows_content_and_not_order() -> None:
    data = small()
    turned = dataset("small", data.frame.reverse().drop("length"))
    changed = dataset("small", data.frame.with_columns(output=pl.lit("another")).drop("length"))
    assert data.digest == turned.digest != changed.digest


def test_a_split_keeps_groups_together_and_loses_nothing() -> None:
    data = small()
    parts = split(data, {"dev": 0.5, "test": 0.5}, seed=3)
    dev, test = (set(parts[name].frame["group"]) for name in ("dev", "test"))
    assert not dev & test
    assert len(dev | test) == 40
    assert parts["dev"].n + parts["test"].n == data.n
    assert min(len(dev), len(test)) > 8
    assert set(split(data, {"dev": 0.5, "test": 0.5}, seed=3)["dev"].frame["case_id"]) == set(
        parts["dev"].frame["case_id"]
    )


def test_a_group_stays_on_its_side_when_others_come() -> None:
    few, many = (split(small(groups), {"dev": 0.5, "test": 0.5})["dev"].frame["group"] for groups in (20, 40))
    assert set(few) == {group for group in many if int(group[1:]) < 20}


def test_folds_cover_every_group_once() -> None:
    held = [set(test.frame["group"]) for _, test in folds(small(), 5)]
    assert sum(map(len, held)) == len(set.union(*held)) == 40


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InputError, match="add to 1"):
        split(small(), {"dev": 0.5, "test": 0.6})


def test_a_group_on_both_sides_is_a_leak() -> None:
    data = small()
    left, right = data.only(pl.col("case_id").str.ends_with("-0")), data.only(pl.col("case_id").str.ends_with("-1"))
    found = leaks(left, right, limit=3)
    assert [leak.kind for leak in found] == ["same group"] * 3
    with pytest.raises(InputError, match="same group"):
        require_no_leak(left, right)


def test_a_near_duplicate_in_another_group_is_a_leak() -> None:
    left = dataset("l", pl.DataFrame({"case_id": ["a"], "query": [WORDS], "output": ["x"]}))
    near = dataset("r", pl.DataFrame({"case_id": ["b"], "query": [WORDS.upper() + "!"], "output": ["y"]}))
    far = dataset("r", pl.DataFrame({"case_id": ["b"], "query": [WORDS[:40] + " and then nothing else at all"]}))
    assert [(leak.kind, leak.left, leak.right) for leak in leaks(left, near)] == [("near-duplicate", "a", "b")]
    assert leaks(left, far) == ()


def test_one_request_for_all_documents_is_no_leak() -> None:
    texts = [WORDS, " ".join(reversed(WORDS.split()))]
    rows = [{"case_id": str(number), "query": "Summarize.", "context": [text]} for number, text in enumerate(texts)]
    first, second = (dataset("d", pl.DataFrame([row])) for row in rows)
    assert leaks(first, second) == ()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_file_is_read_by_mapping(tmp_path: Path, ending: str) -> None:
    rows = [
        {"ticket": "t1", "question": "q one", "answer": "a", "ok": "yes", "gold": "a|b", "p": 0.5, "tier": "free"},
        {"ticket": "t2", "question": "q two", "answer": "b", "ok": "no", "gold": "c", "p": 0.25, "tier": "paid"},
    ]
    path = tmp_path / f"mine.{ending}"
    frame = pl.DataFrame(rows)
    if ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    elif ending == "csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    mapping = {"id": "ticket", "query": "question", "output": "answer", "label": "ok", "reference": "gold"}
    data = read_dataset(path, mapping | {"confidence": "p"})
    assert data.frame["label"].to_list() == [True, False]
    assert data.frame["confidence"].to_list() == [0.5, 0.25]
    assert data.frame["tier"].to_list() == ["free", "paid"]
    assert data.n == data.groups == 2


def test_an_unknown_column_names_the_near_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("question,answer\nq,a\n", encoding="utf-8")
    with pytest.raises(InputError, match="did you mean 'question'"):
        read_dataset(path, {"query": "qestion"})
    with pytest.raises(InputError, match="did you mean 'query'"):
        read_dataset(path, {"qeury": "question"})


def test_a_label_that_is_none_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("query,output,label\nq,a,yes\nr,b,perhaps\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 3: label 'perhaps'"):
        read_dataset(path)


def test_labels_are_read_in_the_words_people_use() -> None:
    assert [as_label(word) for word in ("Yes", "CORRECT", "1", 1.0, "approve", True)] == [True] * 6
    assert [as_label(word) for word in ("no", "incorrect", 0, "rejected", False)] == [False] * 5
    assert [as_label(word) for word in (None, "", "nan")] == [None] * 3
