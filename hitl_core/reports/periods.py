"""Periods of time as people give them. Pure: the present is passed in."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from hitl_core.domain.errors import InputError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
Period = str | timedelta | tuple[datetime | None, datetime | None] | None
"""`30d`, `12h`, `2w`; a length of time up to now; (since, until), either of them None; None is everything."""


class Window(NamedTuple):
    """From `since` on and before `until`; None is without a bound."""

    since: datetime | None = None
    until: datetime | None = None


def window(period: Period, now: datetime) -> Window:
    """Return the bounds of a period; one that ends now begins at a whole minute, so that its figures can be kept.

    Raises:
        InputError: it is no period, or its times are naive or the wrong way round.
    """
    if period is None:
        return Window()
    if isinstance(period, tuple):
        return _between(period)
    length = _length(period) if isinstance(period, str) else period
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise InputError(f"period {period!r:.60}: expected 30d, 12h, 2w, a positive timedelta or (since, until)")
    try:
        return Window((now - length).replace(second=0, microsecond=0))
    except OverflowError:
        return Window()


def _length(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if match is None:
        raise InputError(f"period {text!r:.60}: expected a number and m, h, d or w, such as 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _between(given: tuple[datetime | None, datetime | None]) -> Window:
    if len(given) != 2 or any(each is not None and each.tzinfo is None for each in given):
        raise InputError("a period of two times is (since, until), both with a timezone or None")
    since, until = given
    if since is not None and until is not None and since >= until:
        raise InputError(f"the period ends at {until.isoformat()}, before it begins at {since.isoformat()}")
    return Window(since, until)
