from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from evals.app_bench.__main__ import OURS, Found, as_part

ROOT = Path(__file__).parents[2]
GIVEN = argparse.Namespace(reviewers=20, think=0.4)


def test_figures_and_aims_by_hand() -> None:
    seconds = [0.1] * 94 + [0.5] * 5 + [0.9]
    ours = Found(seconds=seconds, lasted=4.0, cpu_seconds=3.0, saved=100, memory_mb=400.4)
    part = as_part({OURS: ours, "streamlit run": Found(lasted=4.0)}, GIVEN)
    assert part.rows[0] == [OURS, 25.0, 100, 500, 900, 30, 100, 100, 0, 400]
    assert part.rows[1][:3] == ["streamlit run", 0.0, 0]
    assert [(aim.value, aim.met) for aim in part.aims] == [(0.04, True), (500.0, True)]


def test_without_the_apps_own_server_nothing_is_promised() -> None:
    assert as_part({"streamlit run": Found(seconds=[1.0], lasted=1.0)}, GIVEN).aims == []


@pytest.mark.timeout(300)
def test_reviewers_over_websockets_decide_what_they_press() -> None:
    asked = ["--server", OURS, "--reviewers", "2", "--seconds", "2", "--rounds", "1", "--settle", "0", "--tasks", "60"]
    command = [sys.executable, "-m", "evals.app_bench", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {OURS}"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    decisions, saved, errors = cells[6:9]
    assert int(decisions) >= 2
    assert (saved, errors) == (decisions, "0")
