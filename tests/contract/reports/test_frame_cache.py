"""The frames say what the tables say: after every change, from the disk, with damage, from two processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hitl_core import Decision, Loop, Review, Reviewer
from hitl_core.domain.ids import new_id
from hitl_core.store import reviewers
from hitl_core.store.frames import cache as cache_module
from hitl_core.store.frames.cache import FrameCache
from hitl_core.store.frames.facts import FACTS
from hitl_core.store.frames.reading import key_from, read_facts

Submit = Callable[..., Decision]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where frames are kept; every settled row is written at once, and none is waited for."""
    monkeypatch.setattr(cache_module, "SAVE_ROWS", 1)
    return tmp_path / "frames"


def frames_of(loop: Loop, folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return FrameCache(loop.store, folder, late_ms=-1).frames()


def tables_of(loop: Loop) -> list[pl.DataFrame]:
    return [read_facts(loop.store, fact) for fact in FACTS]


def plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def review_one(loop: Loop, who: str = "ana") -> None:
    task = loop.queue.claim(who)
    assert task is not None
    loop.queue.complete(task.token, Review(verdict="approve", active_seconds=12.5))


def test_an_empty_database_has_empty_frames(loop: Loop, folder: Path) -> None:
    decisions, reviews = frames_of(loop, folder)
    assert (decisions.height, reviews.height) == (0, 0)
    assert {"at", "route", "confidence"} <= set(decisions.columns)


def test_frames_hold_what_was_decided_and_reviewed(loop: Loop, submit: Submit, folder: Path) -> None:
    decision = submit("a", domain="legal", model="m1")
    review_one(loop)
    decisions, reviews = frames_of(loop, folder)
    row, review = decisions.row(0, named=True), reviews.row(0, named=True)
    assert (row["route"], row["domain"], row["at"]) == (decision.route, "legal", decision.created_at)
    assert row["confidence"] == 0.7  # to the last bit: it is compared with thresholds
    assert (review["verdict"], review["reviewer"], review["active_seconds"]) == ("approve", "ana", 12.5)
    assert (review["route"], review["model"]) == (decision.route, "m1")
    assert review["decision"] == row["decision"]
    assert review["item"] == row["item"]


def test_each_look_sees_what_was_committed_since(loop: Loop, submit: Submit, folder: Path) -> None:
    cache = FrameCache(loop.store, folder, late_ms=0)
    for number in range(4):
        submit(f"i{number}")
        review_one(loop)
        assert [plain(frame) for frame in cache.frames()] == [plain(frame) for frame in tables_of(loop)]
    loop.queue.undo("ana")
    assert cache.frames()[1]["kind"].to_list()[-1] == "undo"


def test_another_process_goes_on_from_the_files(
    loop: Loop, submit: Submit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        submit(f"i{number}")
    frames_of(loop, folder)
    submit("late")
    read: list[int | None] = []
    original = read_facts

    def noted(*args: Any, since_ms: int | None = None, **options: Any) -> pl.DataFrame:
        read.append(since_ms)
        return original(*args, since_ms=since_ms, **options)

    monkeypatch.setattr(cache_module, "read_facts", noted)
    decisions, _ = FrameCache(loop.store, folder, late_ms=0).frames()
    assert read[0] is not None
    assert plain(decisions) == plain(tables_of(loop)[0])


@pytest.mark.parametrize("damage", ["manifest", "file", "gone", "layout"])
def test_a_damaged_cache_is_rebuilt(loop: Loop, submit: Submit, folder: Path, damage: str) -> None:
    submit("a")
    frames_of(loop, folder)
    file = next((folder / "decisions").glob("*.arrow"))
    manifest = folder / "decisions" / "manifest.json"
    if damage == "manifest":
        manifest.write_text("{", encoding="utf-8")
    elif damage == "layout":
        manifest.write_text(manifest.read_text(encoding="utf-8").replace('"layout": 2', '"layout": 0'))
    elif damage == "file":
        file.write_bytes(file.read_bytes()[:40])
    else:
        file.unlink()
    decisions, _ = frames_of(loop, folder)
    assert plain(decisions) == plain(tables_of(loop)[0])


def test_a_row_that_commits_late_is_not_lost(loop: Loop, submit: Submit, folder: Path) -> None:
    cache = FrameCache(loop.store, folder)
    submit("a")
    assert cache.frames()[0].height == 1
    submit("b")
    assert cache.frames()[0].height == 2
    assert not folder.exists()  # nothing is settled before the grace is over


def test_the_fast_reader_reads_the_same(loop: Loop, submit: Submit) -> None:
    for number in range(3):
        submit(f"i{number}", domain=None if number else "percent % and 'quotes'")
    review_one(loop)
    for fact in FACTS:
        assert plain(read_facts(loop.store, fact, whole=True)) == plain(read_facts(loop.store, fact))


def test_reading_frames_left_an_open_connection_on_the_wrong_pages(loop: Loop, submit: Submit) -> None:
    """A second SQLite library in the process undid the first one's locks: a query gave another table's rows."""
    submit("a")
    with loop.store.read() as held:
        reviewers.listing(held)
        read_facts(loop.store, FACTS[0], whole=True)
    loop.save_reviewer(Reviewer(name="lea", expertise=("legal",)))
    assert loop.reviewers() == [Reviewer(name="lea", expertise=("legal",))]
    assert loop.policies.history()


def test_keys_begin_where_their_time_begins() -> None:
    key = new_id()
    made = int(key[:12], 16)
    assert key_from(made) <= key < key_from(made + 1)
