"""The soak: many workers against one database, killed at random; nothing may be lost or done twice.

python -m evals.soak                     20,000 tasks, 32 workers, 5 s lease, on SQLite and PostgreSQL
python -m evals.soak --short             2,000 tasks, 8 workers, 2 s lease; for CI
python -m evals.soak --overlap 3         three opinions on each item: never a fourth, never one person's twice

PostgreSQL: the database named in HITL_BENCH_POSTGRES_URL, else one that a checkout's tests can start.
Exit code: 0 every promise kept, 1 a violation, 2 a database could not be had.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from evals.databases import BOTH, NoPostgresError, open_databases
from evals.figures import machine_facts, table
from evals.soak_run import Plan, SoakResult, run_soak

FULL = Plan(20_000, 32, 5.0, kill_seconds=0.7, dawdle_share=0.004, stall_seconds=60, seed=1)
SHORT = Plan(2_000, 8, 2.0, kill_seconds=0.35, dawdle_share=0.005, stall_seconds=30, seed=1)
PROMISES = {
    "double_leases": "items under two valid leases at once",
    "double_grants": "versions of a task handed out twice",
    "lost_reviews": "acknowledged reviews lost or changed",
    "lost_undos": "acknowledged undos lost",
    "duplicate_reviews": "tasks with two effective reviews",
    "missing_events": "reviews without their event, or events without their review",
    "stuck_tasks": "tasks stuck at the end",
    "overshoots": "items with more opinions than wanted",
    "repeats": "items with two opinions of one person",
    "unsettled": "items that nobody settled",
    "errors": "unexpected errors",
}
SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak as the command line says and print its figures."""
    given = _parser().parse_args(arguments)
    plan = _plan(given)
    kinds = BOTH if given.database == "both" else (given.database,)
    results = []
    try:
        with open_databases() as databases:
            for kind in kinds:
                with databases.empty(kind) as url:
                    print(f"{kind}: {plan.tasks:,} tasks, {plan.workers} workers …", file=sys.stderr, flush=True)
                    results.append(run_soak(kind, url, plan))
    except NoPostgresError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    print(report(results))
    return 0 if all(each.passed for each in results) else 1


def report(results: Sequence[SoakResult]) -> str:
    """Return the promises and the figures as tables, with the first few violations of each kind."""
    kinds = [each.kind for each in results]
    broken = [[text, *(len(getattr(each.findings, name)) for each in results)] for name, text in PROMISES.items()]
    broken.append(["workers that fell over by themselves", *(each.crashes for each in results)])
    integrity = "integrity: " + ", ".join(f"{each.kind} {each.integrity}" for each in results)
    figures = [[name, *(each.figures[name] for each in results)] for name in results[0].figures]
    examples = [
        f"{each.kind}: {text}: {line}"
        for each in results
        for name, text in PROMISES.items()
        for line in getattr(each.findings, name)[:SHOWN]
    ]
    verdict = "passed" if all(each.passed for each in results) else "FAILED"
    return "\n".join(
        [
            *(f"{name}: {value}" for name, value in machine_facts().items()),
            "",
            table("Soak: violations (0 is the promise)", ["", *kinds], broken),
            table("Soak: figures", ["", *kinds], figures),
            integrity,
            *examples,
            f"soak {verdict}",
        ]
    )


def _plan(given: argparse.Namespace) -> Plan:
    plan = SHORT if given.short else FULL
    named = {"tasks": given.tasks, "workers": given.workers, "seed": given.seed, "lease_seconds": given.lease}
    named["overlap"] = given.overlap
    return plan._replace(**{name: value for name, value in named.items() if value is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="the short form for CI")
    parser.add_argument("--database", choices=(*BOTH, "both"), default="both")
    parser.add_argument("--tasks", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--lease", type=float, metavar="SECONDS")
    parser.add_argument("--overlap", type=int, metavar="OPINIONS", help="opinions wanted on each item")
    parser.add_argument("--seed", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main())
