"""What signals say, in plain words with the numbers in them.

Public: `reasons_for`, `FAMILIES`, `family_text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hitl_core.confidence.signals import Signals, compute_signals
from hitl_core.domain.records import Decision, Item

# Signals that say the same thing are told once.
FAMILIES: dict[str, tuple[str, ...]] = {
    "numbers": ("novel_numbers",),
    "names": ("novel_names",),
    "support": ("support", "unsupported_share"),
    "coverage": ("coverage_1", "coverage_2", "coverage_3"),
    "copied": ("copied_run", "copied_share"),
    "query": ("query_overlap",),
    "retrieval": ("retrieval_mean", "retrieval_max"),
    "negation": ("negation_share",),
    "first_person": ("first_person_share",),
    "length": ("output_words", "context_words"),
}
_COVERED_BELOW = 0.6


def reasons_for(found: Item | Decision | Signals | Mapping[str, Any]) -> tuple[str, ...]:
    """Return what stands out about an output, without a fitted scorer.

    Args:
        found: signals, what a decision stored of them, the decision, or an item, which is then measured.

    Returns:
        Sentences such as "2 numbers not in any passage: 1987, 42"; empty where nothing stands out. When a scorer
        was used, its reasons are stored with the signals and are returned instead.
    """
    if isinstance(found, Item):
        return _standing_out(compute_signals(found))
    if isinstance(found, Signals):
        return _standing_out(found)
    stored = (found.signals or {}) if isinstance(found, Decision) else found
    if isinstance(told := stored.get("scorer_reasons"), list | tuple):
        return tuple(map(str, told))
    return _standing_out(Signals.from_mapping(stored)) if stored else ()


def family_text(family: str, signals: Signals) -> str | None:
    """Return what the signals say about one of the `FAMILIES`; None where that was not measured."""
    if all(getattr(signals, name) is None for name in FAMILIES[family]):
        return None
    return _TEXTS[family](signals)


def _standing_out(signals: Signals) -> tuple[str, ...]:
    if signals.coverage_1 is None:
        return ("there is no passage to compare with",) if signals.output_words else ("the output has no words",)
    wanted = [family for family in ("numbers", "names") if getattr(signals, FAMILIES[family][0])]
    if signals.unsupported_share:
        wanted.append("support")
    if signals.coverage_1 < _COVERED_BELOW:
        wanted.append("coverage")
    return tuple(text for family in wanted if (text := family_text(family, signals)) is not None)


def _missing(count: int | None, what: str, listed: tuple[str, ...]) -> str:
    if not count:
        return f"no {what} that is neither in a passage nor in the query"
    named = ", ".join(listed) + (", …" if count > len(listed) else "")
    return f"{count} {what}{'s' if count > 1 else ''} not in any passage: {named}"


def _percent(share: float | None) -> str:
    rounded = f"{100 * (share or 0.0):.0f} %"
    if rounded == "100 %" and share != 1:
        return "over 99 %"
    return "under 1 %" if rounded == "0 %" and share else rounded


def _support(signals: Signals) -> str:
    text = f"{_percent(signals.unsupported_share)} of the sentences have no support in a passage"
    return text if signals.support is None else f"{text} (mean support {signals.support:.2f})"


def _retrieval(signals: Signals) -> str:
    return f"the passages' retrieval scores are {signals.retrieval_mean or 0.0:.3g} on average"


_TEXTS: dict[str, Callable[[Signals], str]] = {
    "numbers": lambda found: _missing(found.novel_numbers, "number", found.numbers_listed),
    "names": lambda found: _missing(found.novel_names, "name", found.names_listed),
    "support": _support,
    "coverage": lambda found: f"{_percent(found.coverage_1)} of the words are in the passages",
    "copied": lambda found: (
        f"the longest run copied from a passage is {found.copied_run} word{'' if found.copied_run == 1 else 's'}"
    ),
    "query": lambda found: f"{_percent(found.query_overlap)} of the query's words are in the output",
    "retrieval": _retrieval,
    "negation": lambda found: f"{_percent(found.negation_share)} of the words negate",
    "first_person": lambda found: f"{_percent(found.first_person_share)} of the words are I or we",
    "length": lambda found: f"the output has {found.output_words} words, the passages {found.context_words}",
}
