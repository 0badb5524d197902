"""The door to the database: which addresses it takes, what it says when the database is away, the writer gate."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from hitl_core import ConfigurationError, Item, Loop, SchemaError, StoreUnavailableError
from hitl_core.store import gate as gate_module
from hitl_core.store import schema
from hitl_core.store.engine import Store
from hitl_core.store.gate import WriterGate
from hitl_core.store.tables import from_micros, to_micros


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", r"'nonsense' is not a database URL; expected sqlite:///"),
        ("mysql://host/db", "databases are SQLite or PostgreSQL, got 'mysql'"),
        ("", "is not a database URL"),
    ],
)
def test_other_addresses_are_refused_in_one_line(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        Store.connect(url)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_away_is_one_clear_error_without_the_password() -> None:
    store = Store.connect("postgresql://someone:geheim@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailableError, match="check that it runs") as caught, store.read():
        pass
    assert "geheim" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are notes, not a database, and long enough to have a header" * 10)
    with pytest.raises(StoreUnavailableError, match="file is not a database"):
        Loop.open(f"sqlite:///{path}")


def test_an_older_database_says_what_to_run_and_a_newer_one_too(empty_sqlite_url: str) -> None:
    Loop.open(empty_sqlite_url).close()
    store = Store.connect(empty_sqlite_url)
    with store.write() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match=r"schema 9999, which is newer than this version's"):
        schema.prepare(store)
    store.close()


def test_the_head_is_the_newest_migration() -> None:
    assert schema.revisions()[-1] == schema.HEAD


def test_the_migrations_make_the_tables_that_the_code_knows(empty_database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from hitl_core.store.tables import metadata

    store = Store.connect(empty_database_url)
    schema.prepare(store)
    with store.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []
    store.close()


def test_a_database_in_memory_works() -> None:
    with Loop.open("sqlite://") as loop:
        loop.submit(Item(id="a", query="q", output="o"))
        task = loop.queue.claim("ana")
        assert task is not None
        assert task.item.id == "a"


def test_a_failed_write_leaves_nothing_and_gives_the_gate_back(empty_sqlite_url: str) -> None:
    store = Store.connect(empty_sqlite_url)
    with store.write() as tx:
        tx.execute(sa.text("CREATE TABLE t (x INTEGER)"))

    def write_and_fail() -> None:
        with store.write() as tx:
            tx.execute(sa.text("INSERT INTO t VALUES (1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with store.write() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM t")).scalar() == 0
    store.close()


def test_times_survive_to_the_microsecond() -> None:
    for micros in (0, 1, -1, 1_772_000_000_123_456):
        assert to_micros(from_micros(micros)) == micros


def _hold(path: Path, entered: multiprocessing.synchronize.Event, leave: multiprocessing.synchronize.Event) -> None:
    with WriterGate(path).passing():
        entered.set()
        leave.wait(30)


def test_the_gate_lets_one_process_in_at_a_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    entered, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "gate", entered, leave))
    process.start()
    assert entered.wait(30)
    passed = threading.Event()

    def enter() -> None:
        with WriterGate(tmp_path / "gate").passing():
            passed.set()

    thread = threading.Thread(target=enter)
    thread.start()
    assert not passed.wait(0.1)
    leave.set()
    assert passed.wait(30)
    thread.join()
    process.join()


def test_a_process_that_is_killed_does_not_keep_the_gate(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    entered, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "gate", entered, leave))
    process.start()
    assert entered.wait(30)
    process.kill()
    process.join()
    with WriterGate(tmp_path / "gate").passing():
        assert not leave.is_set()


def test_threads_pass_the_gate_one_by_one(tmp_path: Path) -> None:
    gate = WriterGate(tmp_path / "gate")
    inside: list[int] = []
    most: list[int] = []

    def enter(n: int) -> None:
        for _ in range(50):
            with gate.passing():
                inside.append(n)
                most.append(len(inside))
                inside.remove(n)

    threads = [threading.Thread(target=enter, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 400


def test_a_platform_without_file_locks_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "fcntl", None)
    with Loop.open(f"sqlite:///{tmp_path / 'x.db'}") as loop:
        loop.submit(Item(id="a", query="q", output="o"))
        assert loop.queue.claim("ana") is not None
    assert not (tmp_path / "x.db-gate").exists()


def test_writers_of_two_stores_wait_for_each_other(empty_sqlite_url: str) -> None:
    first, second = Store.connect(empty_sqlite_url), Store.connect(empty_sqlite_url)
    schema.prepare(first)
    order: list[str] = []
    started = threading.Event()

    def slow() -> None:
        with first.write():
            started.set()
            time.sleep(0.05)
            order.append("first")

    thread = threading.Thread(target=slow)
    thread.start()
    assert started.wait(10)
    with second.write():
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    first.close()
    second.close()


def test_a_gate_that_may_not_be_written_is_one_clear_error(tmp_path: Path) -> None:
    store = Store.connect(f"sqlite:///{tmp_path / 'a.db'}")
    (tmp_path / "a.db-gate").mkdir()
    with pytest.raises(StoreUnavailableError, match=r"a\.db-gate beside the database cannot be written"), store.write():
        raise AssertionError("never reached")
    store.close()
