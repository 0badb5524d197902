"""Money: exact to the last digit, or unknown."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from hitl_core.domain.policy_judging import Price
from hitl_core.judging.calling.pricing import cost_of, find_price, most_it_costs
from hitl_core.judging.chat import ChatRequest, Usage
from hitl_core.store.judging.tables import from_picos, to_picos

PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"))


def test_a_cost_is_exact() -> None:
    usage = Usage(input_tokens=1003, cached_input_tokens=1000, output_tokens=7)
    assert cost_of(usage, PRICE) == Decimal("0.00007965")
    assert from_picos(to_picos(Decimal("0.00007965"))) == Decimal("0.00007965")


def test_a_price_from_a_policy_file_is_what_was_written() -> None:
    assert Price.model_validate({"input": 0.1, "output": 0.3}).input == Decimal("0.1")


def test_cached_tokens_cost_as_much_as_others_where_nothing_else_is_said() -> None:
    price = Price(input=Decimal(2), output=Decimal(8))
    assert cost_of(Usage(input_tokens=10, cached_input_tokens=10, output_tokens=1), price) == Decimal("0.000028")


@pytest.mark.parametrize(
    ("usage", "price"), [(Usage(input_tokens=5, output_tokens=5), None), (Usage(), PRICE)], ids=["price", "usage"]
)
def test_what_is_unknown_is_not_free(usage: Usage, price: Price | None) -> None:
    assert cost_of(usage, price) is None


def test_a_model_of_ones_own_is_free_when_the_policy_says_so() -> None:
    assert cost_of(Usage(), Price(input=Decimal(0), output=Decimal(0))) == 0


def test_a_price_is_found_with_and_without_the_provider() -> None:
    assert find_price({"openai/gpt": PRICE}, "openai/gpt") is PRICE
    assert find_price({"gpt": PRICE}, "openai/gpt") is PRICE
    assert find_price({"gpt": PRICE}, "openai/gpt-large") is None


def test_a_reservation_is_no_less_than_the_call_comes_to(ask: Callable[..., ChatRequest]) -> None:
    request = ask("word " * 300, max_tokens=50)
    most = most_it_costs(request, PRICE)
    real = cost_of(Usage(input_tokens=308, output_tokens=50), PRICE)
    assert most is not None
    assert real is not None
    assert real <= most < 3 * real
