"""The facts as they stand at one moment, and the answers already found in them; new rows make a new one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hitl_core.reports.periods import Window

if TYPE_CHECKING:
    from hitl_core.reports.metrics import Facts

KEPT = 256
"""How many answers are kept."""
Answer = TypeVar("Answer")


class Standing:
    """Facts that do not change, with what was found in them; share it between threads."""

    def __init__(self, state: Hashable, facts: Facts) -> None:
        self.state = state
        self.facts = facts
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Any] = {}

    def kept(self, key: Hashable, answer: Callable[[], Answer]) -> Answer:
        """Return the answer to a question, found once; two threads that ask at once may both look for it."""
        with self._lock:
            if key in self._answers:
                return cast("Answer", self._answers[key])
        found = answer()
        with self._lock:
            if len(self._answers) >= KEPT:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = found
        return found

    def first(self) -> datetime | None:
        """Return when the first decision that holds was made."""
        return self.kept("span", self._span)[0]

    def days(self, span: Window) -> float:
        """Return how many days of a time lie between its first and its last decision."""
        first, last = self.kept("span", self._span)
        if first is None or last is None:
            return 0.0
        began = first if span.since is None else max(first, span.since)
        ended = last if span.until is None else min(last, span.until)
        return max((ended - began) / timedelta(days=1), 0.0)

    def _span(self) -> tuple[datetime | None, datetime | None]:
        import polars as pl

        from hitl_core.reports.metrics import chosen_rows

        at = pl.col("at")
        ends = chosen_rows(self.facts.held, None, None, {}, (at.min().alias("first"), at.max().alias("last")))
        first, last = ends.row(0)
        return first, last
