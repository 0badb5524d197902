"""A library with a tiny embedder, as several processes on one machine would open it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hitl_core.domain.clock import ManualClock
from hitl_core.golden import GoldenLibrary
from hitl_core.store.engine import Store
from tests.contract.golden.samples import QUESTIONS, MakeLibrary
from tests.unit.golden.embedders import HashingEmbedder


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def make(store: Store, tmp_path: Path) -> MakeLibrary:
    """Make libraries as several processes on one machine would have them."""

    def _make(embedder: HashingEmbedder | None = None, folder: Path | None = tmp_path / "index") -> GoldenLibrary:
        made = embedder or HashingEmbedder()
        return GoldenLibrary(store, lambda: made, folder, clock=ManualClock(datetime(2026, 3, 1, tzinfo=UTC)))

    return _make


@pytest.fixture
def library(make: MakeLibrary) -> GoldenLibrary:
    made = make()
    for name, question in QUESTIONS.items():
        made.add(question, f"Answer about {name}.", domain="hr" if name == "leave" else "shop")
    return made
