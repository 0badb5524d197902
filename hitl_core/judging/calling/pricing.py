"""What a call costs, from the policy's own price list: exact, or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hitl_core.domain.policy_judging import Price
from hitl_core.judging.chat import ChatRequest, Usage, estimate_input_tokens

PER = Decimal(1_000_000)
"""Prices are for a million tokens."""


def find_price(prices: Mapping[str, Price], model: str) -> Price | None:
    """Return a model's price by its full name, or by its name without the provider; None is unknown."""
    return prices.get(model) or prices.get(model.partition("/")[2])


def cost_of(usage: Usage, price: Price | None) -> Decimal | None:
    """Return US dollars, or None where price or usage is unknown: a provider that reports no tokens was not free."""
    if price is None:
        return None
    if usage.input_tokens == 0 and usage.output_tokens == 0 and (price.input or price.output):
        return None
    cached_price = price.input if price.cached_input is None else price.cached_input
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    fresh = usage.input_tokens - cached
    return (fresh * price.input + cached * cached_price + usage.output_tokens * price.output) / PER


def most_it_costs(request: ChatRequest, price: Price | None) -> Decimal | None:
    """Return what a call may come to, in US dollars: the prompt as estimated and the longest reply."""
    usage = Usage(input_tokens=max(1, estimate_input_tokens(request)), output_tokens=request.max_tokens)
    return cost_of(usage, price)
