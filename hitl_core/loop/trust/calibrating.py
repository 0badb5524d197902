"""Fitting a project's calibrator to what reviewers said, keeping it as an artefact, applying it to labelled rows.

Public: `FittedCalibrator`, `fit_project_calibrator`, `read_calibrator`, `certifying_rows`, `compared`, `usable_rows`,
`calibrated`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hitl_core.calibration import (
    calibrator_from_json,
    fit_calibrator,
    fit_segmented_calibrator,
    reference_histogram,
)
from hitl_core.calibration.recalibrating.origin import CalibratorOrigin
from hitl_core.domain.errors import InputError
from hitl_core.loop.instruments import PROMPT, artefact_body
from hitl_core.loop.trust.evidence import Evidence, segment_names
from hitl_core.store import events, items
from hitl_core.store.trust import artefacts, confidences
from hitl_core.store.trust.artefacts import Artefact

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

LEAST_ROWS = 50
MOST_REMEMBERED, MOST_READ = 20_000, 2_000
NAME = "calibrator"


class FittedCalibrator(NamedTuple):
    """A calibrator and the artefact it is kept as; `artefact.key` is what a policy names."""

    artefact: Artefact
    calibrator: Any

    @property
    def models(self) -> frozenset[str | None]:
        """Values of `Item.model` it was fitted for; empty: not tied to any."""
        return frozenset(None if each is None else str(each) for each in self.artefact.body.get("models") or ())

    @property
    def segment_by(self) -> tuple[str, ...]:
        """What its segments are made of; empty where it has none."""
        return tuple(self.artefact.body.get("segment_by") or ())


def fit_project_calibrator(
    tx: sa.Connection, evidence: Evidence, *, segment_by: tuple[str, ...], author: str, now: datetime
) -> FittedCalibrator:
    """Fit on the rows that never certify, one map a segment where there are several, and store it with its event.

    Raises:
        InputError: too few labels; the message says how many are needed.
    """
    import polars as pl

    rows = evidence.side(fitted=True).filter(pl.col("raw_confidence").is_not_null())
    if rows.height < LEAST_ROWS:
        raise InputError(
            f"{rows.height} labels to fit a calibrator on in project {evidence.scope.project!r:.60}, {LEAST_ROWS} are "
            f"needed; a third of the {evidence.n:,} labels fit it, the others certify: review more items"
        )
    fitted, by = _fitted(rows, segment_by)
    models, prompts = set(rows["model"].to_list()), _prompts(tx, rows)
    came = confidences.newest(
        tx, evidence.scope.project, since=evidence.start, until=evidence.end, limit=MOST_REMEMBERED
    )
    origin = CalibratorOrigin(
        fitted_at=now,
        window_start=evidence.start,
        window_end=evidence.end,
        models=tuple(sorted(each for each in models if each)),
        prompts=prompts,
        segments=tuple(sorted(set(rows["segment"].to_list()))) if by else (),
        # Of all items: who was labelled depends on the confidence itself.
        histogram=reference_histogram(came),
    )
    facts = {"n": rows.height, "segment_by": list(by), "questions": rows["group"].n_unique(), "prompts": prompts}
    body = artefact_body("calibrator", fitted.with_origin(origin).to_json(), models=models, **facts)
    project = evidence.scope.project
    kept = artefacts.append(tx, project=project, kind="calibrator", name=NAME, body=body, author=author, at=now)
    data = {"artefact": kept.key, "version": kept.version, "n": rows.height}
    events.append(tx, "calibrator.fitted", at=now, actor=author, project=project, data=data)
    return FittedCalibrator(kept, fitted.with_origin(origin))


def read_calibrator(stored: Artefact) -> FittedCalibrator:
    """Return a stored calibrator.

    Raises:
        InputError: it cannot be read.
    """
    return FittedCalibrator(stored, calibrator_from_json(json.dumps(stored.body.get("calibrator"))))


def usable_rows(rows: pl.DataFrame, fitted: FittedCalibrator) -> pl.DataFrame:
    """Keep the rows whose model the calibrator holds for: items of other models go to a person."""
    import polars as pl

    if not fitted.models:
        return rows
    named = [each for each in fitted.models if each is not None]
    known = pl.col("model").is_in(named).fill_null(value=None in fitted.models)
    return rows.filter(known | pl.col("raw_confidence").is_null())


def certifying_rows(evidence: Evidence, fitted: FittedCalibrator | None) -> pl.DataFrame:
    """Return the rows that may certify: none that the calibrator was fitted on, none that it does not hold for."""
    return evidence.rows if fitted is None else usable_rows(evidence.side(fitted=False), fitted)


def compared(rows: pl.DataFrame, fitted: FittedCalibrator | None) -> NDArray[np.float64]:
    """Return the confidence that the router would compare with a threshold, shape (rows,)."""
    if fitted is not None:
        return calibrated(rows, fitted)
    came = rows["raw_confidence"].to_numpy().astype(np.float64)
    return np.where(np.isnan(came), rows["confidence"].to_numpy().astype(np.float64), came)


def calibrated(rows: pl.DataFrame, fitted: FittedCalibrator) -> NDArray[np.float64]:
    """Return the confidences that a calibrator makes, shape (rows,); a scorer's word stays as it is."""
    raw = rows["raw_confidence"].to_numpy().astype(np.float64)
    brought = ~np.isnan(raw)
    values = rows["confidence"].to_numpy().astype(np.float64).copy()
    if brought.any():
        names = segment_names(rows, fitted.segment_by)[brought] if fitted.segment_by else None
        values[brought] = fitted.calibrator.apply(raw[brought], names)
    return values


def _prompts(tx: sa.Connection, rows: pl.DataFrame) -> tuple[str, ...]:
    """Return the versions of prompts that the newest rows name."""
    keys = rows["item_key"].to_list()[-MOST_READ:]
    named = (each.metadata.get(PROMPT) for each in items.load_many(tx, keys).values())
    return tuple(sorted({str(each) for each in named if each is not None}))


def _fitted(rows: pl.DataFrame, segment_by: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    raw, right, groups = (rows[name].to_numpy() for name in ("raw_confidence", "correct", "group"))
    weights = (1 / rows["inclusion_probability"]).to_numpy()
    if rows["segment"].n_unique() < 2:
        return fit_calibrator(raw, right, groups=groups, weights=weights), ()
    segments = rows["segment"].to_numpy()
    return fit_segmented_calibrator(raw, right, segments, groups=groups, weights=weights), segment_by
