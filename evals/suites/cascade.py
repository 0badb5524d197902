"""Cascade: what three recorded judges and a person cost together, and how often what goes out is right.

BEM (a small classifier), davinci-003 and GPT-4 judged the same answers; the cascade asks them in this order by replay.
Each says with which probability the answer is right: calibrated on other questions, never on the one it judges. The
last tier is a person, whose label is the truth here, though two people agree on .869 of these answers only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.metrics import mean_by_group, measure
from evals.reporting.curves import front
from evals.reporting.drawings import draw_front
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult, Table
from evals.suites import _openqa
from hitl_core.calibration import CalibrationMethod, fit_calibrator
from hitl_core.domain.records import Item
from hitl_core.judging.cascade.cascade import CascadeResult, CascadeTier, JudgeCascade
from hitl_core.judging.opinion import CertificateState
from hitl_core.judging.panel.fitting import folds_by_group
from hitl_core.judging.recorded import RecordedJudge, RecordedVerdict

NAME = "cascade"
DESCRIPTION = "Three recorded judges and a person in a row: what goes out, how often it is right, and what it costs"
SETS = (_openqa.SET,)
# Stated, not measured: a small model on an own machine, and list prices of 2023 for about 120 and 150 tokens.
PRICES = {"bem": Decimal("0.00002"), "davinci003": Decimal("0.0024"), "gpt4": Decimal("0.0050")}
PERSON_USD = 0.60
ACCEPT_AT = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 0.975)
START_VALUE = 0.9
CASCADES = (("bem",), ("gpt4",), ("bem", "gpt4"), ("bem", "davinci003"), ("bem", "davinci003", "gpt4"))
FULL = CASCADES[-1]
FOLDS = 5
# Venn-Abers fits two isotonic regressions for each distinct probability.
SLOW_SPLITS = 20
PROJECT = "openqa_eval"


class Point(NamedTuple):
    """One cascade at one threshold: per row whether it went out, what the models cost, and at which tier it ended."""

    tiers: tuple[str, ...]
    accept_at: float
    accepted: np.ndarray
    model_usd: np.ndarray
    ended: tuple[str, ...]


def run(context: SuiteContext) -> SuiteResult:
    """Replay each cascade at each threshold."""
    sets, notes = datasets.load_sets(SETS, context.data)
    if _openqa.SET not in sets:
        return SuiteResult(NAME, notes=notes)
    data = sets[_openqa.SET].limited(context.limit, context.seed)
    rows = _openqa.judged(data)
    judges = recorded_judges(rows, context.seed)
    wanted = [(tiers, at) for tiers in CASCADES for at in ACCEPT_AT]
    points = []
    for done, (tiers, at) in enumerate(wanted):
        context.progress(done, len(wanted), f"{' > '.join(tiers)} from {at}")
        points.append(replay(rows, [judges[name] for name in tiers], at))
    summary = summarise(points, rows, context.seed)
    start = next(each for each in points if each.tiers == FULL and each.accept_at == START_VALUE)
    reference = Table("Known figures of this set", ("what", "found", "published", "n"), _openqa.reference_rows(data))
    return SuiteResult(
        NAME,
        tuple(_measures(start, rows, context.seed)),
        (*_tables(summary, rows.height), _calibration_table(rows), reference),
        (_drawing(summary, rows.height),),
        _cases(start, data.frame),
        (*notes, _prices()),
    )


def recorded_judges(rows: pl.DataFrame, seed: int = 0) -> dict[str, RecordedJudge]:
    """Return a recorded judge for each of the three; every probability is learned on the other questions.

    BEM's is its own probability after beta calibration; the other two said yes or no, so theirs is how often people
    agreed with that word. An answer on which BEM is silent is an abstention.
    """
    right, groups = rows["right"].to_numpy().astype(np.float64), rows["group"].to_numpy()
    judges = {}
    for name in _openqa.JUDGES:
        votes = rows[name].to_list()
        raw = rows["bem_prob"].fill_null(0.5).to_numpy() if name == "bem" else _worded(votes)
        spoke = np.array([vote != "abstain" for vote in votes])
        p = np.zeros(rows.height)
        for fold in folds_by_group(groups, FOLDS, seed):
            learn = ~fold & spoke
            fitted = fit_calibrator(raw[learn], right[learn], method="beta" if name == "bem" else "isotonic")
            p[fold] = fitted.apply(raw[fold])
        judges[name] = RecordedJudge(name, _verdicts(name, rows["case_id"].to_list(), p, spoke))
    return judges


def replay(rows: pl.DataFrame, judges: Sequence[RecordedJudge], accept_at: float) -> Point:
    """Send every row through a cascade of these judges; certificates count as valid, as that is what is measured."""
    valid = CertificateState(status="valid", certificate="assumed")
    cascade = JudgeCascade([CascadeTier(judge, accept_at) for judge in judges], certified=lambda _: valid)

    async def all_rows() -> list[CascadeResult]:
        items = (Item(id=case, project=PROJECT, query="", output="") for case in rows["case_id"])
        return [await cascade.judge(item) for item in items]

    results = asyncio.run(all_rows())
    return Point(
        tuple(judge.name for judge in judges),
        accept_at,
        np.array([each.accepted for each in results]),
        np.array([float(each.cost_usd or 0) for each in results]),
        tuple(each.path[-1] for each in results),
    )


def summarise(points: Sequence[Point], rows: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Return one row a point.

    Returns:
        Frame: name, tiers, accept_at, coverage (share that went out), precision (right among those, with low, high by
        questions), wrong (share of all rows that went out wrong), model_usd and cost (models and people, USD a row),
        quality (share of all rows right in the end).
    """
    right, groups = rows["right"].to_numpy(), rows["group"].to_list()
    found = []
    for point in points:
        out = point.accepted
        precision = mean_by_group(out & right, out.astype(float), groups, share=True, seed=seed)
        models = float(point.model_usd.mean())
        found.append(
            {
                "name": f"{' > '.join(point.tiers)} ≥ {point.accept_at:g}",
                "tiers": " > ".join(point.tiers),
                "accept_at": point.accept_at,
                "coverage": float(out.mean()),
                "precision": precision.value,
                "low": precision.low,
                "high": precision.high,
                "wrong": float((out & ~right).mean()),
                "model_usd": models,
                "cost": models + PERSON_USD * float(1 - out.mean()),
                "quality": float(1 - (out & ~right).mean()),
            }
        )
    people = {"name": "people only", "tiers": "person", "accept_at": None, "coverage": 0.0, "precision": None}
    people |= {"low": None, "high": None, "wrong": 0.0, "model_usd": 0.0, "cost": PERSON_USD, "quality": 1.0}
    return pl.DataFrame([*found, people], infer_schema_length=None)


