"""An evaluator's own run without code: a TOML file or options name the data, the target and the scorers."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.harness.cases import Dataset
from evals.harness.offline import ConfidenceScorer, Recorded
from evals.harness.reading import read_dataset
from evals.harness.scorers import Scorer as CaseScorer
from evals.harness.scorers import find_scorer
from evals.harness.targets import Given, Router, Target
from evals.running.judges import one_judge, whole_cascade
from hitl_core.confidence.scorer import Scorer
from hitl_core.domain.errors import InputError, did_you_mean
from hitl_core.domain.policy import Policy

KEYS = ("name", "dataset", "target", "scorers", "policy", "map", "scorer", "column", "judge", "accept_at")


@dataclass(frozen=True)
class OwnRun:
    """Data, target and scorers of a run over an own file."""

    name: str
    data: Dataset
    target: Target
    scorers: Mapping[str, CaseScorer]


@dataclass(frozen=True)
class Wanted:
    """What was asked for, from a TOML file or from options.

    Attributes:
        dataset: JSONL, CSV or Parquet file.
        name: of the run; by default the file's.
        target: one of `TARGETS`.
        scorers: names; by default what the data allows.
        map: field to column.
        policy: policy file, for router and judge.
        options: further keys a target understands.
        folder: of the run, where the calls of models are kept.
    """

    dataset: Path
    name: str = ""
    target: str = "given"
    scorers: Sequence[str] = ()
    map: Mapping[str, str] = field(default_factory=dict)
    policy: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()


def _router(wanted: Wanted) -> Target:
    _only(wanted)
    return Router(_policy(wanted))


def _given(wanted: Wanted) -> Target:
    _only(wanted)
    return Given()


def _scorer(wanted: Wanted) -> Target:
    _only(wanted, "scorer", "accept_at")
    path = wanted.options.get("scorer")
    fitted = None if path is None else Scorer.from_json(_text(Path(str(path))))
    return ConfidenceScorer(fitted, _probability(wanted, "accept_at"))


def _recorded(wanted: Wanted) -> Target:
    _only(wanted, "column", "accept_at")
    column = str(wanted.options.get("column") or "")
    if not column:
        raise InputError("the target recorded needs the column of the verdicts: --option column=NAME")
    return Recorded(column, _probability(wanted, "accept_at"))


def _judge(wanted: Wanted) -> Target:
    _only(wanted, "judge", "accept_at")
    name = str(wanted.options.get("judge") or "")
    if not name:
        raise InputError("the target judge needs a judge or committee of the policy: --option judge=NAME")
    return one_judge(_policy(wanted), name, _probability(wanted, "accept_at"), wanted.folder)


def _cascade(wanted: Wanted) -> Target:
    _only(wanted)
    return whole_cascade(_policy(wanted), wanted.folder)


TARGETS: dict[str, Callable[[Wanted], Target]] = {
    "cascade": _cascade,
    "given": _given,
    "judge": _judge,
    "recorded": _recorded,
    "router": _router,
    "scorer": _scorer,
}


def read_toml(path: Path) -> Wanted:
    """Read a run from a TOML file; paths in it are relative to it.

    Raises:
        InputError: the file cannot be read, a key is unknown or missing.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    for key in body:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key {key!r}{did_you_mean(key, KEYS)}; keys: {', '.join(KEYS)}")
    if not isinstance(body.get("dataset"), str):
        raise InputError(f'{path}: say dataset = "FILE"')
    scorers = body.get("scorers", [])
    mapping = body.get("map", {})
    if not isinstance(mapping, dict) or not isinstance(scorers, list):
        raise InputError(f'{path}: scorers is a list such as ["label"], map a table such as query = "question"')
    policy = body.get("policy")
    known = {"name", "dataset", "target", "scorers", "policy", "map"}
    return Wanted(
        dataset=path.parent / body["dataset"],
        name=str(body.get("name", path.stem)),
        target=str(body.get("target", "given")),
        scorers=[str(each) for each in scorers],
        map={str(key): str(value) for key, value in mapping.items()},
        policy=None if policy is None else path.parent / str(policy),
        options={key: value for key, value in body.items() if key not in known},
    )


def parse_options(texts: Sequence[str], option: str) -> dict[str, str]:
    """Turn `["KEY=VALUE"]` into a dict.

    Raises:
        InputError: a part has no `=`.
    """
    found = {}
    for text in filter(None, (each.strip() for each in texts)):
        key, separator, value = (side.strip() for side in text.partition("="))
        if not separator or not key or not value:
            raise InputError(f"{option} {text!r}: expected {'FIELD=COLUMN' if option == '--map' else 'KEY=VALUE'}")
        found[key] = value
    return found


def prepare(wanted: Wanted) -> OwnRun:
    """Read the data and set up target and scorers.

    Raises:
        InputError: something that was named is not there or cannot be used.
    """
    if wanted.target not in TARGETS:
        hint = did_you_mean(wanted.target, TARGETS)
        raise InputError(f"no target {wanted.target!r}{hint}; there are: {', '.join(TARGETS)}")
    data = read_dataset(wanted.dataset, wanted.map, wanted.name)
    target = TARGETS[wanted.target](wanted)
    names = list(wanted.scorers) or fitting_scorers(data, wanted.target)
    if not names:
        raise InputError(
            f"{wanted.dataset}: nothing to score against; map people's verdict (--map label=COLUMN) "
            "or a good answer (--map reference=COLUMN)"
        )
    return OwnRun(data.name, data, target, {name: find_scorer(name) for name in names})


def fitting_scorers(data: Dataset, target: str) -> list[str]:
    """The scorers that the data allows: label where people judged, exact and contains for texts with a reference."""
    found = []
    if data.frame["label"].null_count() < data.n:
        found.append("correct" if target == "given" else "label")
    if target == "given" and data.frame["reference"].null_count() < data.n:
        found += ["exact", "contains"]
    return found


def _policy(wanted: Wanted) -> Policy:
    if wanted.policy is None:
        raise InputError(f"the target {wanted.target} needs a policy: --policy FILE (hitl policy show prints one)")
    return Policy.load(wanted.policy)


def _only(wanted: Wanted, *known: str) -> None:
    for key in wanted.options:
        if key not in known:
            told = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"the target {wanted.target} has no option {key!r}{did_you_mean(key, known)}; {told}")


def _probability(wanted: Wanted, key: str) -> float:
    given = wanted.options.get(key, 0.5)
    try:
        found = float(given)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 <= found <= 1:
        raise InputError(f"{key} = {given!r}: expected a number from 0 to 1")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
