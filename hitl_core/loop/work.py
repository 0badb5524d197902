"""What needs time or a model happens here, in `hitl work`; without it the product still reviews.

A thread of its own judges what waits for judges. Each tick returns expired leases, ages and re-keys pending tasks,
trips breakers, embeds new golden examples and brings the few-shot index up to date.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from hitl_core.domain.errors import ModelUnavailableError, StoreUnavailableError
from hitl_core.domain.records import Item, Stage
from hitl_core.review_queue.queue import aging_of
from hitl_core.routing.router import priority_again
from hitl_core.store import claiming, events, tasks
from hitl_core.store.reading import overview

if TYPE_CHECKING:
    from hitl_core.loop.hallway import Loop

TICK_SECONDS = 0.5
REKEY_BATCH = 500
SEEN_SECONDS = 10.0
AUDIT_SECONDS = 5.0
"""How often audits are looked at: reading all of them may take a second where there are many."""
STOP_SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass
class Tick:
    """What one round of the worker did."""

    expired: int = 0
    aged: int = 0
    rekeyed: int = 0
    embedded: int = 0
    tripped: int = 0

    @property
    def busy(self) -> bool:
        """Whether there may be more to do at once."""
        return bool(self.aged or self.rekeyed or self.embedded)


def run_worker(loop: Loop, stop: threading.Event) -> None:
    """Work until `stop` is set; a database that is away is tried again, a missing model is reported once."""
    judging = threading.Thread(target=loop.judges.work, args=(stop,), name="judging", daemon=True)
    judging.start()
    try:
        _tick_until(loop, stop)
    finally:
        stop.set()
        judging.join(STOP_SECONDS)


def _tick_until(loop: Loop, stop: threading.Event) -> None:
    name, embedding, last_seen, looked_at = f"{socket.gethostname()}:{os.getpid()}", True, None, -AUDIT_SECONDS
    while not stop.is_set():
        try:
            look = time.monotonic() - looked_at >= AUDIT_SECONDS
            done = work_once(loop, embed=embedding, audit=look)
            looked_at = time.monotonic() if look else looked_at
            now = loop.clock.now()
            if last_seen is None or (now - last_seen).total_seconds() >= SEEN_SECONDS:
                _report(loop, name, done)
                last_seen = now
        except StoreUnavailableError as error:
            _log.warning("%s", error)
            stop.wait(5 * TICK_SECONDS)
            continue
        except ModelUnavailableError as error:
            _log.error("examples are found by words only: %s", error)
            embedding = False
            continue
        if not done.busy:
            stop.wait(TICK_SECONDS)


def work_once(loop: Loop, *, embed: bool = True, audit: bool = True) -> Tick:
    """Do one round; `embed=False` leaves out what needs the embedding model, `audit=False` the look at audits.

    Raises:
        StoreUnavailableError: the database is away.
        ModelUnavailableError: the embedding model cannot be loaded.
    """
    tick = Tick()
    tick.expired, tick.aged = loop.queue.sweep()
    tick.rekeyed = rekey_pending(loop)
    if audit:
        tick.tripped = len(loop.audit.check())
    if embed:
        tick.embedded = loop.golden.embed_pending()
        loop.golden.catch_up()
    return tick


def rekey_pending(loop: Loop, *, limit: int = REKEY_BATCH) -> int:
    """Bring the order of up to `limit` pending tasks to the live policy's weights; return how many changed."""
    live, now = loop.policies.live(), loop.clock.now()
    aging = aging_of(live.policy)
    with loop.store.write() as tx:
        stale = tasks.stale_keys(tx, live.version, limit=limit)
        if not stale:
            return 0
        rows: list[dict[str, object]] = []
        for row in stale:
            base = priority_again(tasks.decision_of(row), Item.model_validate_json(row.body), live.policy)
            band, rank = aging.rank(base, row.created_at, now)
            if band == 1 and row.stage == Stage.AUDIT:
                base = rank = aging.top
            keys = {"new_base": base, "new_band": band, "new_rank": rank, "new_keyed_version": live.version}
            rows.append({"row_key": row.key, **keys})
        claiming.rekey(tx, rows)
        events.append(tx, "tasks.rekeyed", at=now, actor=loop.actor, data={"tasks": len(rows), "policy": live.version})
    return len(rows)


def _report(loop: Loop, name: str, tick: Tick) -> None:
    with loop.store.write() as tx:
        overview.seen(tx, name, at=loop.clock.now(), data=orjson.dumps(tick).decode())
