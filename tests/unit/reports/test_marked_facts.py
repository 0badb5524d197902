"""Facts are marked, not filtered: what stands among many mixed rows is what plain Python finds row by row."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl
import pytest

from hitl_core.reports.labels import among, opinions
from hitl_core.reports.metrics import Facts, chosen_rows, prepare
from hitl_core.store.frames.facts import DECISIONS, REVIEWS
from tests.unit.reports.conftest import Row, day, typed

SEEDS = range(8)


def mixed(seed: int) -> tuple[list[Row], list[Row]]:
    """Draw decisions that supersede one another and reviews of them: several, of seniors, by design, undone."""
    chance = np.random.default_rng(seed)
    decisions: list[Row] = []
    for number in range(60):
        again = chance.random() < 0.2 and number > 0 and not decisions[-1]["supersedes"]
        item, before = (decisions[-1]["item"], decisions[-1]["decision"]) if again else (number, None)
        origin = str(chance.choice(["design", "forced"]))
        row = {"decision": 100 + number, "item": item, "supersedes": before, "origin": origin}
        decisions.append(row | {"at": day(number), "route": str(chance.choice(["manual", "auto_approve"]))})
    reviews: list[Row] = []
    for of in decisions:
        for _ in range(int(chance.choice([0, 1, 1, 2, 3]))):
            row = {"review": len(reviews), "item": of["item"], "decision": of["decision"], "asked_at": of["at"]}
            row |= {"stage": str(chance.choice(["human", "human", "audit", "adjudicate"])), "route": of["route"]}
            row |= {"reviewer": str(chance.choice(["ana", "bob"])), "origin": str(chance.choice(["design", "forced"]))}
            row |= {"verdict": str(chance.choice(["approve", "reject"])), "at": day(of["decision"] + len(reviews))}
            reviews.append(row)
            if chance.random() < 0.2:
                undo = {"review": len(reviews), "kind": "undo", "supersedes": row["review"], "verdict": "approve"}
                reviews.append(row | undo)
    return decisions, reviews


def facts_of(rows: tuple[list[Row], list[Row]]) -> Facts:
    return prepare(typed(DECISIONS, rows[0]), typed(REVIEWS, rows[1]))


def standing(rows: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(chosen_rows(rows, None, None, {}, columns).rows())


def given_by_hand(reviews: list[Row]) -> list[Row]:
    gone = {row.get("supersedes") for row in reviews if "kind" in row}
    return [row for row in reviews if "kind" not in row and row["review"] not in gone]


def settled_by_hand(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return (item, at, right) by domain/labels.py, in plain loops."""
    of_item: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["at"]):
        of_item[row["item"]].append(row)
    found = []
    for item, said in of_item.items():
        seniors = [row["verdict"] == "approve" for row in said if row["stage"] == "adjudicate"]
        voices = {row["reviewer"]: row["verdict"] == "approve" for row in said}
        right = seniors[-1] if seniors else 2 * sum(voices.values()) > len(voices)
        found.append((item, min(row["asked_at"] for row in said), right))
    return sorted(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_is_what_plain_loops_find(seed: int) -> None:
    decisions, reviews = rows = mixed(seed)
    facts, given = facts_of(rows), given_by_hand(reviews)
    later = {row["supersedes"] for row in decisions}
    redrawn = {row["supersedes"] for row in decisions if row["origin"] == "design"} - {None}
    current = [row for row in given if row["decision"] not in redrawn]
    assert redrawn
    assert len({row["item"] for row in given}) < len(given) < len(reviews)
    assert standing(facts.held, "decision") == [(row["decision"],) for row in decisions if row["decision"] not in later]
    assert standing(facts.given, "review") == [(row["review"],) for row in given]
    drawn = settled_by_hand([row for row in current if row["origin"] == "design"])
    assert standing(facts.labelled, "item", "at", "right") == drawn
    people = settled_by_hand([row for row in current if row["stage"] != "audit"])
    assert standing(facts.reviewed, "item", "at", "right") == people


def test_no_row_is_dropped_so_that_nothing_has_to_be_copied() -> None:
    decisions, reviews = rows = mixed(0)
    facts = facts_of(rows)
    assert (facts.held.height, facts.given.height) == (len(decisions), len(reviews))
    assert facts.labelled.head(len(reviews))["item"].to_list() == [row["item"] for row in reviews]


def test_opinions_are_the_reviews_that_stand() -> None:
    _, reviews = mixed(1)
    found = opinions(typed(REVIEWS, reviews))
    assert found["review"].to_list() == [row["review"] for row in given_by_hand(reviews)]
    assert "stands" not in found.columns


def test_an_empty_key_is_among_none() -> None:
    keys = pl.Series([1, None, 3], dtype=pl.UInt64)
    assert among(keys, pl.Series([3, None], dtype=pl.UInt64)).to_list() == [False, False, True]
    assert among(keys, keys.clear()).to_list() == [False, False, False]
