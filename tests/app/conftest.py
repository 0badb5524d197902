from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import desk, wiring
from hitl_core import Loop
from tests.app import weeks_of_review

Open = Callable[..., AppTest]


@pytest.fixture
def loop(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """The loop that the pages use; AppTest presses at once, so the wait for a reader's eyes is off."""
    monkeypatch.setattr(desk, "TOO_SOON_SECONDS", -1.0)
    wiring.configure(wiring.Options(url=sqlite_url))
    yield wiring.loop()
    wiring.loop().close()
    st.cache_resource.clear()
    st.cache_data.clear()
    wiring.configure(wiring.Options())


@pytest.fixture
def open_page(loop: Loop) -> Open:
    """Open a page of the app, as somebody if a name is given."""

    def opened(view: str = "", reviewer: str | None = "ana", **parameters: str) -> AppTest:
        test = AppTest.from_file("../../app/main.py", default_timeout=20)
        for name, value in parameters.items():
            test.query_params[name] = value
        if reviewer:
            test.query_params["reviewer"] = reviewer
        test.run()
        if view:
            test.switch_page(f"views/{view}.py").run()
        return test

    return opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with eight weeks of review, made once; to be copied."""
    path = tmp_path_factory.mktemp("weeks") / "hitl.db"
    weeks_of_review.fill(f"sqlite:///{path}")
    return path


@pytest.fixture
def weeks(filled: Path, sqlite_url: str, request: pytest.FixtureRequest) -> Loop:
    """The loop of the pages on a copy of it; ask for it before `open_page`."""
    shutil.copy(filled, sqlite_url.removeprefix("sqlite:///"))
    loop: Loop = request.getfixturevalue("loop")
    return loop
