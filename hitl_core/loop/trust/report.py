"""What the calibration page shows: the reliability table and each measure with its n, interval and naive twin.

Public: `CalibrationReport`, `Measured`, `make_report`, `FEWEST_LABELS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hitl_core.calibration import (
    Estimate,
    auroc,
    brier_score,
    debiased_calibration_error,
    expected_calibration_error,
    log_loss,
    perfect_forecaster_error,
    reliability_table,
    smooth_calibration_error,
)
from hitl_core.loop.trust.calibrating import FittedCalibrator, calibrated, usable_rows
from hitl_core.loop.trust.evidence import Evidence

if TYPE_CHECKING:
    import polars as pl

FEWEST_LABELS = 50
BINS = 10
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A measure by its name, weighted, and what an unweighted count would have claimed."""

    name: str
    weighted: Estimate
    naive: Estimate
    note: str = ""


@dataclass(frozen=True)
class CalibrationReport:
    """How well confidences match what reviewers said.

    Attributes:
        calibrator: key of the calibrator; empty for confidences as they came.
        table, naive_table: `reliability_table`, weighted and not.
        measures: each with its interval.
        unseen: whether the rows are those that the calibrator was not fitted on.
        n, effective_n: labelled rows.
    """

    calibrator: str
    table: pl.DataFrame
    naive_table: pl.DataFrame
    measures: tuple[Measured, ...]
    unseen: bool
    n: int
    effective_n: float

    def flagged(self) -> pl.DataFrame:
        """Return the bins whose accuracy is off by more than .1, as far as their rows can tell."""
        return self.table.filter(self.table["flagged"])


def make_report(evidence: Evidence, fitted: FittedCalibrator | None = None, *, bins: int = BINS) -> CalibrationReport:
    """Measure confidences as they came, on all labels, or recalibrated, on the labels that did not fit the calibrator.

    Raises:
        InputError: there is no labelled row.
    """
    if fitted is None:
        rows = evidence.rows.filter(evidence.rows["raw_confidence"].is_not_null())
        given = rows["raw_confidence"].to_numpy().astype(np.float64)
    else:
        rows = usable_rows(evidence.side(fitted=False), fitted)
        given = calibrated(rows, fitted)
    right = rows["correct"].to_numpy().astype(np.float64)
    weights = (1 / rows["inclusion_probability"]).to_numpy().astype(np.float64)
    table = reliability_table(given, right, weights=weights, bins=bins)
    measures = _measures(given, right, weights, bins)
    return CalibrationReport(
        calibrator="" if fitted is None else fitted.artefact.key,
        table=table,
        naive_table=reliability_table(given, right, bins=bins),
        measures=measures,
        unseen=fitted is not None,
        n=rows.height,
        effective_n=measures[0].weighted.effective_n,
    )


def _measures(given: FloatArray, right: FloatArray, weights: FloatArray, bins: int) -> tuple[Measured, ...]:
    perfect = perfect_forecaster_error(given, weights=weights, bins=bins)
    chance = f"a perfect forecaster would show {perfect.value:.3f} ({perfect.low:.3f} to {perfect.high:.3f})"
    wanted: tuple[tuple[str, Callable[..., Estimate], dict[str, Any], str], ...] = (
        ("Calibration error (ECE)", expected_calibration_error, {"bins": bins}, chance),
        ("Calibration error, debiased", debiased_calibration_error, {"bins": bins}, "without the part due to chance"),
        ("Calibration error, smooth", smooth_calibration_error, {}, "without bins"),
        ("Brier score", brier_score, {"bins": bins}, "lower is better"),
        ("Log loss", log_loss, {}, "nats a row; lower is better"),
        ("AUROC", auroc, {}, "does confidence rank right above wrong; .5 is chance"),
    )
    made = []
    for name, measure, options, note in wanted:
        if measure is auroc and np.ptp(right) == 0:
            continue
        weighted = measure(given, right, weights=weights, **options)
        made.append(Measured(name, weighted, measure(given, right, **options), note))
    return tuple(made)
