"""What pages share: one open loop for the process, and threads for work that no page may wait for."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import streamlit as st

from hitl_core import Loop
from hitl_core.confidence.support import SupportMark, mark_support
from hitl_core.domain.errors import HitlError
from hitl_core.domain.records import FewShot, Item, Outcome, ReviewTask
from hitl_core.loop.judges.room import Opinions
from hitl_core.loop.raters.dispute import Dispute

WARM_AFTER_SECONDS = 20.0
_SIMILAR = 4
_EARLIER = 5


@dataclass(frozen=True)
class Options:
    """What the launcher was told; `warm` loads the embedding model once the first pages were served."""

    url: str | None = None
    policy: str | None = None
    warm: bool = False


@dataclass(frozen=True)
class Workup:
    """What is prepared for a task beside the page: support marks, judges' opinions, similar examples, earlier items.

    `dispute` is there where a senior settles what others disagree on.
    """

    marks: Future[tuple[SupportMark, ...]]
    similar: Future[list[FewShot]]
    earlier: Future[list[tuple[Item, Outcome | None]]]
    opinions: Future[Opinions]
    dispute: Future[Dispute] | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is being prepared any more."""
        return all(part.done() for part in (self.marks, self.similar, self.earlier, self.opinions))


T = TypeVar("T")
_options = Options()


def configure(options: Options) -> None:
    """Set what the loop is opened with; before the first page."""
    global _options
    _options = options


def options() -> Options:
    """Return what the loop is opened with."""
    return _options


def open_loop(given: Options) -> Loop:
    """Open the database with the given options."""
    return Loop.open(given.url, given.policy, actor="app")


def loop() -> Loop:
    """Return the process's loop.

    Raises:
        StoreUnavailableError: the database cannot be reached; the next call tries again.
    """
    return _shared_loop(_options)


def workup(task: ReviewTask) -> Workup:
    """Start preparing what the page shows for a task, in other threads; returns at once."""
    pool, held = _pool(), loop()
    return Workup(
        marks=pool.submit(_marks, task.item),
        similar=pool.submit(_similar, held, task.item),
        earlier=pool.submit(held.related, task.item, _EARLIER),
        opinions=pool.submit(held.judges.opinions_on, task.item),
    )


def workup_of_dispute(task: ReviewTask) -> Workup:
    """Start preparing the same for a task to adjudicate, with the opinions on it."""
    return replace(workup(task), dispute=_pool().submit(loop().opinions, task))


def ready(future: Future[T], *, wait: float = 0.0) -> T | None:
    """Return a future's value if it is there within `wait` seconds and went well, else None."""
    try:
        return future.result(timeout=wait)
    except (TimeoutError, HitlError):
        return None


@st.cache_resource(show_spinner=False, max_entries=8)
def _shared_loop(given: Options) -> Loop:
    opened = open_loop(given)
    if given.warm:
        timer = threading.Timer(WARM_AFTER_SECONDS, _warm, [opened])
        timer.daemon = True
        timer.start()
    return opened


def remembered(what: tuple[object, ...], make: Callable[[], T], *, at_once: bool = True) -> T:
    """Return what `make` makes, made anew when a policy was published, when a label came in, or after two minutes.

    Args:
        what: names the value, with everything of the page that it depends on.
        make: reads and reckons.
        at_once: whether a new label counts at once; where windows closed days ago, it need not while people review.
    """
    newest, version = loop().audit.mark()
    return _remembered(_options, (newest if at_once else "", version), what, make)


# Windows of estimates close with the clock as well, hence the minutes.
@st.cache_data(ttl=120, show_spinner=False, max_entries=128)
def _remembered(given: Options, mark: tuple[str, int], what: tuple[object, ...], _make: Callable[[], T]) -> T:
    del given, mark, what  # they are the cache's key
    return _make()


@st.cache_resource(show_spinner=False)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare")


def _warm(opened: Loop) -> None:
    opened.golden.warm_in_background().join()
    # The model's objects would make every collection after a page run slow.
    gc.collect()
    gc.freeze()


def _marks(item: Item) -> tuple[SupportMark, ...]:
    return mark_support(item.output, [passage.text for passage in item.context])


def _similar(held: Loop, item: Item) -> list[FewShot]:
    method: Literal["auto", "words"] = "auto" if held.golden.ready else "words"
    if not item.query.strip():
        return []
    return held.golden.few_shot(item.query, _SIMILAR, project=item.project, exclude_item=item.id, method=method)


@st.cache_data(ttl=3, show_spinner=False, max_entries=64)
def _waiting(given: Options, project: str | None, pool: str) -> int:
    lanes = _shared_loop(given).queue.pending()
    return sum(count for name, of, _, count in lanes if name == pool and project in (None, of))


def waiting(project: str | None, *, seniors: bool = False) -> int:
    """Return how many tasks wait for a person, or for a senior, a few seconds old at most."""
    return _waiting(_options, project, "seniors" if seniors else "people")
