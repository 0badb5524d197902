"""How much quality was won from one quarter to the next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

AIM = 0.05
"""Points of F1 that a quarter is to win."""


def quarterly_gains(figures: pl.DataFrame) -> pl.DataFrame:
    """Return F1 of each quarter and its gain over the quarter before.

    The interval of a gain is put together from the two quarters' own intervals (MOVER: Zou and Donner, Statistics in
    Medicine 27, 2008; for shares it is Newcombe's method 10): the labels of two quarters are different outputs.

    Args:
        figures: as `metrics(by="quarter")` gives them.

    Returns:
        Columns quarter (ISO date it begins on), f1, low, high, n, gain, gain_low, gain_high; in the order of time. The
        gain is null for the first quarter and after a quarter without labels.
    """
    import polars as pl

    rows = figures.filter(pl.col("metric") == "f1").sort("group")
    rows = rows.select(quarter="group", f1="value", low="low", high="high", n="n")
    begins = pl.col("quarter").str.to_date("%Y-%m-%d")
    follows = begins.dt.offset_by("-1q") == begins.shift(1)
    gain = pl.col("f1") - pl.col("f1").shift(1)
    up, down = pl.col("high") - pl.col("f1"), pl.col("f1") - pl.col("low")
    less = (down**2 + up.shift(1) ** 2).sqrt()
    more = (up**2 + down.shift(1) ** 2).sqrt()
    return rows.with_columns(
        pl.when(follows).then(value).alias(name)
        for name, value in (("gain", gain), ("gain_low", gain - less), ("gain_high", gain + more))
    )
