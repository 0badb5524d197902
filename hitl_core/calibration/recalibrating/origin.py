"""When and from what a calibrator was fitted, and whether it may still be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hitl_core.calibration.rows import FloatArray, checked_confidence
from hitl_core.domain.errors import InputError

BINS = 20
OLDEST = timedelta(days=90)
# Drift needs both: a distance that matters and a test that this many rows could not show it by chance.
LARGEST_PSI, DRIFT_LEVEL, LEAST_DRIFT_ROWS = 0.2, 0.001, 100
TIMES = ("fitted_at", "window_start", "window_end")


@dataclass(frozen=True)
class CalibratorOrigin:
    """What a calibrator's JSON says about its fit.

    Attributes:
        fitted_at, window_start, window_end: times (UTC); None where they are not known.
        models: of the outputs whose confidence was fitted; prompts: versions of the prompts.
        segments: names of the segments in the rows.
        histogram: rows in each of 20 equal bins of raw confidence: what drift is measured against.
    """

    fitted_at: datetime | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    histogram: tuple[int, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(value is not None and value.tzinfo is None for value in map(self._time, TIMES)):
            raise InputError("a calibrator's times need a time zone")
        if self.histogram and len(self.histogram) != BINS:
            raise InputError(f"a reference histogram has {BINS} bins; got {len(self.histogram)}")
        object.__setattr__(self, "notes", MappingProxyType(dict(self.notes)))

    def content(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)} | {"notes": dict(self.notes)}
        times = {name: self._time(name) for name in TIMES}
        return plain | {name: None if value is None else value.isoformat() for name, value in times.items()}

    def _time(self, name: str) -> datetime | None:
        value: datetime | None = getattr(self, name)
        return value


def reference_histogram(confidence: ArrayLike) -> tuple[int, ...]:
    """Return how many raw confidences lie in each of 20 equal bins."""
    given = checked_confidence(np.atleast_1d(np.asarray(confidence)))
    place = np.minimum((given * BINS).astype(np.int64), BINS - 1)
    return tuple(int(each) for each in np.bincount(place, minlength=BINS))


def with_window(
    origin: CalibratorOrigin | None, *, names: Sequence[str] = (), confidence: FloatArray | None = None
) -> CalibratorOrigin:
    """Return the origin with segment names and the histogram of these rows."""
    start = origin or CalibratorOrigin()
    histogram = start.histogram if confidence is None else reference_histogram(confidence)
    return replace(start, segments=tuple(names) or start.segments, histogram=histogram)


def origin_from(content: Mapping[str, Any] | None) -> CalibratorOrigin | None:
    """Read what `content` returned; None stays None."""
    if content is None:
        return None
    read = dict(content)
    for name in TIMES:
        read[name] = None if read[name] is None else datetime.fromisoformat(read[name])
    for name in ("models", "prompts", "segments"):
        read[name] = tuple(str(each) for each in read[name])
    read["histogram"] = tuple(int(each) for each in read["histogram"])
    return CalibratorOrigin(**read)


def stale(
    origin: CalibratorOrigin | None,
    *,
    now: datetime,
    confidences_now: ArrayLike = (),
    model: str = "",
    prompt: str = "",
    oldest: timedelta = OLDEST,
    largest_psi: float = LARGEST_PSI,
    level: float = DRIFT_LEVEL,
) -> tuple[str, ...]:
    """Return why a calibrator must not be used any more; an empty tuple if it may.

    Args:
        origin: of the calibrator; None is not held against it.
        now: the time, with a zone.
        confidences_now: raw confidences of recent items; fewer than 100 say nothing about drift.
        model: of the items to be routed; a model that was not among those fitted is a reason. "" skips the check.
        prompt: version of the prompt, likewise.
        oldest: age at which a calibrator ends.
        largest_psi: population stability index above which the confidences have moved.
        level: chance of calling drift where there is none: the index counts only if a chi-squared test agrees.
    """
    if origin is None:
        return ()
    reasons = []
    if origin.fitted_at is not None and now - origin.fitted_at > oldest:
        reasons.append(f"fitted {(now - origin.fitted_at).days} days ago, more than {oldest.days}")
    for name, value, known in (("model", model, origin.models), ("prompt", prompt, origin.prompts)):
        if value and known and value not in known:
            reasons.append(f"{name} {value} is not among those it was fitted on ({', '.join(known)})")
    recent = np.atleast_1d(np.asarray(confidences_now, dtype=np.float64))
    if origin.histogram and sum(origin.histogram) and recent.size >= LEAST_DRIFT_ROWS:
        psi, p_value = drift(np.asarray(origin.histogram), np.asarray(reference_histogram(recent)))
        if psi > largest_psi and p_value < level:
            reasons.append(f"confidences have drifted: stability index {psi:.2f} above {largest_psi:g}")
    return tuple(reasons)


def drift(before: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[float, float]:
    """Return two histograms' population stability index and the chi-squared p-value of their being of one source."""
    filled = (before + after) > 0
    first, second = before[filled].astype(np.float64), after[filled].astype(np.float64)
    if first.size < 2:
        return 0.0, 1.0
    # Half a row in each bin keeps an empty one from making the index infinite.
    p = (first + 0.5) / (first + 0.5).sum()
    q = (second + 0.5) / (second + 0.5).sum()
    index = float(np.sum((q - p) * np.log(q / p)))
    return index, float(stats.chi2_contingency(np.stack([first, second])).pvalue)