def _worded(votes: Sequence[str]) -> np.ndarray:
    return np.array([{"approve": 0.75, "reject": 0.25}.get(vote, 0.5) for vote in votes])


def _verdicts(
    name: str, ids: Sequence[str], p: np.ndarray, spoke: np.ndarray
) -> dict[tuple[str, str], RecordedVerdict]:
    verdicts = {}
    for case, probability, said in zip(ids, p.tolist(), spoke.tolist(), strict=True):
        leaning = "approve" if probability >= 0.5 else "reject"
        verdicts[PROJECT, case] = RecordedVerdict(
            project=PROJECT,
            item_id=case,
            judge=name,
            verdict=leaning if said else "abstain",
            p_correct=probability if said else None,
            calls=1,
            cost_usd=PRICES[name],
        )
    return verdicts


def _measures(start: Point, rows: pl.DataFrame, seed: int) -> list[Measure]:
    right, groups = rows["right"].to_numpy(), rows["group"].to_list()
    out, n = start.accepted, rows.height
    ones = np.ones(n)
    best = max(_openqa.accuracy_and_kappa(rows, judge)[0] for judge in _openqa.JUDGES)
    chance = f"always approve {right.mean():.3f}"
    where = f"{' > '.join(FULL)} from {START_VALUE}"
    shares = [
        ("sent out without a person", out, ones, n, None, "0 with people only"),
        ("right among those", out & right, out, int(out.sum()), True, f"best judge's verdicts {best:.4f}, {chance}"),
        ("wrong and sent out, of all", out & ~right, ones, n, False, f"always approve {1 - right.mean():.3f}"),
        ("model cost", start.model_usd, ones, n, False, f"gpt4 on everything {PRICES['gpt4']} USD"),
    ]
    return [
        measure(
            name,
            mean_by_group(above, below, groups, share=name != "model cost", seed=seed),
            count,
            unit="usd" if name == "model cost" else "",
            slice=where,
            higher_is_better=better,
            baseline=baseline,
        )
        for name, above, below, count, better, baseline in shares
    ]


