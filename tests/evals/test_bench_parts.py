"""Each part of the bench at a small size: it runs, fills its table, and can say that an aim was missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.bench import __main__ as program
from evals.bench import agreeing
from evals.bench.agreeing import measure_agreement
from evals.bench.bare import BareSqlite, plain
from evals.bench.filling import fill_queue, make_item, random_vectors
from evals.bench.importing import run_import, write_file
from evals.bench.judging import measure_judging
from evals.bench.results import Aim, Part, Setup, alternate
from evals.bench.submitting import measure_submit, written
from evals.databases import Databases
from evals.figures import percentile, table
from hitl_core import Loop


def test_an_aim_is_missed_at_its_limit() -> None:
    assert Aim("fast", 2.99, 3.0).met
    assert not Aim("fast", 3.0, 3.0).met
    part = Part("Speed", ("a",), [[1]], [Aim("fast", 3.5, 3.0)])
    assert "MISSED" in program.report({}, [part])
    assert program.as_json({}, [part])["parts"][0]["aims"][0]["met"] is False  # type: ignore[index]


def test_measures_take_turns() -> None:
    order: list[str] = []

    def measure(name: str) -> list[float]:
        order.append(name)
        return [float(len(order))]

    values = alternate(2, lambda: measure("a"), lambda: measure("b"))
    assert order == ["a", "b", "a", "b"]
    assert values == [[1.0, 3.0], [2.0, 4.0]]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile([1.0, 2.0], 0.95) == 2.0
    assert percentile([], 0.5) == 0.0


def test_a_table_aligns_numbers_to_the_right() -> None:
    lines = table("T", ("name", "n"), [["a", 1_000], ["bb", 2]]).splitlines()
    assert lines[2:6] == ["| name |     n |", "|------|------:|", "| a    | 1,000 |", "| bb   |     2 |"]


def test_bare_inserts_write_the_rows_that_submit_writes(sqlite_url: str) -> None:
    import random

    chance = random.Random(1)
    with Loop.open(sqlite_url) as loop:
        loop.submit(
            {"id": "first", "project": "bench", "query": "q", "output": "o", "confidence": 0.7}
        )  # opens the lane
        rows = written(loop, [make_item(f"i{number}", chance) for number in range(20)])
        bare = BareSqlite(sqlite_url)
        bare.insert_batch(rows)
        bare.close()
        waiting = {name: len(each) for name, each in rows}["tasks"]
        assert sum(each[-1] for each in loop.queue.pending()) == waiting + 1 > 1
        claimed = loop.queue.claim("ana")
        while claimed is not None and claimed.item.id == "first":
            claimed = loop.queue.claim("ana")
        assert claimed is not None
        assert loop.story(claimed.item.id).item == claimed.item
        again = loop.submit(claimed.item)
        assert again.id == claimed.decision.id


def test_a_filled_queue_is_one_that_claims_can_work_on(sqlite_url: str) -> None:
    with Loop.open(sqlite_url) as loop:
        fill_queue(loop.store, 50, projects=3)
        seen = [task for task in (loop.queue.claim("ana") for _ in range(50)) if task is not None]
        ages = [(loop.clock.now() - task.created_at).total_seconds() / 3600 for task in seen]
        assert len({task.id for task in seen}) == 50
        assert max(ages) > 48
        assert min(ages) < 24
        priorities = [task.priority for task in seen]
        assert priorities == pytest.approx(sorted(priorities, reverse=True), abs=1e-3)
        assert loop.queue.claim("ana") is None


def test_plain_rows_hold_microseconds(sqlite_url: str) -> None:
    from datetime import UTC, datetime

    assert plain({"at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "n": 1}) == {"at": 1_000_000, "n": 1}


def test_vectors_have_length_one() -> None:
    vectors = random_vectors(10, 8)
    assert vectors.shape == (10, 8)
    assert (vectors**2).sum(axis=1) == pytest.approx([1.0] * 10, abs=1e-5)


def test_the_import_file_has_as_many_lines_as_asked(tmp_path: Path) -> None:
    write_file(tmp_path / "x.jsonl", 12)
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8").count("\n") == 12


def test_the_submit_part_measures_both_ways(tmp_path: Path) -> None:
    single, batch = measure_submit(Setup(Databases(tmp_path), ["sqlite"], scale=0.005))
    assert [row[0] for row in single.rows + batch.rows] == ["sqlite"] * 3
    assert all(aim.value > 0 for aim in single.aims + batch.aims)
    assert len(single.aims + batch.aims) == 2


def test_the_judging_part_measures_both_ways(tmp_path: Path) -> None:
    ideal, litellm = measure_judging(Setup(Databases(tmp_path), ["sqlite"], scale=0.02))
    assert [row[0] for row in ideal.rows + litellm.rows] == ["sqlite", "litellm alone", "all layers"]
    assert [aim.limit for aim in ideal.aims + litellm.aims] == [1.15, 1.1]
    assert all(aim.value > 0 for aim in ideal.aims + litellm.aims)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "title"), [("claim", "### Claim"), ("gate", "### Waiting of 8"), ("import", "### hitl import")]
)
def test_a_part_runs_at_a_small_size(name: str, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--only", name, "--database", "sqlite", "--scale", "0.002"]) == 0
    printed = capsys.readouterr().out
    assert "### Aims" in printed
    assert title in printed


def test_the_peak_of_an_import_is_its_own_and_not_that_of_its_parent(tmp_path: Path) -> None:
    write_file(tmp_path / "x.jsonl", 10)
    ballast = bytearray(600 * 2**20)
    _, peak = run_import(tmp_path / "x.jsonl", f"sqlite:///{tmp_path / 'hitl.db'}")
    assert len(ballast) > 0
    assert 20 < peak < 400


def test_an_import_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code"):
        run_import(tmp_path / "missing.jsonl", f"sqlite:///{tmp_path / 'hitl.db'}")


def test_coefficients_stand_beside_their_rivals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(agreeing, "ROUNDS", 1)
    setup = Setup(Databases(tmp_path), (), scale=0.005)
    part = measure_agreement(setup)[0]
    by_name = {row[0]: row for row in part.rows}
    assert "scikit-learn" in by_name["Cohen kappa, two raters"][2]
    assert len(part.rows) == 12
    assert {aim.limit for aim in part.aims} == {1.0, 2.0}

    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr("evals.bench.agreeing.importlib.import_module", missing)
    calls, absent = agreeing.rival_calls(100)
    assert (list(calls), absent) == (["scikit-learn, no interval"], ["statsmodels"])
