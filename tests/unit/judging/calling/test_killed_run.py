"""A run that is killed in the middle pays for nothing twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evals.stub_provider import StubProvider
from hitl_core.store.engine import Store
from hitl_core.store.judging import cache, ledger
from tests.unit.judging.calling.judging_run import CONCURRENCY

COUNT, KILLED_AFTER = 200, 60
ROOT = Path(__file__).parents[4]
RUN = [sys.executable, "-m", "tests.unit.judging.calling.judging_run"]


@pytest.mark.timeout(90)
def test_a_killed_run_asks_only_for_what_it_had_not_got(sqlite_url: str, stub: StubProvider) -> None:
    stub.delay_seconds = 0.01
    command = [*RUN, sqlite_url, stub.url, str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as killed:
        assert killed.stdout is not None
        answered = {killed.stdout.readline().strip() for _ in range(KILLED_AFTER)}
        killed.kill()
        answered |= {line.strip() for line in killed.stdout if line.endswith("\n")}
    first = dict(stub.seen)
    assert KILLED_AFTER <= len(answered) < COUNT

    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    asked_twice = {prompt for prompt, times in stub.seen.items() if times > 1}
    assert len(stub.seen) == COUNT
    assert not asked_twice & answered
    # Asked again is only what was under way, or on its way into the database, when the run was killed.
    assert len(asked_twice) <= 2 * CONCURRENCY
    assert len(first) < COUNT

    store = Store.connect(sqlite_url)
    with store.read() as tx:
        paid = ledger.totals(tx, "status")
        assert paid[("ok",)].calls == COUNT == len(list(cache.every(tx)))
        assert paid[("ok",)].unknown == 0
        assert paid[("cached",)].calls >= len(answered)
    store.close()
