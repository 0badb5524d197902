"""The README's Python runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.startswith("sync_review True ('tier:sync_review',)\ndecided edit You may work from EU countries")
    assert "up to 20 days a year" in printed
    assert names["messages"][0] == {"role": "system", "content": "Answer from the handbook."}
    assert names["messages"][-1]["content"] == "Can I work from Spain for a month?"


@pytest.mark.parametrize("name", re.findall(r"\]\(([a-z][^)#:]*)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
def test_links_lead_somewhere(name: str) -> None:
    assert (ROOT / name).exists()
