"""The facts as they stand at one moment, and the answers already found in them; new rows make a new one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

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

        def earliest() -> datetime | None:
            found = self.facts.held["at"].min()
            return found if isinstance(found, datetime) else None

        return self.kept("first", earliest)
