"""Whatever a provider does: an output ends at a person or goes out under a certificate, and the ledger adds up."""

from __future__ import annotations

import pytest

from evals.chaos import run_chaos
from evals.stub_provider import BEHAVIOURS


@pytest.mark.timeout(240)
def test_every_misbehaviour_of_a_provider_ends_well(empty_database_url: str) -> None:
    found = run_chaos(empty_database_url, copies=1)
    assert found.problems == ()
    assert found.items == len(BEHAVIOURS)
    good = found.endings.pop("answer")
    assert dict(good) == {"let go by a certified judge": 1}
    assert {end.split(":")[0] for ends in found.endings.values() for end in ends} == {"person"}
    assert found.cost_usd > 0
    assert found.statuses["ok"] == 1
