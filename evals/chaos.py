"""A provider that times out, refuses, lies and hangs: where every output ends, and what it costs.

    python -m evals.chaos [--copies 3] [--database URL]

A judge is asked through litellm over HTTP. It is certified first, on answers that people approved, so that a good reply
lets an output go out; then each misbehaviour of `evals.stub_provider` meets some items. Exit code 1 if anything is
stuck, an output goes out without a valid verdict, or the ledger does not add up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from evals.stub_provider import BEHAVIOURS, StubProvider, running_stub
from hitl_core import Decision, Item, Loop, Passage, Policy, Review, Route
from hitl_core.store.judging import ledger

GOOD = '{"verdict": "yes", "confidence": 99, "problems": [], "reason": "The passage says so."}'
LABELLED = 80
INPUT_PRICE, OUTPUT_PRICE = Decimal("0.15"), Decimal("0.60")
_POLICY = """
[audit]
rate = 0.0
[judging]
tiers = [{{ judge = "cheap", accept_at = 0.9 }}]
min_precision = 0.9
deadline_seconds = 15
concurrency = 16
[judging.judges.cheap]
model = "openai/stub"
api_base = "{url}"
timeout_seconds = 2.0
[judging.prices.stub]
input = 0.15
output = 0.60
"""


@dataclass(frozen=True)
class Chaos:
    """What became of `items` outputs, a row per misbehaviour in `endings`; `problems` is empty when all is well."""

    items: int
    endings: dict[str, Counter[str]]
    attempts: int
    statuses: Counter[str]
    cost_usd: Decimal
    unknown_costs: int
    seconds: float
    problems: tuple[str, ...]


def run_chaos(url: str, *, copies: int = 3) -> Chaos:
    """Let each misbehaviour meet `copies` outputs in an empty database."""
    with running_stub(GOOD) as stub, Loop.open(url, Policy.from_toml(_POLICY.format(url=stub.url))) as loop:
        _certify(loop)
        # The figures are of the misbehaving calls only.
        before = len(stub.requests)
        items = [_item(f"{name}-{copy}", f"stub:{name}") for name in BEHAVIOURS for copy in range(copies)]
        loop.submit_many(items)
        began = time.perf_counter()
        loop.judges.judge_waiting(len(items))
        seconds = time.perf_counter() - began
        return _report(loop, stub, items, before, seconds)


def _certify(loop: Loop) -> None:
    """People approve what the judge judged; then its certificate is valid."""
    loop.submit(_item("first", "Is it so?"), judge="inline")  # the first call imports litellm and may time out
    loop.submit_many(_item(f"labelled-{number}", "Is it so?") for number in range(LABELLED))
    loop.judges.judge_waiting(LABELLED)
    while (task := loop.queue.claim("reviewer")) is not None:
        loop.queue.complete(task.token, Review(verdict="approve"))
    loop.judges.certify("cheap", project="default")
    time.sleep(2.1)  # a process remembers for two seconds what a certificate is worth


def _item(name: str, words: str) -> Item:
    passage = Passage(text=f"The notice is 30 days ({name}).", source=name)
    query = f"{words} What is the notice of {name}?"
    return Item(id=name, query=query, output="The notice is 30 days.", context=(passage,), confidence=0.7)


def _report(loop: Loop, stub: StubProvider, items: list[Item], before: int, seconds: float) -> Chaos:
    endings: dict[str, Counter[str]] = {}
    problems: list[str] = []
    for item in items:
        story = loop.story(item.id)
        endings.setdefault(item.id.rpartition("-")[0], Counter())[_ending(story.decision)] += 1
        said = loop.judges.verdicts(item.id)
        if story.decision.route is Route.AUTO_APPROVE and not any(each.accepted and each.certificate for each in said):
            problems.append(f"{item.id} went out without an accepted verdict")
    problems += [f"{name} still waits for a judge" for _, name in loop.judges.waiting()]
    waiting = sum(int(row["pending"]) for row in loop.counts().waiting if row["stage"] == "human")
    people = sum(count for found in endings.values() for name, count in found.items() if name.startswith("person"))
    if waiting != people:
        problems.append(f"{people} outputs are for people, but {waiting} tasks wait")
    calls, unknown, cost, statuses = _ledger(loop, {item.id for item in items}, problems)
    made = len(stub.requests) - before
    # On a busy machine an attempt can run out of time before its request is sent.
    if not 0 <= calls - made <= statuses["timeout"] + statuses["cancelled"]:
        problems.append(f"{made} requests were made, the ledger has {calls}")
    return Chaos(len(items), endings, calls, statuses, cost, unknown, seconds, tuple(problems))


def _ending(decision: Decision) -> str:
    if decision.route is Route.AUTO_APPROVE:
        return "let go by a certified judge"
    return f"person: {decision.reasons[-1]}"


def _ledger(loop: Loop, ids: set[str], problems: list[str]) -> tuple[int, int, Decimal, Counter[str]]:
    with loop.store.read() as tx:
        rows = [row for row in ledger.latest(tx, limit=100_000) if row["item_id"] in ids]
    cost = Decimal(0)
    for row in rows:
        if row["cost_usd"] is None:
            continue
        cost += row["cost_usd"]
        exact = (row["input_tokens"] * INPUT_PRICE + row["output_tokens"] * OUTPUT_PRICE) / 1_000_000
        if row["cost_usd"] != exact:
            problems.append(f"an attempt on {row['item_id']} costs {row['cost_usd']}, its tokens {exact}")
    unknown = sum(row["cost_usd"] is None for row in rows)
    return len(rows), unknown, cost, Counter(row["status"] for row in rows)


def _print(found: Chaos) -> None:
    for name, ends in found.endings.items():
        print(f"{name:16} " + ", ".join(f"{count} × {end}" for end, count in ends.items()))
    statuses = ", ".join(f"{name} {count}" for name, count in found.statuses.most_common())
    print(f"{found.items} outputs in {found.seconds:.1f} s, {found.attempts} attempts ({statuses})")
    print(
        f"cost {found.cost_usd} USD, exact by tokens; {found.unknown_costs} attempts without usage cost an unknown sum"
    )
    for problem in found.problems:
        print(f"PROBLEM: {problem}")
    print("nothing is stuck" if not found.problems else f"{len(found.problems)} problems")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=3, help="outputs for each misbehaviour")
    parser.add_argument("--database", help="URL of an empty database; default a temporary SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = run_chaos(given.database or f"sqlite:///{Path(folder) / 'chaos.db'}", copies=given.copies)
    _print(found)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
