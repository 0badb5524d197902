"""Start the server: warm imports, packaged configuration, security headers, health."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import secrets
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app import wiring
from app.components import trouble
from app.shield import Shield, inline_script_hashes
from hitl_core.domain.errors import StoreUnavailableError

HERE = Path(__file__).parent
# Not streamlit_feedback: it registers its component only when a page run imports it first.
WARM = (
    "numpy",
    "pandas",
    "pyarrow",
    "polars",
    "plotly.graph_objects",
    "scipy.stats",
    "scipy.optimize",
    "streamlit.elements.plotly_chart",
    "streamlit.components.v1",
    "streamlit.dataframe_util",
    "app.components.door",
)
_log = logging.getLogger("app")


def serve(options: argparse.Namespace) -> None:
    """Serve until a signal comes.

    Raises:
        ConfigurationError, PolicyError, SchemaError: the database or the policy cannot be used.
    """
    wiring.configure(wiring.Options(url=options.database, policy=options.policy, warm=True))
    try_database()
    warm_imports()
    hosts = () if not options.allowed_host and options.without_sign_in else allowed_hosts(options)
    app = st.App(
        str(HERE / "main.py"),
        routes=[Route("/api/health", health)],
        middleware=[Middleware(Shield, hosts=hosts, hashes=inline_script_hashes())],
        on_script_error=report_error,
    )
    gc.collect()
    gc.freeze()
    given = {"server.address": options.host, "server.port": options.port, "server.allowedHosts": list(hosts)}
    app.run(config=packaged_config() | given)


def allowed_hosts(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the names this server answers to."""
    return tuple(dict.fromkeys(["localhost", "127.0.0.1", "::1", options.host, *options.allowed_host]))


def packaged_config() -> dict[str, Any]:
    """Return the packaged configuration with dotted keys, as Streamlit's launcher wants it."""
    sections = tomllib.loads(config_file().read_text(encoding="utf-8"))
    return {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}


def config_file() -> Path:
    """Return the configuration: of the checkout, or the copy that an installed program carries beside the app."""
    of_checkout = HERE.parent / ".streamlit" / "config.toml"
    return of_checkout if of_checkout.is_file() else HERE / ".streamlit" / "config.toml"


def try_database() -> None:
    """Open the database once, so that a wrong address or policy ends the program with one line.

    A database that is only away is no reason to stop: the pages say so and offer to try again.
    """
    try:
        wiring.open_loop(wiring.options()).close()
    except StoreUnavailableError as error:
        _log.warning("%s; the pages will say so until it is back", error)


def warm_imports() -> None:
    """Import what page threads need before they run: two threads importing pandas at once break it."""
    for module in WARM:
        importlib.import_module(module)


async def health(_: Request) -> JSONResponse:
    """Say that the server answers."""
    return JSONResponse({"status": "ok"})


def report_error(error: Exception) -> bool:
    """Log an error of a page under a number and show the number instead of the error."""
    number = secrets.token_hex(4)
    _log.error("page error %s", number, exc_info=error)
    trouble.unexpected(number)
    return True
