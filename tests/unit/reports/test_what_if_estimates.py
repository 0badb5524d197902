"""Wrong outputs that a policy lets go: by hand, kind of stratum by kind of stratum."""

from __future__ import annotations

import pytest

from hitl_core.reports.whatif.estimating import HELD, OUT, PERSON, Stratum, count_wrong, rate, rate_change, unlabelled
from hitl_core.reports.whatif.result import Figure
from hitl_core.stats.finite import hypergeometric_bounds

REVIEWED = Stratum(PERSON, OUT, 1.0, 50, 50, 7)


def goes_out(stratum: Stratum) -> float:
    return float(stratum.new == OUT)


def change(stratum: Stratum) -> float:
    return float(stratum.new == OUT) - float(stratum.old == OUT)


def test_what_was_reviewed_is_counted() -> None:
    assert count_wrong([REVIEWED], goes_out) == Figure(7.0, 7.0, 7.0, 50)


def test_reviews_that_have_not_come_may_all_be_right_or_all_be_wrong() -> None:
    found = count_wrong([REVIEWED._replace(labelled=40)], goes_out)
    assert found.value == pytest.approx(8.75)
    assert (found.low, found.high, found.n) == (7.0, 17.0, 40)


def test_audits_stand_for_what_went_out() -> None:
    audited = Stratum(OUT, OUT, 0.1, 1000, 100, 4)
    found = count_wrong([audited], goes_out)
    assert found.value == pytest.approx(40)
    assert (found.low, found.high) == pytest.approx(hypergeometric_bounds(4, 100, 1000))
    assert count_wrong([audited], change) == Figure(0.0, 0.0, 0.0, 0)


def test_what_nobody_looks_at_is_bounded_by_none_and_all() -> None:
    dark = Stratum(HELD, OUT, 0.0, 30, 0, 0)
    assert count_wrong([dark], goes_out) == Figure(None, 0.0, 30.0, 0)
    assert count_wrong([dark, REVIEWED], goes_out) == Figure(7.0, 7.0, 37.0, 50)
    assert unlabelled([dark, REVIEWED], goes_out) == 30


def test_distances_add_up_by_their_squares_and_turn_round_with_the_sign() -> None:
    one, other = Stratum(OUT, PERSON, 0.1, 500, 50, 5), Stratum(OUT, PERSON, 0.4, 300, 120, 6)
    singles = [count_wrong([each], change) for each in (one, other)]
    found = count_wrong([one, other], change)
    assert found.value == pytest.approx(-65)
    assert singles[0].value is not None
    assert singles[1].value is not None
    below = ((singles[0].value - singles[0].low) ** 2 + (singles[1].value - singles[1].low) ** 2) ** 0.5
    assert found.low == pytest.approx(-65 - below)
    bounds = hypergeometric_bounds(5, 50, 500)
    assert (singles[0].low, singles[0].high) == pytest.approx((-bounds.high, -bounds.low))


def test_a_share_and_its_change() -> None:
    assert rate(0, 0) == Figure(None, 0.0, 1.0, 0)
    assert rate(5, 50).value == pytest.approx(0.1)
    assert rate_change(0, 0, 0) == Figure(None, -1.0, 1.0, 0)
    found = rate_change(2, 12, 100)
    assert found.value == pytest.approx(-0.1)
    # Bonett and Price: 3/102 and 13/102.
    assert (found.low + found.high) / 2 == pytest.approx(-10 / 102)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * ((16 / 102 - (10 / 102) ** 2) / 102) ** 0.5)
