"""Judging: `loop.judges` takes tasks of stage `judge`, asks the policy's cascade outside any transaction, and settles.

The same path serves `hitl work`, `submit(…, judge="inline")` and `hitl judge`. Whatever goes wrong ends at a person:
judging that breaks is tried once more by whoever claims next, then given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import ConfigurationError, HitlError, LeaseLostError, StoreError
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Decision, Item, ReviewTask
from hitl_core.loop.judges import certifying, settling
from hitl_core.loop.judges.building import CascadeMaker
from hitl_core.loop.judges.certifying import Certified
from hitl_core.loop.judges.settling import Cascade, Judged
from hitl_core.loop.judges.thread import JudgeThread
from hitl_core.loop.judges.track_record import TrackRecord, track_records
from hitl_core.loop.outcome import find_key
from hitl_core.loop.policy_book import LivePolicy, PolicyBook
from hitl_core.loop.waiting import OutcomeWatcher, wait_until
from hitl_core.review_queue import ReviewQueue
from hitl_core.review_queue.judge_lane import claim_for_judge, lease_of, renew
from hitl_core.store import decisions, events, items
from hitl_core.store.engine import Store
from hitl_core.store.judging import stage, verdicts

MOST_ATTEMPTS = 2
TICK_SECONDS = 0.5
GRACE_SECONDS = 10.0
"""How much longer than its own deadline a cascade may take before it is cut off."""
_log = logging.getLogger(__name__)


class Opinions(NamedTuple):
    """Verdicts on one item, oldest first, and the track records of its model and of judges on items like it."""

    verdicts: tuple[JudgeVerdict, ...] = ()
    records: tuple[TrackRecord, ...] = ()


Build = Callable[[LivePolicy], Cascade]


class JudgeRoom:
    """What the policy's judges do: take their tasks, ask, and write what follows.

    Args:
        store: the database.
        clock: dates what is written.
        policies: gives the live policy.
        queue: where the tasks come from.
        watcher: wakes who waits for an outcome in this process.
        build: makes the cascade of a policy; raises `HitlError` where it cannot be had.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        policies: PolicyBook,
        queue: ReviewQueue,
        watcher: OutcomeWatcher,
        build: Build,
    ) -> None:
        self._store, self._clock, self._policies = store, clock, policies
        self._queue, self._watcher, self._build = queue, watcher, build
        self._thread = JudgeThread()
        self._built: tuple[int, Cascade] | None = None
        self.name = f"judge:{socket.gethostname()}:{os.getpid()}"

    def waiting(self, *, project: str | None = None, limit: int = 1000) -> list[tuple[str, str]]:
        """Return (project, item id) of what waits for a judge, oldest first."""
        with self._store.read() as tx:
            return stage.waiting(tx, project=project, limit=limit)

    def verdicts(self, item_id: str, *, project: str | None = None) -> list[JudgeVerdict]:
        """Return what judges said about an item, oldest first."""
        with self._store.read() as tx:
            key = find_key(tx, item_id, project)
            return verdicts.of_items(tx, [key]).get(key, [])

    def settle_if_waiting(self, held: Decision) -> Decision:
        """Judge the item of a decision now if it waits for a judge; return the decision that holds then."""
        with self._store.read() as tx:
            key = find_key(tx, held.item_id, held.project)
            if not stage.is_open(tx, key):
                return held
        return self.settle_now(key, held)

    def opinions_on(self, item: Item) -> Opinions:
        """Return what judges said about a stored item, and how often they and its model were right on items like it."""
        with self._store.read() as tx:
            key = find_key(tx, item.id, item.project)
            return Opinions(tuple(verdicts.of_items(tx, [key]).get(key, ())), tuple(track_records(tx, item)))

    def judge_item(self, item_id: str, *, project: str | None = None) -> Decision:
        """Judge one item now and return the decision that holds then.

        An item that waits for a judge is settled as in `hitl work`; about any other the verdicts are kept
        as advice.

        Raises:
            NotFoundError: no such item. ConfigurationError: the policy asks no judges, or they cannot be had.
        """
        self.require_tiers()
        with self._store.read() as tx:
            key = find_key(tx, item_id, project)
            held, with_judges = decisions.latest(tx, key), stage.is_open(tx, key)
        return self.settle_now(key, held) if with_judges else self._advise(key, held)

    def settle_now(self, item_key: str, held: Decision) -> Decision:
        """Judge an item that waits for a judge; where a worker has it already, wait for that, at most the deadline."""
        task = claim_for_judge(self._queue, self.name, item_key=item_key)
        if task is not None:
            self._thread.run(self._judge(task))
        else:
            timeout = self._policies.live().policy.judging.deadline_seconds
            wait_until(self._watcher, item_key, lambda: self._spoken(item_key, held), timeout)
        with self._store.read() as tx:
            return decisions.latest(tx, item_key)

    def judge_waiting(self, limit: int, *, project: str | None = None) -> list[Decision]:
        """Judge up to `limit` waiting items, as many at once as the policy allows; return what was decided."""
        return self._thread.run(self._judge_many(limit, project))

    def work(self, stop: threading.Event) -> None:
        """Take and judge tasks until `stop` is set; what was begun then goes back to the queue untouched."""
        self._thread.run(self._serve(stop))

    def require_tiers(self) -> None:
        """Refuse a policy that asks nobody.

        Raises:
            ConfigurationError: says so.
        """
        if not self._policies.live().policy.judging.tiers:
            raise ConfigurationError("the live policy asks no judges; give it judging.tiers (docs/policy.md)")

    def certify(self, judge: str, *, project: str, author: str = "system") -> Certified:
        """Measure a judge of a project against people's labels by design, and store the certificate.

        Nothing new since the last one gives the last one. Every new one costs a part of the chance of being wrong.

        Raises:
            InputError: no tier asks the judge, or nobody has labelled what it judged.
        """
        policy = self._policies.live().policy
        with self._store.write() as tx:
            return certifying.certify_judge(tx, judge, project, policy, author=author, now=self._clock.now())

    def certificates(self, *, project: str | None = None) -> list[Certified]:
        """Return the newest certificate of each project and judge, and what it is worth under the live policy."""
        judging = self._policies.live().policy.judging
        with self._store.read() as tx:
            return certifying.listed(tx, judging, self._clock.now(), project=project)

    def ask(self, build: Build) -> None:
        """Ask other judges than the policy's own from now, such as scripted ones."""
        self._build, self._built = build, None

    def close(self) -> None:
        """Stop judging; what was begun goes back to the queue."""
        if not isinstance(self._build, CascadeMaker):
            return self._thread.close()
        self._thread.close(last=self._build.aclose)
        return self._build.close()

    def _spoken(self, item_key: str, held: Decision) -> Decision | None:
        with self._store.read() as tx:
            now = decisions.latest(tx, item_key)
            return now if now.seq > held.seq or not stage.is_open(tx, item_key) else None

    async def _judge_many(self, limit: int, project: str | None) -> list[Decision]:
        found: list[Decision] = []
        left = limit

        async def one_after_another() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                task = await asyncio.to_thread(claim_for_judge, self._queue, self.name, project=project)
                if task is None:
                    return
                decision = await self._judge(task)
                if decision is not None:
                    found.append(decision)

        lanes = min(limit, self._policies.known().policy.judging.concurrency)
        await asyncio.gather(*(one_after_another() for _ in range(lanes)))
        return found

    async def _serve(self, stop: threading.Event) -> None:
        running: set[asyncio.Task[Decision | None]] = set()
        try:
            while not stop.is_set():
                try:
                    await self._take_more(running)
                except StoreError as error:
                    _log.warning("%s", error)
                if not running:
                    await asyncio.sleep(TICK_SECONDS)
                    continue
                done, running = await asyncio.wait(running, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _take_more(self, running: set[asyncio.Task[Decision | None]]) -> None:
        judging = (await asyncio.to_thread(self._policies.live)).policy.judging
        while judging.tiers and len(running) < judging.concurrency:
            if not await asyncio.to_thread(self.waiting, limit=1):
                return
            task = await asyncio.to_thread(claim_for_judge, self._queue, self.name)
            if task is None:
                return
            running.add(asyncio.create_task(self._judge(task)))

    async def _judge(self, task: ReviewTask) -> Decision | None:
        """Judge a claimed task and settle it; None where it went to somebody else or is tried again."""
        try:
            live = await asyncio.to_thread(self._policies.live)
            attempts = await asyncio.to_thread(self._attempts, task)
            said = settling.failed("judge:gave_up") if attempts >= MOST_ATTEMPTS else await self._held(task, live)
            return await asyncio.to_thread(self._settle, task, said, live)
        except LeaseLostError:
            return None
        except StoreError as error:
            _log.warning("what judges said about item %s was not saved: %s", task.item.id, error)
            return None
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(self._return, task, ""))
            raise
        except Exception as error:  # noqa: BLE001 - a broken judge must not stop the worker; the item ends at a person
            _log.exception("judging item %s broke", task.item.id)
            await asyncio.to_thread(self._return, task, type(error).__name__)
            return None

    async def _held(self, task: ReviewTask, live: LivePolicy) -> Judged:
        """Ask while the lease is renewed.

        Raises:
            LeaseLostError: somebody else took the task meanwhile.
        """
        asking = asyncio.ensure_future(self._ask(task.item, live))
        pause = lease_of(live.policy).total_seconds() / 3
        try:
            while not (await asyncio.wait([asking], timeout=pause))[0]:
                await asyncio.to_thread(renew, self._queue, task.token)
            return asking.result()
        finally:
            asking.cancel()

    async def _ask(self, item: Item, live: LivePolicy) -> Judged:
        try:
            async with asyncio.timeout(live.policy.judging.deadline_seconds + GRACE_SECONDS):
                return settling.judged(await self._cascade(live).judge(item))
        except TimeoutError:
            return settling.failed("judge:deadline")
        except HitlError as error:
            _log.warning("judges cannot be asked: %s", error)
            return settling.failed("judge:unavailable")

    def _cascade(self, live: LivePolicy) -> Cascade:
        if self._built is None or self._built[0] != live.version:
            self._built = (live.version, self._build(live))
        return self._built[1]

    def _attempts(self, task: ReviewTask) -> int:
        with self._store.read() as tx:
            return stage.failed_attempts(tx, task.item_key, task.id)

    def _settle(self, task: ReviewTask, said: Judged, asked: LivePolicy) -> Decision:
        live = self._policies.live()
        if live.version != asked.version and live.policy.judging != asked.policy.judging:
            said = settling.outdated(said)
        with self._store.write() as tx:
            decision = settling.settle_judged(tx, task, said, live, self._clock.now())
        self._watcher.poke(task.item_key)
        return decision

    def _return(self, task: ReviewTask, why: str) -> None:
        """Give a task back; with a reason that counts as an attempt."""
        with contextlib.suppress(HitlError):
            if not why:
                self._queue.release(task.token)
                return
            with self._store.write() as tx:
                settling.give_up(tx, task, self._clock.now(), why=why)

    def _advise(self, item_key: str, held: Decision) -> Decision:
        with self._store.read() as tx:
            item = items.load(tx, item_key)
        said = self._thread.run(self._ask(item, self._policies.live()))
        self._keep_advice(item_key, item, said.verdicts)
        return held

    def _keep_advice(self, item_key: str, item: Item, said: Sequence[JudgeVerdict]) -> None:
        with self._store.write() as tx:
            now = self._clock.now()
            verdicts.insert(tx, item_key, settling.stamped(said, item, now, released=False))
            where = {"project": item.project, "item_key": item_key}
            events.append(tx, "item.advised", at=now, actor=self.name, data={"verdicts": len(said)}, **where)
