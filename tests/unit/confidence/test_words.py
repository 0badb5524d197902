from __future__ import annotations

import pytest

from hitl_core.confidence.words import names, numbers, words


def test_words_fold_case_plural_spelled_numbers_and_grouping() -> None:
    assert words("Fees of $1,200.50, thirty Tenants' fees") == ["fee", "of", "1200.5", "30", "tenant", "fee"]


def test_scripts_without_spaces_become_pairs() -> None:
    assert words("東京都 is") == ["東京", "京都", "is"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200 and 3.50", ["1200", "3.5"]),
        ("1.234.567 vs 1,5", ["1234567", "1.5"]),
        ("2. Pay 007 [3] now [1, 2]", ["7"]),
        ("0.0 then 10.00", ["0", "10"]),
        ("v1.2.3", ["12.3"]),
    ],
)
def test_numbers(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


def test_names_skip_the_first_word_but_keep_acronyms() -> None:
    assert names("Tenants of Acme and the EU") == ["Acme", "EU"]
    assert names("NASA launched Apollo") == ["NASA", "Apollo"]
