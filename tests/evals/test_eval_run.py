"""Runs: crashes are rows, killed runs go on, the cost cap holds, figures come with intervals over groups."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from evals.harness.cases import Case, Dataset, dataset
from evals.harness.metrics import aurc, auroc, mean_by_group
from evals.harness.offline import Recorded
from evals.harness.run import RunOptions, run_cases
from evals.harness.scorers import SCORERS, Score, contains, exact, overlap
from evals.harness.summary import summarise
from evals.harness.targets import Given, Output, Router
from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.stats import clopper_pearson

ROOT = Path(__file__).parents[2]


def cases(n: int = 20) -> Dataset:
    rows = [
        {
            "case_id": f"c{number}",
            "group": f"g{number // 2}",
            "query": f"q{number}",
            "output": f"a{number}",
            "label": number % 4 != 0,
            "confidence": 0.3 if number % 4 == 0 else 0.8,
            "reference": f"a{number}",
        }
        for number in range(n)
    ]
    return dataset("cases", pl.DataFrame(rows), grouped_by="pair")


@dataclass
class Paid:
    """Costs something each time and remembers who asked; `unknown` has no price."""

    price: Decimal = Decimal("0.01")
    unknown: frozenset[str] = frozenset()
    name: str = "paid"
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"model": "scripted"}

    async def __call__(self, case: Case) -> Output:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.asked.append(case.id)
        return Output("yes", accepted=True, cost_usd=None if case.id in self.unknown else self.price)


class Crashing(Given):
    def __call__(self, case: Case) -> Output:
        if case.id == "c3":
            raise RuntimeError("no reply")
        return super().__call__(case)


def test_finished_cases_are_not_repeated(tmp_path: Path) -> None:
    first, second = Paid(), Paid()
    run_cases(cases(8).limited(2), first, {"correct": SCORERS["correct"]}, tmp_path)
    assert len(first.asked) == 4
    rows = run_cases(cases(8).limited(2), second, {"correct": SCORERS["correct"]}, tmp_path)
    assert second.asked == []
    assert (len(rows.rows), rows.before, rows.cost_usd) == (4, 4, Decimal("0.04"))


def test_rows_of_another_run_are_put_aside(tmp_path: Path) -> None:
    run_cases(cases(), Given(), {"exact": exact}, tmp_path)
    rows = run_cases(cases(), Given(), {"exact": exact, "contains": contains}, tmp_path)
    assert rows.before == 0
    assert rows.put_aside is not None
    assert rows.put_aside.is_file()


def test_fresh_forgets(tmp_path: Path) -> None:
    run_cases(cases(), Given(), {"exact": exact}, tmp_path)
    assert run_cases(cases(), Given(), {"exact": exact}, tmp_path, RunOptions(fresh=True)).before == 0


def test_a_line_cut_off_in_the_middle_is_done_again(tmp_path: Path) -> None:
    run_cases(cases(), Given(), {"exact": exact}, tmp_path)
    path = tmp_path / "rows.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    rows = run_cases(cases(), Given(), {"exact": exact}, tmp_path)
    assert (rows.before, len(rows.rows)) == (19, 20)
    assert [json.loads(line)["case_id"] for line in path.read_bytes().splitlines()[1:]].count("c19") == 1


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"key"\n', encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        run_cases(cases(), Given(), {"exact": exact}, tmp_path)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """The process is killed for good in its sixth case; the second pays only for what the first had not finished."""
    program = f"""
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {str(ROOT)!r})
    from evals.harness.run import RunOptions, run_cases
    from evals.harness.scorers import SCORERS
    from tests.evals.test_eval_run import Paid, cases

    class Dying(Paid):
        async def __call__(self, case):
            if len(self.asked) == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            return await super().__call__(case)

    run_cases(cases(), Dying(), {{"correct": SCORERS["correct"]}}, Path(sys.argv[1]), RunOptions(concurrency=1))
    """
    dead = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], check=False, cwd=ROOT)
    assert dead.returncode == -signal.SIGKILL
    target = Paid()
    rows = run_cases(cases(), target, {"correct": SCORERS["correct"]}, tmp_path)
    assert rows.before == 5
    assert sorted(target.asked) == sorted(f"c{number}" for number in range(5, 20))
    assert len(rows.rows) == 20
    assert rows.cost_usd == Decimal("0.20")
    assert os.path.getsize(tmp_path / "rows.jsonl") > 0


def test_a_crash_of_the_target_is_a_row(tmp_path: Path) -> None:
    rows = run_cases(cases(), Crashing(), {"exact": exact}, tmp_path).rows
    assert [row["error"] for row in rows if row["error"]] == ["RuntimeError: no reply"]
    assert next(row for row in rows if row["case_id"] == "c3")["scores"] == {}
    result = summarise("own", cases(), rows)
    crashed = next(each for each in result.measures if each.name == "crashed")
    assert (crashed.value, crashed.n, crashed.higher_is_better) == (0.05, 20, False)


def test_a_crash_of_a_scorer_is_a_row(tmp_path: Path) -> None:
    def broken(case: Case, output: Output) -> Score:
        if case.id == "c1":
            raise ZeroDivisionError("nothing to divide by")
        return Score(value=True)

    rows = run_cases(cases(), Given(), {"broken": broken, "exact": exact}, tmp_path).rows
    failed = next(row for row in rows if row["case_id"] == "c1")["scores"]
    assert failed["broken"]["error"] == "ZeroDivisionError: nothing to divide by"
    assert failed["exact"]["value"] is True
    result = summarise("own", cases(), rows)
    assert next(each for each in result.measures if each.name == "broken").n == 19
    assert any("1 scores crashed, the first: broken" in note for note in result.notes)


def test_the_cost_cap_is_never_passed(tmp_path: Path) -> None:
    options = RunOptions(concurrency=8, max_cost_usd=Decimal("0.055"))
    rows = run_cases(cases(), Paid(), {"correct": SCORERS["correct"]}, tmp_path, options)
    assert rows.cost_usd == Decimal("0.05")
    assert "cost cap" in rows.stopped
    more = run_cases(cases(), Paid(), {"correct": SCORERS["correct"]}, tmp_path, RunOptions())
    assert (more.before, len(more.rows), more.stopped) == (5, 20, "")


def test_an_unknown_cost_ends_a_capped_run(tmp_path: Path) -> None:
    options = RunOptions(concurrency=1, max_cost_usd=Decimal(1))
    rows = run_cases(cases(), Paid(unknown=frozenset({"c2"})), {"correct": SCORERS["correct"]}, tmp_path, options)
    assert len(rows.rows) == 3
    assert rows.cost_usd is None
    assert "unknown cost" in rows.stopped


def test_cases_run_at_once_but_not_more_than_asked(tmp_path: Path) -> None:
    target = Paid()
    run_cases(cases(), target, {}, tmp_path, RunOptions(concurrency=4))
    assert target.most_at_once == 4


def test_references_are_held_against_by_the_rule_of_squad() -> None:
    case = Case("c", "g", {"reference": "The Beatles | Beatles, the band"}, None)
    assert exact(case, Output("beatles!")).value is True
    assert exact(case, Output("Beatle")).value is False
    assert contains(case, Output("It was the Beatles who did")).value is True
    assert contains(case, Output("It was the Beatlesque one")).value is False
    assert overlap(case, Output("the band")).value == pytest.approx(2 * 1 / (1 + 2))
    assert exact(Case("c", "g", {}, None), Output("x")) == Score(None, "no reference")


def test_a_recorded_judge_says_accepted_or_held_back(tmp_path: Path) -> None:
    data = dataset(
        "r",
        pl.DataFrame({"case_id": ["a", "b", "c", "d"], "p": [0.9, 0.2, None, 7.0], "label": [True, False, True, True]}),
    )
    rows = run_cases(data, Recorded("p", 0.5), {"label": SCORERS["label"]}, tmp_path).rows
    assert [row["accepted"] for row in rows] == [True, False, False, None]
    assert "neither a probability nor yes or no" in rows[3]["error"]
    assert [row["scores"].get("label", {}).get("value") for row in rows] == [True, True, False, None]


def test_a_policy_is_measured_as_a_router(tmp_path: Path) -> None:
    policy = Policy.from_toml("[thresholds]\nauto_approve = 0.7\nasync_review = 0.5\nsync_review = 0.2\n")
    rows = run_cases(cases(), Router(policy), {"label": SCORERS["label"]}, tmp_path).rows
    found = {each.name: each for each in summarise("own", cases(), rows).measures}
    assert found["coverage"].value == pytest.approx(0.75)
    assert found["wrong among accepted"].value == 0
    assert found["AUROC"].value == 1


def test_a_share_of_all_or_none_has_no_interval_of_a_point() -> None:
    groups = [at // 2 for at in range(40)]
    for value in (0.0, 1.0):
        found = mean_by_group(np.full(40, value), np.ones(40), groups, share=True)
        exact = clopper_pearson(value * 20, 20)
        assert (found.low, found.high) == (exact.low, exact.high)
    unchanged = mean_by_group(np.zeros(40), np.ones(40), groups)
    assert (unchanged.low, unchanged.high) == (0, 0), "a difference that is 0 everywhere is no share"


def test_an_interval_over_groups_is_as_wide_as_the_groups_say() -> None:
    """Ten equal rows in each group: ten times the rows, the same interval as one row of each group."""
    draws = np.random.default_rng(0).integers(0, 2, 200).astype(float)
    one = mean_by_group(draws, np.ones(200), list(range(200)))
    ten = mean_by_group(np.repeat(draws, 10), np.ones(2000), np.repeat(np.arange(200), 10).tolist())
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.1)
    alone = mean_by_group(np.repeat(draws, 10), np.ones(2000), list(range(2000)))
    assert (ten.high - ten.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(10), rel=0.15)


def test_auroc_agrees_with_scikit_learn_in_the_presence_of_ties() -> None:
    draws = np.random.default_rng(1)
    confidence = draws.integers(0, 8, 400) / 8
    right = (draws.random(400) < 0.3 + 0.5 * confidence).astype(float)
    found = auroc(confidence, right, list(range(400)))
    assert found.value == pytest.approx(roc_auc_score(right, confidence))
    assert found.low < found.value < found.high


def test_aurc_by_hand() -> None:
    # Errors at coverage 1/4, 2/4, 3/4, 4/4: 0, 1/2, 1/3, 2/4.
    assert aurc([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], list("abcd")).value == pytest.approx(
        (0 + 1 / 2 + 1 / 3 + 1 / 2) / 4
    )
