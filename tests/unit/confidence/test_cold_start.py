"""The cold start: its formula by hand, and that it rises and falls as it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.confidence.cold_start import cold_start_score
from hitl_core.confidence.signals import Signals

PLAIN = Signals(
    10, 50, coverage_1=0.8, coverage_2=0.5, support=0.6, unsupported_share=0.0, novel_numbers=0, novel_names=0
)
SHARES = ("coverage_1", "coverage_2", "support")
COUNTS = ("novel_numbers", "novel_names")


def p_of(signals: Signals) -> float:
    p = cold_start_score(signals).p
    assert p is not None
    return p


def test_the_formula_by_hand() -> None:
    assert p_of(PLAIN) == pytest.approx(0.5 * 0.8 + 0.2 * 0.5 + 0.3 * 0.6)
    assert p_of(replace(PLAIN, novel_numbers=2, novel_names=1)) == pytest.approx(0.68 * 0.7**2 * 0.85)
    assert p_of(replace(PLAIN, coverage_2=None)) == pytest.approx(0.5 * 0.8 + 0.2 * 0.8 + 0.3 * 0.6)


def test_without_a_passage_there_is_no_score() -> None:
    score = cold_start_score(Signals(output_words=4, context_words=0))
    assert (score.p, score.reasons) == (None, ("there is no passage to compare with",))


def test_reasons_name_what_is_new() -> None:
    signals = replace(PLAIN, novel_numbers=2, numbers_listed=("1987", "42"))
    assert cold_start_score(signals).reasons == ("2 numbers not in any passage: 1987, 42",)


@given(
    st.fixed_dictionaries({name: st.floats(0, 1) for name in SHARES} | {name: st.integers(0, 9) for name in COUNTS}),
    st.sampled_from((*SHARES, *COUNTS)),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_it_is_monotone_and_in_the_unit_interval(values: dict[str, float], name: str, share: float, count: int) -> None:
    before = replace(PLAIN, **values)  # type: ignore[arg-type]
    if name in SHARES:
        after = replace(before, **{name: max(share, values[name])})  # type: ignore[arg-type]
        assert 0 <= p_of(before) <= p_of(after) <= 1
    else:
        after = replace(before, **{name: int(values[name]) + count})  # type: ignore[arg-type]
        assert 0 <= p_of(after) <= p_of(before) <= 1
