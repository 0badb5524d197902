"""The bench.

python -m evals.bench                 all parts, at most ten minutes
python -m evals.bench --large         a million pending tasks, 32 workers, import on both databases; half an hour
python -m evals.bench --only claim    one part; may be repeated

PostgreSQL: the database named in HITL_BENCH_POSTGRES_URL, else one that a checkout's tests can start.
Exit code: 0 also when an aim was missed (the table says so), 2 when a database could not be had.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from evals.bench.agreeing import measure_agreement
from evals.bench.calibrating import measure_calibration
from evals.bench.claiming import measure_claims
from evals.bench.fairness import measure_gate
from evals.bench.importing import measure_import
from evals.bench.judging import measure_judging
from evals.bench.measuring import measure_signals
from evals.bench.reporting.timing import measure_reporting
from evals.bench.results import Measure, Part, Setup
from evals.bench.submitting import measure_submit
from evals.bench.teaching import measure_few_shot
from evals.databases import BOTH, NoPostgresError, open_databases
from evals.figures import machine_facts, table

PARTS: dict[str, Measure] = {
    "submit": measure_submit,
    "signals": measure_signals,
    "claim": measure_claims,
    "gate": measure_gate,
    "few-shot": measure_few_shot,
    "import": measure_import,
    "agreement": measure_agreement,
    "calibration": measure_calibration,
    "judging": measure_judging,
    "reporting": measure_reporting,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that the command line names and print their tables."""
    given = _parser().parse_args(arguments)
    kinds = BOTH if given.database == "both" else (given.database,)
    facts, parts = machine_facts(), []
    try:
        with open_databases() as databases:
            for name in given.only or PARTS:
                began = time.monotonic()
                print(f"{name} …", file=sys.stderr, end=" ", flush=True)
                parts += PARTS[name](Setup(databases, kinds, given.large, given.scale))
                print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    except NoPostgresError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(report(facts, parts))
    if given.json:
        given.json.write_bytes(orjson.dumps(as_json(facts, parts), option=orjson.OPT_INDENT_2))
    return 0


def report(facts: dict[str, str], parts: Sequence[Part]) -> str:
    """Return the machine's facts, each part's table, and the aims with met or missed."""
    lines = [*(f"- {name}: {value}" for name, value in facts.items()), ""]
    for part in parts:
        lines += [table(part.title, part.header, part.rows), *part.notes, *([""] if part.notes else [])]
    aims = [
        [aim.text, aim.value, f"< {aim.limit:g}", "met" if aim.met else "MISSED"] for part in parts for aim in part.aims
    ]
    return "\n".join([*lines, table("Aims", ("aim", "figure", "limit", ""), aims)])


def as_json(facts: dict[str, str], parts: Sequence[Part]) -> dict[str, object]:
    """Return the same for a program."""
    return {
        "machine": facts,
        "parts": [
            {
                "title": part.title,
                "header": list(part.header),
                "rows": part.rows,
                "aims": [{**aim._asdict(), "met": aim.met} for aim in part.aims],
            }
            for part in parts
        ],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true", help="a million pending tasks and 32 workers")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--database", choices=(*BOTH, "both"), default="both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes; for trying the bench itself")
    return parser


if __name__ == "__main__":
    sys.exit(main())
