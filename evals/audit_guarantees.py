"""The promises of audits in figures: coverage, false alarms, detection delays, and what predictions gain.

python -m evals.audit_guarantees            2,000 replays; --short: a tenth
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evals.figures import table
from hitl_core.audit import BreachMonitor, ConfidenceSequence, estimate_error, prediction_powered_mean
from hitl_core.audit.bets import log_returns, mixed

RUN_LENGTH = 5000
LEVEL = 0.95
LEAST = 0.94
Floats = NDArray[np.float64]
# error before, error after, target, good audits before the break
BREAKS = (
    (0.02, 0.06, 0.03, 200),
    (0.02, 0.06, 0.02, 200),
    (0.02, 0.20, 0.05, 200),
    (0.02, 0.20, 0.02, 200),
    (0.03, 0.15, 0.05, 1000),
    (0.03, 0.15, 0.03, 1000),
)
# labels, further predictions, error, accuracy of the predictions
PREDICTED = ((200, 2000, 0.10, 0.95), (500, 5000, 0.20, 0.90), (300, 3000, 0.30, 0.80), (500, 5000, 0.05, 0.98))
CONSTANT = (("2 %, all labelled", 0.02, (1.0,)), ("5 %, audits at .05 and .2", 0.05, (0.05, 0.2)))
Row = tuple[str | int | float, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m evals.audit_guarantees", description="promises of audits")
    parser.add_argument("--short", action="store_true", help="a tenth of the runs")
    parser.add_argument("--data", help="ignored: audits need no real sets")
    runs = 200 if parser.parse_args(arguments).short else 2000
    covered = coverage_rows(runs)
    header: tuple[str, ...] = ("world", "replays", "looks", "covered at all looks")
    print(table("Confidence sequence, 95 %, a look a day for 60 days of 10 labels", header, covered))
    header = ("estimate", "runs", "mean", "truth", "interval covers")
    weighted = selective_rows(runs // 2)
    print(table("Everything below .8 reviewed, one in five above audited", header, weighted))
    header = ("error before", "after", "target", "good audits", "median delay", "mean delay", "nine in ten by", "false")
    print(table(f"Breach test, false alarms once in {RUN_LENGTH:,} audits", header, delay_rows(max(20, runs // 10))))
    header = ("labels", "predictions", "error", "rho", "gain", "theory", "covers", "shown")
    predicted = gain_rows(runs // 2)
    print(table("Prediction-powered estimate, 95 %", header, predicted))
    band = 3 * np.sqrt(LEVEL * (1 - LEVEL) / runs)
    kept = all(float(row[-1]) >= LEAST - band for row in covered) and all(
        float(row[6]) >= LEAST - band for row in predicted
    )
    return 0 if kept and float(weighted[1][-1]) >= LEAST - 2 * band else 1


def ever_given_up(values: Floats, inclusion: Floats, mean: float, least: float) -> bool:
    """Whether a sequence gives the true mean up at any row: what the class does, at one claim only."""
    needed = np.log(2 / (1 - LEVEL))
    claim = np.array([mean])
    for side in ("above", "below"):
        steps = [log_returns(v, least / p, claim, side)[0] for v, p in zip(values, inclusion, strict=True)]
        if mixed(np.cumsum(steps, axis=0)).max() >= needed:
            return True
    return False


def coverage_rows(runs: int) -> list[Row]:
    """How often the truth was never given up, looking after every label."""
    rows: list[Row] = []
    for name, error, chances in CONSTANT:
        held = 0
        for seed in range(runs):
            generator = np.random.default_rng([seed, 1])
            inclusion = generator.choice(chances, 600, p=_share_of_labels(chances))
            held += not ever_given_up(
                (generator.random(600) < error).astype(float), inclusion, error, float(min(chances))
            )
        rows.append((name, runs, 600, round(held / runs, 4)))
    return rows


def looked_at_daily(seed: int, error: float, *, days: int = 60, per_day: int = 10) -> bool:
    """Whether the class itself holds the truth at every daily look."""
    generator, sequence = np.random.default_rng([seed, 2]), ConfidenceSequence(confidence=LEVEL)
    for _ in range(days):
        for value in (generator.random(per_day) < error).astype(float):
            sequence.update(float(value), 1.0)
        low, high = sequence.interval
        if not low <= error <= high:
            return False
    return True


def selective_world(seed: int, items: int = 1500) -> tuple[NDArray[np.bool_], Floats, float]:
    """Labels of a product that reviews below .8 and audits one in five above: correct, inclusion, true error."""
    generator = np.random.default_rng([seed, 3])
    confidence = generator.beta(6, 1.6, items)
    risk = 0.6 * (1 - confidence) + 0.02
    wrong = generator.random(items) < risk
    inclusion = np.where(confidence < 0.8, 1.0, 0.2)
    drawn = generator.random(items) < inclusion
    return ~wrong[drawn], inclusion[drawn], 0.6 * (1 - 6 / 7.6) + 0.02


def selective_rows(runs: int) -> list[Row]:
    """The naive and the weighted estimate of the error of all outputs."""
    found = []
    for seed in range(runs):
        correct, inclusion, truth = selective_world(seed)
        estimate = estimate_error(correct, inclusion)
        found.append([(each.value, each.low <= truth <= each.high) for each in (estimate.naive, estimate.weighted)])
    rows: list[Row] = []
    for index, name in enumerate(("naive", "weighted")):
        values, covers = zip(*(each[index] for each in found), strict=True)
        rows.append((name, runs, round(float(np.mean(values)), 4), round(truth, 4), round(float(np.mean(covers)), 4)))
    return rows


def delay(seed: int, before: float, after: float, target: float, good: int) -> int | None:
    """Return how many audits after a break the alarm is raised; None for a false alarm before it."""
    generator = np.random.default_rng([seed, 4])
    monitor = BreachMonitor(target=target, run_length=RUN_LENGTH)
    for row in range(1, 20 * RUN_LENGTH):
        rate = before if row <= good else after
        if monitor.update(float(generator.random() < rate)):
            return row - good if row > good else None
    return 20 * RUN_LENGTH


def delay_rows(runs: int) -> list[Row]:
    """How soon breaks are found."""
    rows: list[Row] = []
    for kind in BREAKS:
        found = [delay(seed, *kind) for seed in range(runs)]
        late = np.array([each for each in found if each is not None])
        rows.append(
            (*kind, int(np.median(late)), round(float(late.mean())), int(np.quantile(late, 0.9)), found.count(None))
        )
    return rows


def gain_rows(runs: int) -> list[Row]:
    """How much predictions tighten the estimate, and whether it covers."""
    rows: list[Row] = []
    for labels, further, error, accuracy in PREDICTED:
        shown, rhos = [], []
        for seed in range(runs):
            generator = np.random.default_rng([seed, 5, labels])
            wrong = (generator.random(labels + further) < error).astype(float)
            said = np.where(generator.random(wrong.size) < accuracy, wrong, 1 - wrong)
            found = prediction_powered_mean(wrong[:labels], said[:labels], said)
            if found.method == "prediction-powered":
                shown.append((found.gain, found.low <= error <= found.high))
                rhos.append(np.corrcoef(wrong, said)[0, 1])
        rho, gain = float(np.mean(rhos)), float(np.median([each[0] for each in shown]))
        theory = 1 / (1 - rho**2 * further / (labels + further))
        covers = round(float(np.mean([each[1] for each in shown])), 4)
        rows.append((labels, further, error, round(rho, 3), round(gain, 2), round(theory, 2), covers, len(shown)))
    return rows


def _share_of_labels(chances: Sequence[float]) -> Floats:
    """Of items drawn with these chances in equal parts, labels come in proportion to the chance."""
    given = np.array(chances, dtype=np.float64)
    return np.asarray(given / given.sum(), dtype=np.float64)


if __name__ == "__main__":
    sys.exit(main())