def _tables(summary: pl.DataFrame, n: int) -> tuple[Table, ...]:
    columns = ("accept_at", "sent out", "right among those", "95 %", "wrong, of all", "models usd", "with people usd")
    tables = []
    for (tiers,), part in summary.filter(pl.col("tiers") != "person").group_by("tiers", maintain_order=True):
        lines = tuple(_line(row, ("accept_at",)) for row in part.iter_rows(named=True))
        tables.append(Table(f"{tiers} > person, by threshold (n = {n:,}; USD an answer)", columns, lines))
    best = front(summary).filter("best")
    lines = tuple((row["name"], *_line(row, ()), f"{row['quality']:.4f}") for row in best.iter_rows(named=True))
    title = f"Cost-quality front: nothing measured is both cheaper and better (n = {n:,})"
    return (*tables, Table(title, ("cascade", *columns[1:], "right in the end"), lines, note=_prices()))


def _line(row: dict[str, Any], first: Sequence[str]) -> tuple[Any, ...]:
    def share(name: str) -> str:
        value = row[name]
        return "-" if value is None or not np.isfinite(value) else f"{value:.4f}"

    interval = "-" if share("low") == "-" else f"{share('low')}-{share('high')}"
    head = tuple(row[name] for name in first)
    money = (f"{row['model_usd']:.5f}", f"{row['cost']:.4f}")
    return (*head, share("coverage"), share("precision"), interval, share("wrong"), *money)


def _calibration_table(rows: pl.DataFrame) -> Table:
    methods: tuple[CalibrationMethod | None, ...] = (None, "venn_abers", "isotonic", "beta")
    splits = {None: _openqa.HALF_SPLITS, "venn_abers": SLOW_SPLITS}
    found = [
        (method or "raw", *_openqa.bem_calibration_error(rows, method, splits=splits.get(method, _openqa.HALF_SPLITS)))
        for method in methods
    ]
    lines = tuple((name, f"{mean:.4f}", f"{spread:.4f}") for name, mean, spread in found)
    title = f"BEM's probability: calibration error, 15 bins, on half splits (n = {rows.height // 2})"
    note = "known: .129 raw, about .040 after; on all rows at once the raw error is .124, as noise adds to fewer rows"
    return Table(title, ("map", "mean", "spread"), lines, note=note)


def _drawing(summary: pl.DataFrame, n: int) -> Drawing:
    title = f"Cascade: right in the end against cost (n = {n:,})"
    points = front(summary.drop("low", "high"))
    figure = draw_front(points, title, "USD an answer, models and people", "right in the end")
    return Drawing(title, figure, note=_prices())


def _cases(start: Point, frame: pl.DataFrame) -> pl.DataFrame:
    out = pl.Series("accepted", start.accepted)
    return frame.select("case_id", "group", "domain", "model", "length", right="label", p_bem="bem_prob").with_columns(
        out,
        wrong_out=out & ~frame["label"],
        model_usd=pl.Series(start.model_usd),
        ended=pl.Series(start.ended),
    )


def _prices() -> str:
    prices = ", ".join(f"{name} {price}" for name, price in PRICES.items())
    return f"stated prices in USD an answer: {prices}, a person {PERSON_USD:.2f}; a person's word counts as the truth"
