"""The breach test: it starts over, so that history cannot hide a break, and it keeps quiet at the target."""

from __future__ import annotations

import numpy as np
import pytest

from hitl_core.audit import watch_rows
from hitl_core.audit.bets import FRACTIONS
from hitl_core.audit.monitor import BreachMonitor
from hitl_core.domain.errors import InputError


def rows(text: str, inclusion: float = 1.0) -> list[tuple[float, float]]:
    return [(float(letter == "x"), inclusion) for letter in text]


def test_nothing_seen() -> None:
    watch = watch_rows([], target=0.05)
    assert (watch.n, watch.breached, watch.strength) == (0, False, 0.0)


def test_the_statistic_by_hand() -> None:
    """Shiryaev-Roberts: R = (R + 1) × return, over the mixture of bets; two errors at target 1/2 double f + 1 twice."""
    first = 1 + FRACTIONS
    after_two = float(np.mean((first + 1) * first))
    assert watch_rows(rows("xx"), target=0.5, run_length=after_two * 1.001).breached is False
    assert watch_rows(rows("xx"), target=0.5, run_length=after_two * 0.999).breached_at == 2


def test_history_hides_nothing() -> None:
    """A cumulative test would need the errors to outweigh a thousand good audits."""
    alone = watch_rows(rows("x" * 20), target=0.05)
    late = watch_rows(rows("." * 1000 + "x" * 20), target=0.05)
    assert alone.breached_at is not None
    assert late.breached_at is not None
    assert late.breached_at - 1000 <= alone.breached_at + 1
    assert late.since == 1001


def test_the_alarm_stays() -> None:
    watch = watch_rows(rows("x" * 20 + "." * 500), target=0.05)
    assert watch.breached
    assert watch.strength == 1.0
    assert (watch.n, watch.errors) == (520, 20)


def test_rarer_alarms_take_longer() -> None:
    found = [watch_rows(rows("x" * 60), target=0.05, run_length=length).breached_at or 0 for length in (10, 1e4, 1e8)]
    assert found == sorted(found)
    assert found[0] < found[2]


def test_a_row_drawn_more_often_than_others_counts_less() -> None:
    often = watch_rows(rows("x" * 5), target=0.05, min_inclusion=0.05).strength
    rarely = watch_rows(rows("x" * 5, inclusion=0.05), target=0.05, min_inclusion=0.05).strength
    assert often < rarely


def test_an_update_says_whether_the_alarm_is_raised() -> None:
    monitor = BreachMonitor(target=0.05, run_length=100)
    assert not monitor.update(0.0)
    assert [monitor.update(1.0) for _ in range(10)][-1]
    assert monitor.update(0.0)


@pytest.mark.parametrize("options", [{"target": 0.0}, {"target": 1.0}, {"target": 0.1, "run_length": 1.0}])
def test_bad_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        BreachMonitor(**options)


@pytest.mark.parametrize("row", [(2.0, 1.0), (0.0, 0.01)])
def test_bad_rows_are_refused(row: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        watch_rows([row], target=0.05, min_inclusion=0.05)
