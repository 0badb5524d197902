"""A calibrator for each segment, drawn towards the pooled one where a segment has few rows.

The log-odds of a segment's own map and of the pooled one are averaged with weight n / (n + strength) on its own. The
strength is the one, of a few, with the least cross-validated log loss, so segments that do not differ end up pooled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hitl_core.calibration.measures.scores import row_losses
from hitl_core.calibration.recalibrating.calibrator import CLIP, CalibrationMethod, Calibrator, apply_map
from hitl_core.calibration.recalibrating.origin import CalibratorOrigin, origin_from, with_window
from hitl_core.calibration.recalibrating.recalibration import fit_map
from hitl_core.calibration.recalibrating.selection import fit_calibrator, folds
from hitl_core.calibration.rows import FloatArray, Rows, checked_confidence, checked_rows, group_numbers
from hitl_core.domain.errors import InputError

FORMAT = "hitl-segmented-calibrator"
VERSION = 1
STRENGTHS = (30.0, 100.0, 300.0, 1000.0, float("inf"))
# A segment below this many rows, or with fewer of the rarer label, has no map of its own.
LEAST_ROWS, LEAST_RARER = 30, 3


@dataclass(frozen=True)
class SegmentedCalibrator:
    """A pooled map and one for each segment that has rows enough.

    Attributes:
        pooled: used for segments that are not named, and mixed into the others.
        segments: segment -> its own map.
        strength: how many rows the pooled map is worth; infinity where segments gain nothing.
        log_loss: cross-validated log loss at each strength (as text), in nats a row.
        origin: when and from what it was fitted.
    """

    pooled: Calibrator
    segments: Mapping[str, Calibrator]
    strength: float
    log_loss: Mapping[str, float] = field(default_factory=dict)
    origin: CalibratorOrigin | None = None

    def __post_init__(self) -> None:
        if not self.strength > 0:
            raise InputError(f"the strength of shrinkage must be positive; got {self.strength!r}")
        object.__setattr__(self, "segments", MappingProxyType(dict(self.segments)))
        object.__setattr__(self, "log_loss", MappingProxyType(dict(self.log_loss)))

    @property
    def n(self) -> int:
        """Labelled rows it was fitted on."""
        return self.pooled.n

    def apply(self, confidence: ArrayLike, segments: Sequence[str] | NDArray[np.generic] | None = None) -> FloatArray:
        """Return calibrated confidences, shape (n,); without segments the pooled map alone.

        Raises:
            InputError: a confidence is outside [0, 1], or segments have another length.
        """
        given = checked_confidence(np.atleast_1d(np.asarray(confidence)))
        values = self.pooled.apply(given)
        if segments is None:
            return values
        names = np.atleast_1d(np.asarray(segments)).astype(str)
        if names.shape != given.shape:
            raise InputError(f"segments need one entry a row; got shape {names.shape} for {given.size} rows")
        for name, own in self.segments.items():
            here = names == name
            values[here] = mixed(values[here], own.apply(given[here]), own.n, self.strength)
        return values

    def with_origin(self, origin: CalibratorOrigin) -> SegmentedCalibrator:
        """Return the same maps with when and from what they were fitted."""
        return SegmentedCalibrator(self.pooled, self.segments, self.strength, self.log_loss, origin)

    def to_json(self) -> str:
        """Return the calibrator as one line of JSON with sorted keys."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "pooled": json.loads(self.pooled.to_json()),
            "segments": {name: json.loads(each.to_json()) for name, each in self.segments.items()},
            "strength": None if np.isinf(self.strength) else self.strength,
            "log_loss": dict(self.log_loss),
            "origin": None if self.origin is None else self.origin.content(),
        }
        return json.dumps(content, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SegmentedCalibrator:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no segmented calibrator of this version.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT or content["version"] != VERSION:
                raise InputError(f'this JSON is no segmented calibrator of version {VERSION} ("format": "{FORMAT}")')
            return cls(
                pooled=Calibrator.from_json(json.dumps(content["pooled"])),
                segments={name: Calibrator.from_json(json.dumps(each)) for name, each in content["segments"].items()},
                strength=float("inf") if content["strength"] is None else float(content["strength"]),
                log_loss={str(key): float(each) for key, each in content["log_loss"].items()},
                origin=origin_from(content["origin"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this segmented calibrator cannot be read: {error}") from error


def fit_segmented_calibrator(
    confidence: ArrayLike,
    correct: ArrayLike,
    segments: Sequence[str] | NDArray[np.generic],
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
) -> SegmentedCalibrator:
    """Fit a pooled map by `fit_calibrator`, a Platt map for each segment with rows enough, and how far to trust those.

    Args:
        confidence: shape (n,), between 0 and 1.
        correct: shape (n,), whether the output was right.
        segments: shape (n,), each row's segment.
        groups: shape (n,); rows of one group never stand on both sides of a split.
        weights: shape (n,), 1 / inclusion probability, or None.
        seed: of the folds.

    Raises:
        InputError: the arrays do not fit.
    """
    rows = checked_rows(confidence, correct, weights)
    names = np.asarray(segments).astype(str)
    if names.shape != rows.confidence.shape:
        raise InputError(f"segments need one entry a row; got shape {names.shape} for {rows.confidence.size} rows")
    pooled = fit_calibrator(confidence, correct, groups=groups, weights=weights, seed=seed)
    fold = folds(group_numbers(groups, names.size), np.random.default_rng(seed))
    losses = _losses(rows, names, fold, pooled.method)
    # Among equals the most pooled one.
    strength = min(reversed(STRENGTHS), key=lambda each: round(losses[each], 5))
    own = {} if np.isinf(strength) else _own(rows, names)
    origin = with_window(None, names=tuple(sorted(set(names.tolist()))), confidence=rows.confidence)
    return SegmentedCalibrator(pooled, own, strength, {str(key): each for key, each in losses.items()}, origin)


def mixed(pooled: FloatArray, own: FloatArray, n: int, strength: float) -> FloatArray:
    """Average two maps' log-odds, the own one with weight n / (n + strength)."""
    trust = 0.0 if np.isinf(strength) else n / (n + strength)
    general, particular = (special.logit(np.clip(each, CLIP, 1 - CLIP)) for each in (pooled, own))
    return np.asarray(special.expit((1 - trust) * general + trust * particular), dtype=np.float64)


def _own(rows: Rows, names: NDArray[np.str_]) -> dict[str, Calibrator]:
    fitted = {}
    for name in np.unique(names):
        here = names == name
        if _enough(rows.correct[here]):
            part = Rows(rows.confidence[here], rows.correct[here], rows.weight[here])
            fitted[str(name)] = Calibrator("platt", fit_map("platt", part), int(here.sum()))
    return fitted


def _enough(correct: FloatArray) -> bool:
    return correct.size >= LEAST_ROWS and min(correct.sum(), (1 - correct).sum()) >= LEAST_RARER


def _losses(
    rows: Rows, names: NDArray[np.str_], fold: NDArray[np.int64], method: CalibrationMethod
) -> dict[float, float]:
    """Cross-validated log loss at each strength."""
    losses = {strength: np.zeros(names.size) for strength in STRENGTHS}
    for each in np.unique(fold):
        out = fold == each
        inside = Rows(rows.confidence[~out], rows.correct[~out], rows.weight[~out])
        general = apply_map(method, fit_map(method, inside, most_points=60), rows.confidence[out])
        own = _own(inside, names[~out])
        for strength, values in losses.items():
            predicted = general.copy()
            for name, fitted in own.items():
                here = names[out] == name
                single = fitted.apply(rows.confidence[out][here])
                predicted[here] = mixed(predicted[here], single, fitted.n, strength)
            values[out] = row_losses(predicted, rows.correct[out])
    return {strength: float(rows.weight @ each / rows.weight.sum()) for strength, each in losses.items()}
