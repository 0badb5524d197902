"""The trained scorer: regularised logistic regression over signals, kept as JSON and applied without any library.

Public: `Scorer`, `Score`, `FEATURES`, `features_of`. `fit_scorer` is in `fitting.py`. A scorer holds for the project it
was fitted on: carried to other data its ranking falls to chance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hitl_core.confidence.reasons import FAMILIES, family_text
from hitl_core.confidence.signals import Signals
from hitl_core.domain.errors import InputError

FORMAT = "hitl-scorer"
VERSION = 1
FEATURES = tuple(name for family in FAMILIES.values() for name in family)
# Counts and lengths enter as log(1 + x): the tenth new number says less than the first.
_COUNTS = frozenset({"novel_numbers", "novel_names", "copied_run", "output_words", "context_words"})
# Values further than this from the mean of the fitted rows, in standard deviations, count as that far.
_FURTHEST = 4.0
# Effects (in log-odds) smaller than this are not worth a sentence.
_WORTH_TELLING = 0.1
_MOST_REASONS = 4
_RARELY_MISSING = 0.05
_NEEDED = "coverage_1"

_IN_WORDS = {
    "coverage_1": "more of its words in the passages",
    "coverage_2": "more of its pairs of words in the passages",
    "coverage_3": "more of its triples of words in the passages",
    "support": "better support of its sentences",
    "unsupported_share": "more sentences without support",
    "novel_numbers": "more numbers not in any passage",
    "novel_names": "more names not in any passage",
    "copied_run": "a longer run of copied words",
    "copied_share": "more of it copied in one run",
    "output_words": "a longer output",
    "context_words": "longer passages",
    "negation_share": "more negation",
    "first_person_share": "more I and we",
    "query_overlap": "more of the query's words in it",
    "retrieval_mean": "higher retrieval scores",
    "retrieval_max": "a higher best retrieval score",
}


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer says about one item.

    Attributes:
        p: probability in [0, 1] that the output is right, None where it cannot say.
        reasons: in plain words, the strongest first.
        effects: how far each reason moves the log-odds from those of an average item; empty for the cold start.
    """

    p: float | None
    reasons: tuple[str, ...] = ()
    effects: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Scorer:
    """A fitted scorer: p = 1 / (1 + exp(-(intercept + Σ weight · (value - center) / scale))).

    Attributes:
        features: names of the signals it looks at.
        center, scale, weights: one number for each; a signal that is not there counts as its center.
        intercept: log-odds of an item that is average in everything.
        missing: share of the fitted rows that lacked the signal.
        penalty: strength of the L2 penalty, chosen by cross-validation.
        n, positives, groups: fitted rows, those labelled right, and the groups they came in.
        auroc, auroc_low, auroc_high: of out-of-fold scores, with its 95 % interval over groups.
        problem: why it is refused; empty where it is usable.
    """

    features: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    missing: tuple[float, ...]
    penalty: float
    n: int
    positives: int
    groups: int
    auroc: float
    auroc_low: float
    auroc_high: float
    problem: str = ""

    def __post_init__(self) -> None:
        rows = (self.center, self.scale, self.weights, self.missing)
        if any(len(row) != len(self.features) for row in rows) or not self.features:
            raise InputError("a scorer needs a center, a scale, a weight and a share missing for each of its features")
        if unknown := set(self.features) - set(FEATURES):
            raise InputError(f"a scorer looks at {sorted(unknown)[0]!r}, which is no signal of this program")
        numbers = [self.intercept, self.auroc, self.auroc_low, self.auroc_high, *(each for row in rows for each in row)]
        if not all(map(math.isfinite, numbers)) or min(self.scale) <= 0:
            raise InputError("a scorer's numbers must be finite and its scales above 0")

    @property
    def usable(self) -> bool:
        """Whether it ranks better than chance; one that does not is refused."""
        return not self.problem

    def score(self, signals: Signals) -> Score:
        """Return the probability that the output is right, and why.

        `p` is None where the item has no passages (or no words) and the fitted rows had them.

        Raises:
            InputError: the scorer was refused when it was fitted.
        """
        if not self.usable:
            raise InputError(f"this scorer was refused: {self.problem}")
        if self._lacks_passages(signals):
            return Score(None, ("there is no passage to compare with",))
        effects = self._effects(signals)
        log_odds = self.intercept + math.fsum(effects.values())
        told = _strongest(effects, signals)
        return Score(_expit(log_odds), tuple(text for _, text in told), tuple(effect for effect, _ in told))

    def describe(self) -> tuple[str, ...]:
        """Return its weights in words, the strongest first."""
        ranked = sorted(zip(self.weights, self.features, strict=True), key=lambda pair: -abs(pair[0]))
        return tuple(
            f"{_IN_WORDS[name]}: {'more' if weight > 0 else 'less'} likely right "
            f"({weight:+.2f} log-odds a standard deviation)"
            for weight, name in ranked
            if abs(weight) >= 0.005
        )

    def to_json(self) -> str:
        """Return the scorer as one line of JSON with sorted keys: equal scorers have equal text."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Scorer:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no scorer of this version, or its numbers make none.
        """
        try:
            content = json.loads(text)
        except (TypeError, ValueError) as error:
            raise InputError(f"a scorer must be JSON as written by to_json; {error}") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(f'this JSON is no scorer: "format" must be "{FORMAT}"')
        if content.get("version") != VERSION:
            raise InputError(f"this scorer has version {content.get('version')!r}; this program reads {VERSION}")
        return cls._from_mapping(content)

    @classmethod
    def _from_mapping(cls, content: Mapping[str, Any]) -> Scorer:
        rows = ("center", "scale", "weights", "missing")
        single = ("intercept", "penalty", "auroc", "auroc_low", "auroc_high")
        try:
            read: dict[str, Any] = {name: tuple(float(each) for each in content[name]) for name in rows}
            read |= {name: float(content[name]) for name in single}
            read |= {name: int(content[name]) for name in ("n", "positives", "groups")}
            features = tuple(str(each) for each in content["features"])
            return cls(features=features, problem=str(content["problem"]), **read)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this scorer is incomplete: {error}") from error

    def _lacks_passages(self, signals: Signals) -> bool:
        if signals.coverage_1 is not None or _NEEDED not in self.features:
            return False
        return self.missing[self.features.index(_NEEDED)] < _RARELY_MISSING

    def _effects(self, signals: Signals) -> dict[str, float]:
        effects = {}
        for name, value, center, scale, weight in zip(
            self.features, features_of(signals, self.features), self.center, self.scale, self.weights, strict=True
        ):
            distance = 0.0 if math.isnan(value) else (value - center) / scale
            effects[name] = weight * max(-_FURTHEST, min(_FURTHEST, distance))
        return effects


def features_of(signals: Signals, names: Sequence[str] = FEATURES) -> list[float]:
    """Return the values that enter the regression; NaN where a signal is not there."""
    found = []
    for name in names:
        value = getattr(signals, name)
        found.append(math.nan if value is None else math.log1p(value) if name in _COUNTS else float(value))
    return found


def _strongest(effects: Mapping[str, float], signals: Signals) -> list[tuple[float, str]]:
    """Signals that say the same are one reason: its effect is theirs together."""
    told = []
    for family, names in FAMILIES.items():
        effect = math.fsum(effects.get(name, 0.0) for name in names)
        if abs(effect) >= _WORTH_TELLING and (text := family_text(family, signals)) is not None:
            told.append((effect, text))
    return sorted(told, key=lambda pair: -abs(pair[0]))[:_MOST_REASONS]


def _expit(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-min(value, 700.0)))
    grown = math.exp(max(value, -700.0))
    return grown / (1 + grown)
