"""What certificates have spent of the chance of being wrong: each publication takes its delta from a stated total.

Certificates at delta 1, 2, ... are all right together with probability at least 1 - (delta 1 + delta 2 + ...), however
the later ones were prompted by the earlier. So a total is fixed first, and a publication beyond it is refused.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import NamedTuple

from hitl_core.domain.errors import InputError

FORMAT = "hitl-delta-ledger"
ROUNDING = 1e-12


class LedgerEntry(NamedTuple):
    """One publication: the key of its certificate and the delta it took."""

    key: str
    delta: float


@dataclass(frozen=True)
class DeltaLedger:
    """A total of delta and what was taken from it; `spend` returns a new ledger.

    Attributes:
        total: the probability with which any certificate at all may be wrong, e.g. .1 a year.
        entries: in order of publication.
    """

    total: float
    entries: tuple[LedgerEntry, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.total < 1:
            raise InputError(f"a ledger's total must be between 0 and 1, such as 0.1; got {self.total!r}")
        entries = tuple(LedgerEntry(str(key), float(delta)) for key, delta in self.entries)
        if any(not 0 < each.delta < 1 for each in entries):
            raise InputError("every entry of a ledger takes a delta between 0 and 1")
        object.__setattr__(self, "entries", entries)

    @property
    def spent(self) -> float:
        """What the publications so far took."""
        return math.fsum(each.delta for each in self.entries)

    @property
    def left(self) -> float:
        """What is left of the total."""
        return max(0.0, self.total - self.spent)

    def suggested(self) -> float:
        """Return total × 6 / (π² k²) for the k-th publication, at most what is left: it never runs out.

        The first one gets 61 % of the total, the tenth .6 %.
        """
        series = self.total * 6 / (math.pi * (len(self.entries) + 1)) ** 2
        return min(self.left, series)

    def spend(self, delta: float, key: str) -> DeltaLedger:
        """Return the ledger after a publication; the same key again (a roll back) costs nothing.

        Raises:
            InputError: delta is out of range, is more than what is left, or the key took another delta before.
        """
        if not 0 < delta < 1:
            raise InputError(f"delta must be between 0 and 1, such as 0.05; got {delta!r}")
        before = next((each for each in self.entries if each.key == key), None)
        if before is not None:
            if abs(before.delta - delta) > ROUNDING:
                raise InputError(f"certificate {key} took {before.delta:g} before, not {delta:g}")
            return self
        if delta > self.left + ROUNDING:
            raise InputError(
                f"this publication would spend {delta:g} of delta, but {self.left:g} of {self.total:g} is left; "
                "certify at a smaller delta, or open a new ledger and say so"
            )
        return DeltaLedger(self.total, (*self.entries, LedgerEntry(key, delta)))

    def to_json(self) -> str:
        """Return the ledger as one line of JSON."""
        content = {"format": FORMAT, "total": self.total, "entries": [each._asdict() for each in self.entries]}
        return json.dumps(content, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> DeltaLedger:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no ledger.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise InputError(f'this JSON is no ledger: "format" must be "{FORMAT}"')
            return cls(float(content["total"]), tuple(LedgerEntry(**each) for each in content["entries"]))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this ledger cannot be read: {error}") from error
