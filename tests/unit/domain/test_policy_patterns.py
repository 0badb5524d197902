"""Regular expressions: what could run away is refused, what remains is fast on the worst text."""

from __future__ import annotations

import time

import pytest

from hitl_core.domain.patterns import MAX_PATTERN, MAX_SEARCHED, Pattern


@pytest.mark.parametrize(
    "source",
    [
        r"(a+)+$",
        r"(a*)*b",
        r"(a|aa)+$",
        r"(a|a?)+$",
        r"(.*a){12}",
        r"([a-z]+)*\d",
        r"((ab?)c)*d",
        r"(?:x{1,5}){2,}",
        r"(a)\1+",
        r"(?=(a+)+)b",
        r"a*a*a*b",
        r".*.*.*=.*",
        "a?" * 30 + "a" * 30,
        "(a|aa)" * 20 + "b",
        "a" * (MAX_PATTERN + 1),
        "(",
        "a{99999999999}",
    ],
)
def test_patterns_that_run_away_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"too long|not a regular expression|at most"):
        Pattern(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\b(diagnos\w*|prescri\w*)", "a DIAGNOSIS"),
        (r"^\s*$", "  \n"),
        (r"(?i:iban)\s*[A-Z]{2}\d{2}", "IBAN DE44"),
        (r"(?:ab){2,}", "xababx"),
        (r"[aeiou]{3}", "queue"),
        (r"colou?rs?", "Color"),
        (r"(?<!not )safe", "is safe"),
        (r"\d{1,3}(?:\.\d{2})? ?usd", "120.50 USD"),
        (r"sue.{0,100}bank", "sue my bank"),
    ],
)
def test_ordinary_patterns_work(source: str, text: str) -> None:
    assert Pattern(source).search(text) is True
    assert Pattern(source).search("~") is False


def test_what_was_not_searched_is_unknown() -> None:
    pattern = Pattern(r"a+b")
    assert pattern.searched == 10_000
    assert Pattern(r"a+b*").searched == 1_000
    assert Pattern(r"tax|law").searched == MAX_SEARCHED
    assert Pattern(r"sue\s+(tax|law|fine)").searched == 10_000
    assert Pattern(r"sue\s+(tax|law|tip|lie)").searched == 7_071
    assert pattern.search("x" * 20_000) is None
    assert pattern.search("ab" + "x" * 20_000) is True
    assert Pattern("needle").search("x" * 200_000 + "needle") is True


@pytest.mark.parametrize("source", [r"a+b", r"a*a*b", r"(?:a{0,50})b", r"a{0,7}a{0,7}a{0,7}b"])
def test_the_worst_text_is_done_in_seconds(source: str) -> None:
    pattern = Pattern(source)
    started = time.process_time()
    assert pattern.search("a" * pattern.searched) is False
    assert time.process_time() - started < 5
