"""Votes on outputs, from recorded judges and from systems that answered the same question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evals.harness.cases import Dataset
from evals.suites import _openqa
from evals.suites._telling_words import same_answers

SYSTEMS = ("fid", "gpt35", "chatgpt", "gpt4", "newbing")
Bools = NDArray[np.bool_]


class Ballots(NamedTuple):
    """Votes on outputs: `right` and `group` a row, `votes` by member; `name` says whose outputs."""

    name: str
    case_id: list[str]
    group: list[str]
    right: Bools
    votes: dict[str, list[str]]

    def take(self, rows: Bools) -> Ballots:
        """Return some of the rows."""
        kept = np.flatnonzero(rows).tolist()
        votes = {member: [cast[at] for at in kept] for member, cast in self.votes.items()}
        return Ballots(
            self.name, [self.case_id[at] for at in kept], [self.group[at] for at in kept], self.right[rows], votes
        )


def openqa_ballots(data: Dataset) -> Ballots:
    """Return the votes of the three recorded judges."""
    rows = _openqa.judged(data)
    votes = {name: rows[name].to_list() for name in _openqa.JUDGES}
    return Ballots(
        "openqa_eval judges", rows["case_id"].to_list(), rows["group"].to_list(), rows["right"].to_numpy(), votes
    )


def five_answers(data: Dataset) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each question that all five systems answered, in the order of SYSTEMS."""
    usable = data.only(~pl.col("improper") & pl.col("label").is_not_null()).frame
    for _, part in usable.group_by("group", maintain_order=True):
        by_system = {row["model"]: row for row in part.iter_rows(named=True)}
        if set(by_system) == set(SYSTEMS):
            yield [by_system[system] for system in SYSTEMS]


def same_of_evouna(data: Dataset) -> pl.DataFrame:
    """Return group, `right` and `same` (5 x 5, flat) in the order of SYSTEMS, for questions that all five answered."""
    rows = []
    for five in five_answers(data):
        same = same_answers(five[0]["query"], [row["output"] for row in five])
        labels = [row["label"] for row in five]
        rows.append({"group": five[0]["group"], "right": labels, "same": same.ravel().tolist()})
    return pl.DataFrame(rows, schema={"group": pl.String, "right": pl.List(pl.Boolean), "same": pl.List(pl.Boolean)})


def evouna_ballots(answers: pl.DataFrame, system: str) -> Ballots:
    """Return how the other four vote on one system's answers: approve when they say the same."""
    at = SYSTEMS.index(system)
    right = np.array(answers["right"].to_list()).reshape(-1, len(SYSTEMS))
    same = matrices(answers)
    votes = {
        other: np.where(same[:, at, place], "approve", "reject").tolist()
        for place, other in enumerate(SYSTEMS)
        if other != system
    }
    groups = answers["group"].to_list()
    ids = [f"{group}:{system}" for group in groups]
    return Ballots(f"evouna {system}", ids, groups, right[:, at].astype(bool), votes)


def unanimous(ballots: Ballots) -> tuple[Bools, Bools]:
    """Return which rows all members approve, and on which all of them agree; a member's silence is no agreement."""
    cast = np.array([ballots.votes[member] for member in ballots.votes])
    approved, rejected = (cast == "approve").all(axis=0), (cast == "reject").all(axis=0)
    return approved, approved | rejected


def hits(said: NDArray[Any], right: Bools) -> Bools:
    """Return which votes are right; an abstention is not."""
    return np.asarray(np.where(right, said == "approve", said == "reject"), dtype=np.bool_)


def majority_right(ballots: Ballots) -> Bools:
    """Return on which rows the plain majority is right; a tie approves nothing."""
    approve = 2 * np.mean([np.array(cast) == "approve" for cast in ballots.votes.values()], axis=0) > 1
    return np.asarray(approve == ballots.right, dtype=np.bool_)


def matrices(answers: pl.DataFrame) -> Bools:
    """Return which answers of a question say the same, shape (questions, 5, 5)."""
    size = len(SYSTEMS)
    return np.array(answers["same"].to_list(), dtype=np.bool_).reshape(-1, size, size)
