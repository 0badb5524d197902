"""The audit coin: reproducible, about as often as the rate says, different for every secret, project and item."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_core.domain.errors import ConfigurationError
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item
from hitl_core.routing.coin import audit_draw
from hitl_core.routing.router import route

SECRET = b"0123456789abcdef"


def test_it_is_the_documented_hmac() -> None:
    digest = hmac.new(SECRET, b"shop\x00order-1", hashlib.sha256).hexdigest()
    assert audit_draw(SECRET, "shop", "order-1") == pytest.approx(int(digest[:16], 16) / 2**64, abs=2**-52)


@given(st.text(), st.text(), st.binary(min_size=1))
def test_it_is_in_the_unit_interval_and_reproducible(project: str, item_id: str, secret: bytes) -> None:
    draw = audit_draw(secret, project, item_id)
    assert 0 <= draw < 1
    assert draw == audit_draw(secret, project, item_id)


def test_it_depends_on_all_three() -> None:
    draws = {audit_draw(*given) for given in [(SECRET, "a", "bc"), (SECRET, "ab", "c"), (b"other", "a", "bc")]}
    assert len(draws) == 3


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="audit secret is empty"):
        audit_draw(b"", "p", "i")


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.5])
def test_it_falls_about_as_often_as_the_rate_says(rate: float) -> None:
    trials = 20_000
    falls = sum(audit_draw(SECRET, "p", f"item-{number}") < rate for number in range(trials))
    spread = (trials * rate * (1 - rate)) ** 0.5
    assert abs(falls - trials * rate) < 4 * spread


def test_the_router_audits_what_the_coin_says_whatever_the_time_or_version() -> None:
    policy = Policy.from_toml("audit.rate = 0.3")
    for number in range(200):
        item = Item(id=str(number), query="q", output="o", confidence=0.99)
        audited = {
            route(item, policy, policy_version=v, now=datetime(2026, 1, v, tzinfo=UTC), audit_secret=SECRET).audited
            for v in (1, 2)
        }
        assert audited == {audit_draw(SECRET, "default", str(number)) < 0.3}


def test_the_policys_own_secret_takes_precedence() -> None:
    policy = Policy.from_toml("audit = { rate = 0.5, secret = 'a secret of some length' }")
    items = [Item(id=str(number), query="q", output="o", confidence=0.99) for number in range(50)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    drawn = [route(item, policy, policy_version=1, now=now, audit_secret=SECRET).audited for item in items]
    assert drawn == [audit_draw(b"a secret of some length", "default", item.id) < 0.5 for item in items]
