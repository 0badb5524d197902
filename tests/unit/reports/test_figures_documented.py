"""docs/figures.md says what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_core.reports.definitions import DEFINITIONS, Definition

PAGE = Path(__file__).parents[3] / "docs" / "figures.md"


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.name)
def test_each_figure_is_explained(definition: Definition) -> None:
    assert f"| {definition.title} (`{definition.name}`) | {definition.meaning} |" in PAGE.read_text(encoding="utf-8")
