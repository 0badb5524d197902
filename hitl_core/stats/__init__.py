"""Maths several rooms need: exact and Wilson intervals, risk bounds, bootstrap over sufficient statistics (pure)."""

from hitl_core.stats.bootstrap import BootstrapEstimate, bootstrap_counts
from hitl_core.stats.hoeffding_bentkus import hoeffding_bentkus_p_value
from hitl_core.stats.intervals import (
    Interval,
    Side,
    clopper_pearson,
    clopper_pearson_bounds,
    wilson,
    wilson_bounds,
)

__all__ = [
    "BootstrapEstimate",
    "Interval",
    "Side",
    "bootstrap_counts",
    "clopper_pearson",
    "clopper_pearson_bounds",
    "hoeffding_bentkus_p_value",
    "wilson",
    "wilson_bounds",
]
