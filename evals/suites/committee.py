"""Committee: is agreement a gate, and does a weighted panel beat its best member?

openqa_eval: three recorded judges vote on 1,490 answers. evouna: five systems answer the same questions; each one's
answer is held against the other four, who approve it when they say the same. "The same" needs no model here: one
answer stands in the other, or half of the telling words of the shorter one (those that are not in the question) are in
the other. What embeddings would add to that is measured on a sample. Weights, best member and whether the panel is used
at all come from half of the questions, every difference from the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from evals import datasets
from evals.harness.cases import place
from evals.harness.metrics import mean_by_group, measure
from evals.reporting.drawings import draw_intervals
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult, Table
from evals.suites import _openqa
from evals.suites._alike_by_embedding import alike_by_embedding
from evals.suites._ballots import (
    SYSTEMS,
    Ballots,
    Bools,
    evouna_ballots,
    hits,
    majority_right,
    matrices,
    openqa_ballots,
    same_of_evouna,
    unanimous,
)
from hitl_core.domain.opinions import Vote
from hitl_core.judging.committee.answers import clusters
from hitl_core.judging.committee.voting import tally_votes
from hitl_core.judging.panel.fitting import LEAST_GROUPS, fit_panel, paired_gain
from hitl_core.judging.panel.panel import Panel

NAME = "committee"
DESCRIPTION = "Unanimity as a gate, and a weighted panel against its best member, plain majority and chance"
SETS = (_openqa.SET, "evouna")


class Comparison(NamedTuple):
    """What became of the test half: whether each way to decide was right, a row; and the panel that was fitted."""

    test: Ballots
    panel: Panel
    weighted: Bools
    used: Bools
    best: Bools
    majority: Bools
    chance: Bools


def run(context: SuiteContext) -> SuiteResult:
    """Measure both sets."""
    sets, notes = datasets.load_sets(SETS, context.data)
    found: list[Ballots] = []
    tables: list[Table] = []
    if _openqa.SET in sets:
        found.append(openqa_ballots(sets[_openqa.SET].limited(context.limit, context.seed)))
    if "evouna" in sets:
        context.progress(1, 3, "five systems: which answers are the same")
        answers = same_of_evouna(sets["evouna"].limited(context.limit, context.seed))
        tables.append(_agreeing_answers(answers, context.seed))
        by_embedding, absent = alike_by_embedding(sets["evouna"].limited(context.limit, context.seed), context.seed)
        tables, notes = [*tables, *by_embedding], notes + absent
        found += [evouna_ballots(answers, system) for system in SYSTEMS]
    context.progress(2, 3, "panels")
    measures = [each for ballots in found for each in gate_measures(ballots, context.seed)]
    compared = [compare(ballots, context.seed) for ballots in found if _enough(ballots)]
    measures += [each for one in compared for each in panel_measures(one, context.seed)]
    tables = [_gate_table(found), *tables, _panel_table(compared, context.seed), *map(_weights, compared[:1])]
    few = tuple(f"too few questions for a panel: {each.name}" for each in found if not _enough(each))
    drawings = (_drawing(measures),) if measures else ()
    cases = pl.concat([_cases(each) for each in found]) if found else None
    return SuiteResult(NAME, tuple(measures), tuple(each for each in tables if each.rows), drawings, cases, notes + few)


def gate_measures(ballots: Ballots, seed: int) -> list[Measure]:
    """Coverage and accuracy of unanimous approval as a gate, and of any unanimity as a verdict."""
    approved, agreed = unanimous(ballots)
    right, n = ballots.right, ballots.right.size
    if not n:
        return []
    base = f"all outputs {right.mean():.3f}"
    accuracies = {member: hits(np.array(cast), right).mean() for member, cast in ballots.votes.items()}
    best = max(accuracies, key=lambda member: accuracies[member])
    single = np.array(ballots.votes[best]) == "approve"
    alone = f"{base}; {best} alone {right[single].mean():.3f} at coverage {single.mean():.3f}"
    ones = np.ones(n)
    rows = (
        ("unanimous approval: coverage", approved, ones, n, "0 with people only"),
        ("unanimous approval: right", approved & right, approved, int(approved.sum()), alone),
        ("unanimous either way: coverage", agreed, ones, n, ""),
        ("unanimous either way: verdict right", (approved & right) | (agreed & ~approved & ~right), agreed,
         int(agreed.sum()), f"best member {best} {accuracies[best]:.3f}"),
    )  # fmt: skip
    return [
        measure(
            name,
            mean_by_group(np.asarray(above, float), np.asarray(below, float), ballots.group, share=True, seed=seed),
            count,
            slice=ballots.name,
            baseline=baseline,
        )
        for name, above, below, count, baseline in rows
    ]


def compare(ballots: Ballots, seed: int = 0) -> Comparison:
    """Fit on half of the groups and decide the other half in each way."""
    development = np.array([int(place(group, seed)[:8], 16) % 2 == 0 for group in ballots.group])
    learn, test = ballots.take(development), ballots.take(~development)
    panel = fit_panel(learn.votes, learn.right, learn.group, seed=seed)
    # The same weights, whether or not the panel would use them.
    weighted = _decide(Panel(**{**vars(panel), "uses": "panel"}), test)
    best = hits(np.array(test.votes[panel.best]), test.right)
    always = bool(learn.right.mean() >= 0.5)
    used = weighted if panel.uses == "panel" else best
    return Comparison(test, panel, weighted, used, best, majority_right(test), test.right == always)


def panel_measures(one: Comparison, seed: int) -> list[Measure]:
    """Accuracy of the panel on the test half, and its differences to best member, majority and chance."""
    n, name = one.test.right.size, one.test.name
    baseline = f"best member {one.panel.best} {one.best.mean():.4f}, majority {one.majority.mean():.4f}, "
    baseline += f"chance {one.chance.mean():.4f}"
    found = [
        ("panel: accuracy", one.weighted, np.zeros(n), baseline),
        ("panel - best member", one.weighted, one.best, f"{one.panel.best}; uses {one.panel.uses}"),
        ("panel - majority", one.weighted, one.majority, ""),
        ("panel - chance", one.weighted, one.chance, "always the commoner label"),
    ]
    return [
        measure(
            what, paired_gain(first, second, one.test.group, seed=seed), n, slice=f"{name}, test half", baseline=text
        )
        for what, first, second, text in found
    ]


def _decide(panel: Panel, ballots: Ballots) -> Bools:
    members = list(ballots.votes)
    said = []
    for row in zip(*ballots.votes.values(), strict=True):
        votes = [Vote(rater=member, verdict=vote) for member, vote in zip(members, row, strict=True)]
        said.append(tally_votes(votes, rule="weighted", quorum=1, panel=panel).verdict)
    return hits(np.array(said), ballots.right)


def _enough(ballots: Ballots) -> bool:
    return len(set(ballots.group)) >= 4 * LEAST_GROUPS and 0 < ballots.right.sum() < ballots.right.size


def _agreeing_answers(answers: pl.DataFrame, seed: int) -> Table:
    """How large the largest group of alike answers is, and how often its answers are right."""
    groups = answers["group"].to_list()
    largest = [clusters(same)[0] for same in matrices(answers)]
    share = np.array([
        np.mean([right[at] for at in cluster]) for cluster, right in zip(largest, answers["right"], strict=True)
    ])  # fmt: skip
    size = np.array([len(cluster) for cluster in largest])
    lines = []
    for least in range(len(SYSTEMS), 0, -1):
        inside = size >= least
        found = mean_by_group(share * inside, inside.astype(float), groups, share=True, seed=seed)
        interval = f"{found.low:.4f}-{found.high:.4f}"
        lines.append(
            (f"{least} of {len(SYSTEMS)}", f"{inside.mean():.4f}", f"{found.value:.4f}", interval, int(inside.sum()))
        )
    title = f"evouna: answers of the largest group of alike answers (n = {len(groups):,} questions)"
    alone = np.array(answers["right"].to_list()).reshape(-1, len(SYSTEMS)).mean(axis=0)
    best = int(np.argmax(alone)) if len(groups) else 0
    note = f"best single system {SYSTEMS[best]} {alone[best]:.4f}" if len(groups) else ""
    return Table(
        title, ("at least alike", "coverage", "right", "95 %", "questions"), tuple(lines) if groups else (), note
    )


def _gate_table(found: Sequence[Ballots]) -> Table:
    lines = []
    for ballots in found:
        approved, agreed = unanimous(ballots)
        right = ballots.right
        split = ~agreed
        lines.append((
            ballots.name, right.size, f"{right.mean():.4f}", f"{approved.mean():.4f}", _mean(right, approved),
            f"{agreed.mean():.4f}", _mean((approved & right) | (agreed & ~approved & ~right), agreed),
            _mean(majority_right(ballots), split),
        ))  # fmt: skip
    columns = (
        "votes on",
        "n",
        "right, all",
        "all approve",
        "right there",
        "all agree",
        "verdict right",
        "majority on split",
    )
    return Table("Unanimity as a gate", columns, tuple(lines), "all rows; nothing was fitted")


def _mean(values: ArrayLike, where: Bools) -> str:
    return f"{np.asarray(values)[where].mean():.4f}" if where.any() else "-"


def _panel_table(compared: Sequence[Comparison], seed: int) -> Table:
    lines = []
    for one in compared:
        gain = paired_gain(one.weighted, one.best, one.test.group, seed=seed)
        shares = (one.weighted, one.best, one.majority, one.chance, one.used)
        lines.append((
            one.test.name, one.test.right.size, *(f"{each.mean():.4f}" for each in shares[:4]),
            f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})",
            f"{one.panel.gain:+.4f} ({one.panel.gain_low:+.4f} to {one.panel.gain_high:+.4f})",
            one.panel.uses if one.panel.uses == "panel" else f"best: {one.panel.best}", f"{one.used.mean():.4f}",
        ))  # fmt: skip
    columns = ("votes on", "n", "panel", "best member", "majority", "chance", "panel - best, test half",
               "on development folds", "uses", "accuracy as used")  # fmt: skip
    note = "the panel is used only if its gain on group-disjoint development folds clears zero; else its best member is"
    return Table("Weighted panel on the test half", columns, tuple(lines), note)


def _weights(one: Comparison) -> Table:
    lines = tuple(
        (member.name, f"{member.sensitivity:.3f}", f"{member.specificity:.3f}", f"{member.approve:+.2f}",
         f"{member.reject:+.2f}", member.n) for member in one.panel.members
    )  # fmt: skip
    columns = ("member", "sensitivity", "specificity", "approve adds", "reject adds", "n")
    title = f"Weights of the panel on {one.test.name} (log-odds; start {one.panel.offset:+.2f})"
    return Table(title, columns, lines)


def _drawing(measures: Sequence[Measure]) -> Drawing:
    shown = [each for each in measures if each.name in ("unanimous approval: right", "panel: accuracy")]
    title = "Committees: unanimous approvals and panels that are right, with 95 % intervals"
    rows = [
        {"name": f"{each.slice}: {each.name}", "value": each.value, "low": each.low, "high": each.high, "n": each.n}
        for each in shown
    ]
    return Drawing(title, draw_intervals(pl.DataFrame(rows, infer_schema_length=None), title))


def _cases(ballots: Ballots) -> pl.DataFrame:
    approved, agreed = unanimous(ballots)
    return pl.DataFrame(
        {
            "case_id": ballots.case_id,
            "group": ballots.group,
            "set": [ballots.name] * len(ballots.case_id),
            "right": ballots.right,
            "all_approve": approved,
            "all_agree": agreed,
            "majority_right": majority_right(ballots),
        }
    )
