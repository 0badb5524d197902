from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import desk, wiring
from hitl_core import Loop

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
