"""Fixtures for every test: databases of their own, a browser, a clean environment, a quick AppTest."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.services.browser import find_chromium
from tests.services.ci import missing
from tests.services.local_llm import LocalLlmUnavailableError, running_local_llm
from tests.services.postgres import PostgresServer, PostgresUnavailableError, find_binaries, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSER_TESTS = "tests/browser/"

# Before any test imports them: no library may look for a newer model or price list.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

# How long an example takes says something about the machine and nothing about the product.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below tests/browser."""
    for item in items:
        if item.nodeid.startswith(BROWSER_TESTS):
            item.add_marker("browser")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep all browser tests on one worker: two browsers slow each other into time-outs.

    Not by xdist's own groups: they are written into a node id that pytest 9.2 no longer lets it change.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneBrowserScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER_TESTS if nodeid.startswith(BROWSER_TESTS) else nodeid

    return OneBrowserScheduling(config, log)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own HITL_* settings from the test."""
    for name in [name for name in os.environ if name.startswith("HITL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def quick_apptest() -> Iterator[None]:
    """Skip AppTest's scan of all installed packages for components: 300 ms a test, and the app has none to find."""
    from streamlit.components.v2.component_manager import BidiComponentManager

    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(BidiComponentManager, "discover_and_register_components"):
            patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield


@pytest.fixture(autouse=True)
def quick_apptest_below_app(request: pytest.FixtureRequest) -> None:
    """Streamlit takes a second to import, so only tests/app pays for it."""
    if "app" in request.path.relative_to(request.config.rootpath).parts[1:-1]:
        request.getfixturevalue("quick_apptest")


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser to test with."""
    path = find_chromium()
    if path is None:
        missing("no Chromium: run `make test`, which installs one, or name one in HITL_CHROMIUM")
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """A headless Chromium; open a context of your own in it.

    One a module, not one a session: while Playwright's synchronous API is open no event loop can be started in this
    process, and an `asyncio.run` in any later test would fail.
    """
    from playwright.sync_api import sync_playwright

    arguments = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to sandbox itself as root
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, one for each pytest process."""
    binaries = find_binaries()
    if binaries is None:
        missing("no PostgreSQL binaries: run `make test`, which installs some")
    try:
        with running_server(binaries) as server:
            yield server
    except PostgresUnavailableError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def local_llm_url() -> Iterator[str]:
    """The api_base of a small language model, one for each pytest process; mark the test `local_llm`."""
    try:
        with running_local_llm() as url:
            yield url
    except LocalLlmUnavailableError as error:
        missing(str(error))


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database without a table."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with the current schema, to be copied."""
    name = postgres_server.create_database()
    _create_schema(postgres_server.url(name))
    return name


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A database with the current schema and no rows."""
    with postgres_server.database(postgres_template) as url:
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """The address of a database file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'hitl.db'}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the current schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hitl.db"
    _create_schema(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A database file with the current schema and no rows."""
    path = tmp_path / "hitl.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test on both databases, each with the current schema and no rows."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The same test on both databases, each without a table."""
    name = "empty_sqlite_url" if request.param == "sqlite" else "empty_postgres_url"
    return str(request.getfixturevalue(name))


def _create_schema(url: str) -> None:
    from hitl_core.store import schema
    from hitl_core.store.engine import Store

    store = Store.connect(url)
    schema.prepare(store)
    store.close()
