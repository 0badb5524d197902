"""A fitted calibrator: a frozen map from raw to calibrated confidence that is kept as JSON, never as a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from hitl_core.calibration.recalibrating.origin import CalibratorOrigin, origin_from
from hitl_core.calibration.recalibrating.venn_abers import VennAbers
from hitl_core.calibration.rows import FloatArray, as_array, checked_confidence
from hitl_core.domain.errors import InputError, did_you_mean

CalibrationMethod = Literal["identity", "temperature", "platt", "beta", "isotonic", "venn_abers"]
METHODS: tuple[CalibrationMethod, ...] = get_args(CalibrationMethod)
# The parameters that each method's JSON must hold: numbers, or rows of numbers.
NUMBERS = {"identity": (), "temperature": ("t",), "platt": ("slope", "offset"), "beta": ("a", "b", "offset")}
ROWS = {"isotonic": ("x", "y"), "venn_abers": ("x", "p0", "p1")}
FORMAT = "hitl-calibrator"
VERSION = 1
# Log-odds of confidences this close to 0 or 1 are cut off.
CLIP = 1e-4


@dataclass(frozen=True)
class Calibrator:
    """A map from raw to calibrated confidence.

    Attributes:
        method: which map.
        parameters: its numbers; read-only.
        n: labelled rows it was fitted on.
        log_loss: cross-validated log loss of each candidate, in nats a row; empty where nothing was compared.
        nested_log_loss: honest log loss of choosing and fitting together (outer folds); None where not computed.
        origin: when and from what it was fitted.
    """

    method: CalibrationMethod
    parameters: Mapping[str, float | tuple[float, ...]]
    n: int
    log_loss: Mapping[str, float] = field(default_factory=dict)
    nested_log_loss: float | None = None
    origin: CalibratorOrigin | None = None

    def __post_init__(self) -> None:
        _check(self.method, self.parameters)
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "log_loss", MappingProxyType(dict(self.log_loss)))

    def apply(self, confidence: ArrayLike, segments: object = None) -> FloatArray:  # noqa: ARG002, one call for both kinds
        """Return calibrated confidences in [0, 1], shape (n,); a number gives an array of one; segments change nothing.

        Raises:
            InputError: a confidence is outside [0, 1].
        """
        given = checked_confidence(np.atleast_1d(as_array(confidence, "confidence")))
        return np.asarray(np.clip(apply_map(self.method, self.parameters, given), 0.0, 1.0), dtype=np.float64)

    def with_origin(self, origin: CalibratorOrigin) -> Calibrator:
        """Return the same map with when and from what it was fitted."""
        return replace(self, origin=origin)

    def to_json(self) -> str:
        """Return the calibrator as one line of JSON with sorted keys: equal calibrators have equal text."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "method": self.method,
            "parameters": {
                key: list(each) if isinstance(each, tuple) else each for key, each in self.parameters.items()
            },
            "n": self.n,
            "log_loss": dict(self.log_loss),
            "nested_log_loss": self.nested_log_loss,
            "origin": None if self.origin is None else self.origin.content(),
        }
        return json.dumps(content, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Calibrator:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no calibrator of this version, or its numbers make no map.
        """
        try:
            content = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"a calibrator must be JSON as written by to_json; {error}") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(f'this JSON is no calibrator: "format" must be "{FORMAT}"')
        if content.get("version") != VERSION:
            raise InputError(f"this calibrator has version {content.get('version')!r}; this program reads {VERSION}")
        try:
            return cls(
                method=content["method"],
                parameters={
                    key: tuple(float(one) for one in each) if isinstance(each, list) else float(each)
                    for key, each in content["parameters"].items()
                },
                n=int(content["n"]),
                log_loss={str(key): float(each) for key, each in content["log_loss"].items()},
                nested_log_loss=None if content["nested_log_loss"] is None else float(content["nested_log_loss"]),
                origin=origin_from(content.get("origin")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this calibrator is incomplete: {error}") from error


def apply_map(method: str, parameters: Mapping[str, Any], confidence: FloatArray) -> FloatArray:
    """Return the map of a method at confidences in [0, 1]."""
    if method == "identity":
        return confidence
    if method == "isotonic":
        return np.asarray(np.interp(confidence, parameters["x"], parameters["y"]), dtype=np.float64)
    if method == "venn_abers":
        return VennAbers(*(np.asarray(parameters[key]) for key in ROWS[method])).merged(confidence)
    p = np.clip(confidence, CLIP, 1 - CLIP)
    if method == "temperature":
        return np.asarray(special.expit(special.logit(p) / parameters["t"]), dtype=np.float64)
    if method == "platt":
        return np.asarray(
            special.expit(parameters["slope"] * special.logit(p) + parameters["offset"]), dtype=np.float64
        )
    exponent = parameters["a"] * np.log(p) - parameters["b"] * np.log1p(-p) + parameters["offset"]
    return np.asarray(special.expit(exponent), dtype=np.float64)


def check_method(method: str) -> None:
    """Raise InputError for a method that is not known."""
    if not isinstance(method, str) or method not in METHODS:
        raise InputError(f"unknown calibration method {method!r}{did_you_mean(str(method), METHODS)}")


def _check(method: str, parameters: Mapping[str, Any]) -> None:
    check_method(method)
    numbers, rows = NUMBERS.get(method, ()), ROWS.get(method, ())
    if set(parameters) != {*numbers, *rows}:
        raise InputError(f"a {method} calibrator holds {sorted({*numbers, *rows})}; got {sorted(parameters)}")
    if not all(isinstance(parameters[key], int | float) and np.isfinite(parameters[key]) for key in numbers):
        raise InputError(f"a {method} calibrator needs finite numbers")
    if method == "temperature" and parameters["t"] <= 0:
        raise InputError("a temperature must be positive")
    if any(isinstance(parameters[key], int | float) for key in rows):
        raise InputError(f"a {method} calibrator needs rows of numbers")
    if rows:
        _check_rows(method, [np.atleast_1d(np.asarray(parameters[key], dtype=np.float64)) for key in rows])


def _check_rows(method: str, columns: list[FloatArray]) -> None:
    x, *values = columns
    length = x.size if method == "isotonic" else 2 * x.size + 1
    if not x.size or any(each.size != length for each in values):
        raise InputError(f"a {method} calibrator needs rows of matching length")
    if not all(((each >= 0) & (each <= 1)).all() for each in columns) or (np.diff(x) <= 0).any():
        raise InputError(f"a {method} calibrator needs rising confidences and probabilities between 0 and 1")
