"""Money: reserved before a call, settled after it, refused where it could exceed the budget."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import BudgetExceededError, ModelCallError
from hitl_core.domain.policy_judging import Price
from hitl_core.judging.calling.journal import Entry, Journal
from hitl_core.judging.calling.metering import describe
from hitl_core.judging.calling.pricing import most_it_costs
from hitl_core.judging.chat import ChatModel, ChatReply, ChatRequest

REFRESH_SECONDS = 5.0
ITEMS_REMEMBERED = 10_000
NOTHING = Decimal(0)


class Purse:
    """What may still be spent today (UTC) and on each item, shared by all models of a process.

    What was spent before and by other processes is read from the ledger every few seconds, so several processes
    together can exceed a day's budget by what they spend in between. A reservation whose real cost stays unknown (a
    time-out, an unreadable reply, a cancelled call) counts as spent for the rest of the day, in this process.

    Args:
        spent_today: reads the ledger.
        clock: says which day it is.
        per_day: None is no limit.
        per_item: None is no limit; counts what this process spent on the item.
        now: seconds that never go back.
    """

    def __init__(
        self,
        spent_today: Callable[[], Decimal],
        clock: Clock,
        *,
        per_day: Decimal | None = None,
        per_item: Decimal | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_day, self.per_item = per_day, per_item
        self._spent_today, self._clock, self._now = spent_today, clock, now
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self._day: date | None = None
        self._refreshed_at = 0.0
        self._known = self._since = self._reserved = self._held = NOTHING
        self._items: OrderedDict[str, Decimal] = OrderedDict()

    @property
    def is_limited(self) -> bool:
        """Whether there is a budget at all."""
        return self.per_day is not None or self.per_item is not None

    async def reserve(self, most: Decimal | None, item_id: str | None) -> Decimal:
        """Put aside what a call may cost at most and return it.

        Raises:
            BudgetExceededError: that could exceed the day's or the item's budget, or the price is unknown.
        """
        if not self.is_limited:
            return NOTHING
        if most is None:
            raise BudgetExceededError(
                "there is a budget and the model has no price; name it in judging.prices (0 for a model of your own)"
            )
        if self._is_due():
            await asyncio.to_thread(self._refresh)
        with self._lock:
            self._check(most, item_id)
            self._reserved += most
            if item_id is not None:
                self._spend_on(item_id, most)
        return most

    def settle(self, reserved: Decimal, item_id: str | None, cost: Decimal | None) -> None:
        """Give a reservation back and count what the call cost; None is unknown and keeps it."""
        if not self.is_limited:
            return
        with self._lock:
            self._reserved -= reserved
            if cost is None:
                self._held += reserved
                return
            self._since += cost
            if item_id is not None:
                self._spend_on(item_id, cost - reserved)

    def _check(self, most: Decimal, item_id: str | None) -> None:
        today = self._known + self._since + self._held + self._reserved
        if self.per_day is not None and today + most > self.per_day:
            raise BudgetExceededError(
                f"the call may cost {_usd(most)}; {_usd(today)} of {_usd(self.per_day)} is spent or reserved today"
            )
        on_item = self._items.get(item_id or "", NOTHING)
        if item_id is not None and self.per_item is not None and on_item + most > self.per_item:
            raise BudgetExceededError(
                f"the call may cost {_usd(most)}; {_usd(on_item)} of {_usd(self.per_item)} for item {item_id} is gone"
            )

    def _spend_on(self, item_id: str, amount: Decimal) -> None:
        self._items[item_id] = self._items.pop(item_id, NOTHING) + amount
        if len(self._items) > ITEMS_REMEMBERED:
            self._items.popitem(last=False)

    def _is_due(self) -> bool:
        return self._day != self._clock.now().date() or self._now() - self._refreshed_at >= REFRESH_SECONDS

    def _refresh(self) -> None:
        """Read the ledger; what is settled meanwhile may count twice until the next time, never not at all."""
        with self._refreshing:
            if not self._is_due():
                return
            with self._lock:
                before = self._since
            today = self._clock.now().date()
            known = self._spent_today()
            with self._lock:
                if today != self._day:
                    self._held = NOTHING
                self._day, self._known, self._refreshed_at = today, known, self._now()
                self._since -= before


class Budgeted:
    """A chat model that reserves before each attempt. A refusal is written to the ledger at cost 0."""

    def __init__(self, inner: ChatModel, purse: Purse, price: Price | None, journal: Journal) -> None:
        self.provider, self.endpoint, self.model = inner.provider, inner.endpoint, inner.model
        self.capabilities = inner.capabilities
        self._inner, self._purse, self._price, self._journal = inner, purse, price, journal

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; see `ChatModel`."""
        try:
            reserved = await self._purse.reserve(most_it_costs(request, self._price), request.item_id)
        except BudgetExceededError as error:
            call = describe(self, request, "over_budget", error=error, cost_usd=NOTHING)
            await self._journal.save(Entry(call))
            raise
        cost: Decimal | None = None
        try:
            reply = await self._inner.complete(request)
            cost = reply.cost_usd
        except ModelCallError as error:
            cost = None if error.may_have_cost else NOTHING
            raise
        finally:
            self._purse.settle(reserved, request.item_id, cost)
        return reply


def _usd(amount: Decimal) -> str:
    return f"${amount.normalize():f}"
