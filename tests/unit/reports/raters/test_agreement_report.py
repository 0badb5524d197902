"""The report on agreement against the coefficients themselves, by hand, and for anything empty or lopsided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from evals.bench.agreeing import rated
from hitl_core.agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_kappa, percent_agreement
from hitl_core.reports.raters.coefficients import alpha_by, alpha_by_reason, coefficients, pairs
from hitl_core.reports.raters.opinions import rater_frame
from hitl_core.reports.raters.report import agreement_report
from hitl_core.reports.raters.tables import judges, people_by_item, senior_words, truths

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIELDS = ("task_id", "rater_id", "verdict")
SCHEMA: dict[str, Any] = {
    "task_id": pl.UInt64,
    "rater_id": pl.String,
    "rater_kind": pl.String,
    "label": pl.String,
    "verdict": pl.String,
    "created_at": pl.Datetime("us", "UTC"),
    "project": pl.String,
    "domain": pl.String,
    "reasons": pl.String,
    "stage": pl.String,
    "overlap": pl.Int32,
    "origin": pl.String,
    "inclusion_probability": pl.Float64,
    "review": pl.UInt64,
    "made_ms": pl.Int64,
}


def opinion(task: int, rater: str, verdict: str, **fields: object) -> dict[str, object]:
    judge = rater.startswith("judge:")
    given: dict[str, object] = dict(zip(FIELDS, (task, rater, verdict), strict=True))
    given |= {"rater_kind": "judge" if judge else "person", "label": "right" if verdict == "approve" else "wrong"}
    given |= {"created_at": START + timedelta(days=task), "project": "p", "domain": "law", "reasons": "[]"}
    given |= {"stage": "judge" if judge else "human", "overlap": 1, "origin": "design", "inclusion_probability": 1.0}
    return given | {"review": task, "made_ms": task} | fields


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA)


@pytest.fixture(scope="module")
def many() -> pl.DataFrame:
    return rated(400)


def test_coefficients_are_those_of_the_raters_themselves(many: pl.DataFrame) -> None:
    people = many.filter(rater_kind="person")
    several = people.filter(pl.col("task_id").is_duplicated())
    found = {(row["who"], row["labels"], row["coefficient"]): row for row in coefficients(many).iter_rows(named=True)}
    for name, measure in (
        ("Krippendorff's alpha", krippendorff_alpha),
        ("Gwet's AC1", gwet_ac1),
        ("Fleiss' kappa", fleiss_kappa),
        ("percent agreement", percent_agreement),
    ):
        for who, chosen in (("people", several), ("people and judges", many)):
            row, direct = found[who, "right or wrong", name], measure(chosen)
            assert (row["value"], row["low"], row["high"]) == pytest.approx((direct.value, direct.low, direct.high))
            assert (row["n"], row["base_rate"]) == (direct.n, pytest.approx(direct.base_rate))
        direct = measure(several.with_columns(label=pl.col("verdict")))
        assert found["people", "verdict", name]["value"] == pytest.approx(direct.value)


def test_pairs_are_those_of_the_wide_table(many: pl.DataFrame) -> None:
    found = pairs(many, most=50)
    direct = pairwise_kappa(many).filter(pl.col("n") > 0)
    key = {
        tuple(sorted((row["rater_a"], row["rater_b"]))): (row["kappa"], row["low"], row["n"])
        for row in direct.iter_rows(named=True)
    }
    assert found.height == direct.height
    for row in found.iter_rows(named=True):
        kappa, low, n = key[row["rater_a"], row["rater_b"]]
        assert row["n"] == n
        assert row["value"] == (None if kappa is None else pytest.approx(kappa))
        assert row["low"] == (None if low is None else pytest.approx(low))


def test_only_the_busiest_raters_are_paired(many: pl.DataFrame) -> None:
    busiest = set(many["rater_id"].value_counts().sort("count", "rater_id", descending=[True, False])["rater_id"][:3])
    found = pairs(many, most=3)
    assert {*found["rater_a"], *found["rater_b"]} <= busiest


def test_an_item_belongs_to_one_group() -> None:
    rows = [opinion(task, who, "approve", domain="law" if task % 2 else "tax") for task in range(8) for who in "ab"]
    found = alpha_by(frame(*rows), pl.col("domain"))
    assert found["group"].to_list() == ["law", "tax"]
    assert found["n"].to_list() == [4, 4]
    assert found["value"].null_count() == 2  # one label only
    assert "only one label" in found["warning"][0]


def test_reasons_by_hand() -> None:
    # Four items, two people; `style` is cited by both on one item and by one on another.
    cited = {(0, "a"): '["style"]', (0, "b"): '["style", "other"]', (1, "a"): '["style"]'}
    rows = [opinion(task, who, "edit", reasons=cited.get((task, who), "[]")) for task in range(4) for who in "ab"]
    found = {row["group"]: row for row in alpha_by_reason(frame(*rows)).iter_rows(named=True)}
    assert set(found) == {"style", "other"}
    assert (found["style"]["n"], found["style"]["cited"], found["other"]["cited"]) == (4, 3, 1)
    # Observed disagreement 1/4; expected 2 * 3 * 5 / (8 * 7).
    assert found["style"]["value"] == pytest.approx(1 - (1 / 4) / (30 / 56))


def test_a_seniors_word_beats_the_majority_and_ties_have_no_truth() -> None:
    split = [opinion(task, who, verdict) for task in (1, 2) for who, verdict in (("a", "approve"), ("b", "reject"))]
    majority = [opinion(3, who, verdict) for who, verdict in (("a", "approve"), ("b", "approve"), ("c", "reject"))]
    waiting = [opinion(4, "a", "approve", overlap=2)]
    every = frame(*split, *majority, *waiting, opinion(1, "sen", "reject", stage="adjudicate"))
    items = people_by_item(every.filter(pl.col("stage") != "adjudicate"), senior_words(every))
    assert dict(truths(items).select("task_id", "truth").iter_rows()) == {1: "wrong", 3: "right"}


def test_who_agrees_with_the_consensus_is_asked_without_the_own_voice() -> None:
    rows = [opinion(task, who, "approve") for task in range(4) for who in ("a", "b")]
    rows += [opinion(task, "c", "reject") for task in range(4)]
    rows += [opinion(9, "a", "approve")]
    found = {row["rater_id"]: row for row in agreement_report(frame(*rows)).raters.iter_rows(named=True)}
    # For a and b the other two are split; for c both say right.
    assert (found["a"]["n"], found["b"]["n"], found["c"]["n"]) == (0, 0, 4)
    assert (found["c"]["consensus"], found["a"]["consensus"]) == (0.0, None)
    assert found["a"]["labels"] == 5


def test_a_judge_is_weighted_by_how_people_came_to_see_the_item() -> None:
    seen = [opinion(task, "a", "approve" if task < 12 else "reject") for task in range(16)]
    audited = [opinion(task, "a", "approve", inclusion_probability=0.25) for task in range(16, 20)]
    asked = [opinion(20, "a", "reject", origin="requested")]
    said = [opinion(task, "judge:j", "approve" if 12 <= task < 21 else "reject") for task in range(21)]
    every = frame(*seen, *audited, *asked, *said)
    row = judges(every, truths(people_by_item(every, senior_words(every)))).row(0, named=True)
    # Right: 12 seen, none found, and 4 audited that stand for 16, all found.
    assert row["tpr"] == pytest.approx(16 / 28)
    assert row["tnr"] == 0
    assert (row["n"], row["positives"], row["negatives"]) == (20, 16, 4)
    assert row["base_rate"] == pytest.approx(28 / 32)


def test_judges_are_measured_where_people_used_one_label_only() -> None:
    rows = [opinion(task, who, "reject") for task in range(6) for who in ("a", "judge:j")]
    every = frame(*rows)
    row = judges(every, truths(people_by_item(every, senior_words(every)))).row(0, named=True)
    assert (row["tpr"], row["tnr"], row["kappa"]) == (None, 1.0, None)
    assert "only one label" in row["warning"]


def test_a_committee_beside_its_members_has_no_second_voice() -> None:
    members = [opinion(task, f"judge:{name}", "approve") for task in range(6) for name in "xyz"]
    whole = [opinion(task, "judge:panel", "approve", stage="committee") for task in range(6)]
    people = [opinion(task, "a", "reject" if task else "approve") for task in range(6)]
    report = agreement_report(frame(*members, *whole, *people), with_judges=True)
    assert report.opinions == 24
    assert "judge:panel" in report.raters["rater_id"].to_list()
    assert report.raters.filter(rater_id="judge:panel")["sensitivity"].to_list() == [None]
    assert report.disputed["judges_right"].to_list() == [3] * 5
    assert report.pairs.filter(rater_b="judge:panel").height + report.pairs.filter(rater_a="judge:panel").height == 4


@pytest.mark.parametrize(("days", "bucket"), [(10, "day"), (100, "week"), (900, "month")])
def test_time_is_divided_by_its_length(days: int, bucket: str) -> None:
    rows = [opinion(task, who, "approve") for task in (0, days) for who in "ab"]
    report = agreement_report(frame(*rows))
    assert (report.bucket, report.over_time.height) == (bucket, 2)


def test_one_rater_has_a_row_and_nothing_to_compare() -> None:
    report = agreement_report(frame(*[opinion(task, "a", "approve") for task in range(5)]))
    assert (report.items, report.people, report.converged) == (0, 1, None)
    row = report.raters.row(0, named=True)
    assert (row["labels"], row["n"], row["consensus"], row["sensitivity"]) == (5, 0, None, None)
    assert report.pairs.is_empty()
    assert report.coefficients["value"].null_count() == report.coefficients.height


def test_nothing_at_all_is_a_report() -> None:
    report = agreement_report(frame())
    assert (report.opinions, report.items, report.bucket) == (0, 0, "day")
    assert report.raters.is_empty()
    assert report.against_people.is_empty()


def test_order_of_rows_does_not_matter(many: pl.DataFrame) -> None:
    one, other = agreement_report(many), agreement_report(many.sample(fraction=1.0, shuffle=True, seed=1))
    for name in ("pairs", "over_time", "by_domain", "raters", "against_people"):
        left, right = (
            getattr(each, name).select(pl.selectors.numeric()).fill_null(-9).to_numpy() for each in (one, other)
        )
        assert np.allclose(left, right, atol=1e-9), name


def test_the_newest_word_of_a_rater_counts() -> None:
    given = pl.DataFrame(
        {
            "item": pl.Series([1, 1], dtype=pl.UInt64),
            "reviewer": ["a", "a"],
            "right": [True, False],
            "verdict": ["approve", "reject"],
            "at": [START, START + timedelta(hours=1)],
            "project": ["p", "p"],
            "domain": [None, None],
            "review_reasons": ["[]", '["unsafe"]'],
            "stage": ["human", "audit"],
            "overlap": [1, 1],
            "origin": ["design", "design"],
            "inclusion_probability": [1.0, 1.0],
            "review": pl.Series([7, 8], dtype=pl.UInt64),
            "made_ms": [1, 2],
        },
        schema_overrides={"domain": pl.String},
    )
    nothing = ("review", "item", "at", "reviewer", "verdict", "body", "project", "domain", "made_ms")
    kinds: dict[str, Any] = {"review": pl.UInt64, "item": pl.UInt64, "made_ms": pl.Int64}
    kinds |= {"at": pl.Datetime("us", "UTC")}
    said = pl.DataFrame(schema={name: kinds.get(name, pl.String) for name in nothing})
    found = rater_frame(given, said)
    assert found.select("task_id", "rater_id", "label", "review").rows() == [(1, "a", "wrong", 8)]
