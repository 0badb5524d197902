"""Published ratings that several test modules use."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def columns(table: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two raters' labels out of a table of counts."""
    counts = np.array(table)
    first, second = np.indices(counts.shape)
    return np.repeat(first.ravel(), counts.ravel()), np.repeat(second.ravel(), counts.ravel())


def units(text: str) -> list[list[int | None]]:
    """Rows divided by slashes, a dash or star for a missing cell."""
    return [[None if cell in "-*" else int(cell) for cell in row.split()] for row in text.split("/")]


def turned(rows: list[list[int | None]]) -> list[list[int | None]]:
    """Raters × units as units × raters."""
    return [list(row) for row in zip(*rows, strict=True)]


# Gwet's example of three categories and two raters.
THREE_BY_THREE = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
FOUR_RATERS = units(
    "1 1 - 1/2 2 3 2/3 3 3 3/3 3 3 3/2 2 2 2/1 2 3 4/4 4 4 4/1 1 2 1/2 2 2 2/- 5 5 5/- - 1 1/- - 3 -",
)
KRIPPENDORFF_C = turned(
    units(
        "1 2 3 3 2 1 4 1 2 - - -/1 2 3 3 2 2 4 1 2 5 - 3/- 3 3 3 2 3 4 2 2 5 1 -/1 2 3 3 2 4 4 1 2 5 1 -",
    )
)
KRIPPENDORFF_THREE = turned(
    units("* * * * * 3 4 1 2 1 1 3 3 * 3/1 * 2 1 3 3 4 3 * * * * * * */* * 2 1 3 4 4 * 2 1 1 3 3 * 4"),
)
FLEISS_COUNTS = units(
    "0 0 0 0 14/0 2 6 4 2/0 0 3 5 6/0 3 9 2 0/2 2 8 1 1/7 7 0 0 0/3 2 6 3 0/2 5 3 2 2/6 5 2 1 0/0 2 2 3 7",
)
FLEISS: NDArray[Any] = np.array([np.repeat(np.arange(5), np.array(row, dtype=int)) for row in FLEISS_COUNTS])
