"""`hitl import` of a small and a large file: rows per second and peak memory of the process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import orjson

from evals.bench.filling import some_text
from evals.bench.results import Aim, Part, Setup

SIZES = (50_000, 500_000)
FLAT = 1.25

# A process starts with the peak of the one that forked it, so a small one stands between it and this large one.
WATCH = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(time.perf_counter() - began, usage.ru_maxrss)
sys.exit(process.returncode)
"""


def measure_import(setup: Setup) -> list[Part]:
    """Import JSON lines by the command line, in a process of its own."""
    part = Part(
        "hitl import, JSON lines",
        ("database", "rows", "file MB", "seconds", "rows/s", "peak MB", "peak to the smaller file"),
        notes=["Durable transactions of 1,000 rows; memory is the peak resident size of the whole process."],
    )
    for kind in setup.kinds if setup.large else setup.kinds[:1]:
        peaks: list[float] = []
        for size in map(setup.size, SIZES):
            with setup.databases.empty(kind) as url:
                path = setup.databases.folder / f"import-{size}.jsonl"
                write_file(path, size)
                seconds, peak = run_import(path, url)
                megabytes = path.stat().st_size / 2**20
                path.unlink()
            peaks.append(peak)
            part.rows.append([kind, size, megabytes, round(seconds, 1), size / seconds, peak, peak / peaks[0]])
        part.aims.append(Aim(f"import memory on {kind} stays flat, ten times the rows", peaks[-1] / peaks[0], FLAT))
    return [part]


def write_file(path: Path, count: int) -> None:
    """Write `count` answers as JSON lines."""
    chance = random.Random(3)  # noqa: S311 - chance, not a secret
    texts = [some_text(chance, 30) for _ in range(1_000)]
    with path.open("wb") as file:
        for index in range(count):
            text = texts[index % len(texts)]
            row = {
                "id": f"row {index}",
                "question": f"question {index}?",
                "answer": text,
                "evidence": [text, texts[index * 7 % len(texts)]],
                "confidence": index % 100 / 100,
            }
            file.write(orjson.dumps(row) + b"\n")


def run_import(path: Path, url: str) -> tuple[float, float]:
    """Import a file; return seconds and the peak resident size in MB.

    Raises:
        RuntimeError: the command failed.
    """
    command = [sys.executable, "-m", "hitl_core.cli.main", "import", str(path)]
    command += ["--map", "query=question,output=answer,context=evidence"]
    answer = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-c", WATCH, *command],
        stdout=subprocess.PIPE,
        check=False,
        env={**os.environ, "HITL_DATABASE_URL": url},
    )
    if answer.returncode:
        raise RuntimeError(f"hitl import of {path.name} ended with exit code {answer.returncode}")
    seconds, peak = map(float, answer.stdout.split())
    return seconds, peak / (2**20 if sys.platform == "darwin" else 2**10)
