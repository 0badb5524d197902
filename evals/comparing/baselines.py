"""Baselines: a result as a file to compare with later, with figures and case ids and none of the data's texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from evals.running.folder import RESULTS, Part, RunFolder, read_json, read_part, write_json
from evals.suite import SuiteResult, as_json, from_json
from hitl_core.domain.errors import InputError

DIGITS = 5
# A text column with more or longer values than a slice has is somebody's text and stays out.
MOST_VALUES, MOST_CHARACTERS = 50, 40


def export(part: Part, manifest: Mapping[str, Any], folder: Path) -> Path:
    """Write a part as a baseline and return its file.

    Raises:
        InputError: the file cannot be written.
    """
    result = part.result
    cases = None if result.cases is None else bare_cases(result.cases)
    bare = SuiteResult(result.suite, result.measures, cases=cases)
    body = as_json(bare)
    columns = {} if cases is None else {name: cases[name].to_list() for name in cases.columns}
    kept = {name: manifest[name] for name in ("at", "code", "seed", "python") if name in manifest}
    facts = {"baseline": 1, "suite": result.suite, "manifest": kept, "key": dict(part.key)}
    return write_json(folder / f"{result.suite}.json", {**facts, "measures": body["measures"], "cases": columns})


def bare_cases(cases: pl.DataFrame) -> pl.DataFrame:
    """Case ids, groups, slices, and rounded values; every other text column is left out."""
    kept = [name for name in cases.columns if name in ("case_id", "group") or not _is_text(cases[name])]
    floats = [name for name in kept if cases[name].dtype.is_float()]
    return cases.select(kept).with_columns(pl.col(floats).round(DIGITS))


def load_results(path: Path) -> dict[str, SuiteResult]:
    """The results under a path by suite: a run's folder, the file of one result, a baseline, or a folder of baselines.

    Raises:
        InputError: there is nothing of the kind.
    """
    if path.is_file():
        found = _read(path)
        return {found.suite: found}
    if (path / RESULTS).is_dir():
        return {part.result.suite: part.result for part in RunFolder(path).parts()}
    files = sorted(path.glob("*.json")) if path.is_dir() else []
    if not files:
        raise InputError(f"{path} is neither a run's folder, a baseline, nor a folder of baselines")
    results = [_read(each) for each in files]
    return {each.suite: each for each in results}


def _read(path: Path) -> SuiteResult:
    body = read_json(path)
    if "baseline" not in body:
        return read_part(path).result
    cases = body.get("cases") or {}
    rows = pl.DataFrame(cases).to_dicts() if cases else []
    return from_json({**body, "tables": [], "drawings": [], "notes": [], "cases": rows})


def _is_text(values: pl.Series) -> bool:
    if values.dtype == pl.String:
        longest = values.str.len_chars().max()
        return values.n_unique() > MOST_VALUES or (isinstance(longest, int) and longest > MOST_CHARACTERS)
    return not (values.dtype.is_numeric() or values.dtype == pl.Boolean)
