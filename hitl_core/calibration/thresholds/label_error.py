"""People err too: from disagreement with reviewers to the error itself, on the safe side at both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hitl_core.domain.errors import InputError

Bounds = float | Sequence[float]


class LabelError(NamedTuple):
    """How often reviewers err, as bounds from overlap or gold questions.

    `missed` is P(label says right | output is wrong), `false_alarm` P(label says wrong | output is right). The rate of
    rows labelled wrong is error × (1 - missed) + (1 - error) × false_alarm; for a bound on the error that holds
    whatever the rates are inside their bounds, the most misses and the fewest false alarms count.
    """

    missed_low: float = 0.0
    missed_high: float = 0.0
    false_alarm_low: float = 0.0
    false_alarm_high: float = 0.0

    def disagreement(self, error: float) -> float:
        """Return the rate of rows labelled wrong below which the true error is at most `error`."""
        return error * (1 - self.missed_high) + (1 - error) * self.false_alarm_low

    def error(self, disagreement: float) -> float:
        """Return the largest true error that goes with a rate of rows labelled wrong."""
        slope = 1 - self.missed_high - self.false_alarm_low
        return min(1.0, max(0.0, (disagreement - self.false_alarm_low) / slope))


def as_label_error(given: LabelError | Mapping[str, Bounds] | Sequence[Bounds]) -> LabelError:
    """Read `(missed, false_alarm)` or a mapping with these keys; each is `(low, high)`, or a rate known exactly.

    Raises:
        InputError: a rate is outside [0, 1], bounds are the wrong way round, or labels would be no better than a coin.
    """
    if isinstance(given, LabelError):
        missed: Bounds = (given.missed_low, given.missed_high)
        false_alarm: Bounds = (given.false_alarm_low, given.false_alarm_high)
    elif isinstance(given, Mapping):
        if unknown := set(given) - {"missed", "false_alarm"}:
            raise InputError(f"label_error knows missed and false_alarm, not {', '.join(sorted(unknown))}")
        missed, false_alarm = given.get("missed", 0.0), given.get("false_alarm", 0.0)
    elif isinstance(given, Sequence) and len(given) == 2:
        missed, false_alarm = given
    else:
        raise InputError(f"label_error must be (missed, false_alarm), each a rate or (low, high); got {given!r}")
    read = LabelError(*_bounds(missed, "missed"), *_bounds(false_alarm, "false_alarm"))
    if read.missed_high + read.false_alarm_high >= 1:
        raise InputError("labels that are wrong this often carry nothing: missed + false_alarm must stay below 1")
    return read


def _bounds(given: Bounds, name: str) -> tuple[float, float]:
    try:
        low, high = (float(each) for each in given) if isinstance(given, Sequence) else (float(given), float(given))
    except (TypeError, ValueError) as error:
        raise InputError(f"label_error: {name} must be a rate or (low, high); got {given!r}") from error
    if not 0 <= low <= high <= 1:
        raise InputError(f"label_error: {name} needs 0 <= low <= high <= 1; got {given!r}")
    return low, high
