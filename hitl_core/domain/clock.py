"""The clock is passed in, so that leases, windows and waiting times can be tested without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything with `now()` that returns an aware UTC datetime."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to; for tests and for replaying history."""

    def __init__(self, start: datetime) -> None:
        self._now = require_aware(start, "start")

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._now

    def advance(self, **by: float) -> None:
        """Move forward; keywords as in `datetime.timedelta` (`minutes=15`)."""
        self._now += timedelta(**by)

    def set(self, moment: datetime) -> None:
        """Jump to a moment."""
        self._now = require_aware(moment, "moment")


def require_aware(moment: datetime, name: str) -> datetime:
    """Return the moment in UTC; a datetime without a timezone is refused because it can mean 24 things."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(
            f"{name} has no timezone ({moment.isoformat()}); expected an aware time such as "
            f"{moment.isoformat(timespec='seconds')}+00:00"
        )
    return moment.astimezone(UTC)
