"""Scorer: what an output is worth; a bool is right or wrong, a float a score, a text a label."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evals.harness.cases import Case
from evals.harness.targets import Output
from hitl_core.domain.errors import InputError, did_you_mean

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Several good answers in one cell stand apart by one of these.
_BETWEEN = re.compile(r"\s*[|/]\s*")


@dataclass(frozen=True)
class Score:
    """A value with its reason; value None where the case has nothing to hold the output against."""

    value: bool | float | str | None
    reason: str = ""


Scorer = Callable[[Case, Output], Score]
"""Scores an output. What it raises is recorded as this score's error; the run goes on."""


def label(case: Case, output: Output) -> Score:
    """Whether accepting (or not) was what people's label says: accepted and right, or held back and wrong."""
    if not isinstance(case.expected, bool) or output.accepted is None:
        return Score(None, "no label" if output.accepted is not None else "the target accepts or refuses nothing")
    told = "accepted" if output.accepted else "held back"
    return Score(output.accepted == case.expected, f"{told}, people say {'right' if case.expected else 'wrong'}")


def correct(case: Case, output: Output) -> Score:
    """People's label of the output itself, whatever the target did with it: for coverage and risk."""
    del output
    return Score(case.expected, "") if isinstance(case.expected, bool) else Score(None, "no label")


def exact(case: Case, output: Output) -> Score:
    """Whether the text equals one of the references; case, punctuation and articles do not count (SQuAD's rule)."""
    found = references(case)
    if not found:
        return Score(None, "no reference")
    said = normalised(output.value)
    return Score(said in {normalised(each) for each in found}, f"{said!r} against {len(found)} references")


def contains(case: Case, output: Output) -> Score:
    """Whether one of the references stands in the text, word by word; same rule as `exact`."""
    found = [normalised(each) for each in references(case)]
    if not any(found):
        return Score(None, "no reference")
    said = f" {normalised(output.value)} "
    hit = next((each for each in found if each and f" {each} " in said), None)
    return Score(hit is not None, f"has {hit!r}" if hit is not None else "has none of the references")


def overlap(case: Case, output: Output) -> Score:
    """Token F1 against the best reference, in [0, 1] (SQuAD's rule)."""
    found = references(case)
    if not found:
        return Score(None, "no reference")
    return Score(max(_f1(normalised(output.value).split(), normalised(each).split()) for each in found))


def value(case: Case, output: Output) -> Score:
    """The target's value as a label: for confusion tables."""
    del case
    return Score(str(output.value))


SCORERS: dict[str, Scorer] = {
    "label": label,
    "correct": correct,
    "exact": exact,
    "contains": contains,
    "overlap": overlap,
    "value": value,
}


def find_scorer(name: str) -> Scorer:
    """The scorer of a name.

    Raises:
        InputError: there is none.
    """
    if name not in SCORERS:
        raise InputError(f"no scorer {name!r}{did_you_mean(name, SCORERS)}; there are: {', '.join(SCORERS)}")
    return SCORERS[name]


def references(case: Case) -> list[str]:
    """The texts an output may be held against: the reference whole, and its parts where `|` or `/` divide it."""
    text = case.inputs.get("reference")
    if text is None and isinstance(case.expected, str):
        text = case.expected
    if text is None or not str(text).strip():
        return []
    return list(dict.fromkeys([str(text), *filter(None, _BETWEEN.split(str(text)))]))


def normalised(text: Any) -> str:
    """Lower case, without punctuation, articles and doubled spaces."""
    bare = str("" if text is None else text).casefold().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def _f1(said: list[str], wanted: list[str]) -> float:
    common = sum(min(said.count(word), wanted.count(word)) for word in set(said))
    return 2 * common / (len(said) + len(wanted)) if said or wanted else 1.0
