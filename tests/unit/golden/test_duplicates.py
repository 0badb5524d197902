"""When two examples say the same."""

import numpy as np
import pytest

from hitl_core.domain.records import GoldenExample
from hitl_core.golden.duplicates import close_pairs, may_be_same

SENTENCE = "A refund is due within 30 days of the return, paid to the card that was used for the purchase"


@pytest.mark.parametrize(
    ("output", "same"),
    [
        (SENTENCE, True),
        (SENTENCE.upper() + "!", True),
        (SENTENCE.replace("the card", "that card"), True),
        (SENTENCE.replace("30", "60"), False),
        (SENTENCE.replace("is due", "is not due"), False),
        (SENTENCE.replace("is due", "isn't due"), False),
        (SENTENCE + " unless it was a gift", False),
        (SENTENCE + ". Ask the shop for a form, fill it in and send it to the office by mail", False),
        ("", False),
    ],
)
def test_figures_negations_and_additions_forbid_a_merge(output: str, same: bool) -> None:
    first = GoldenExample(query="When is it due?", output=SENTENCE)
    assert may_be_same(GoldenExample(query="when is it due", output=output), first) is same


@pytest.mark.parametrize("other", [{"project": "b"}, {"domain": "law"}, {"query": "When is 1 due?"}])
def test_other_projects_domains_and_questions_stay_apart(other: dict[str, str]) -> None:
    fields = {"query": "When is it due?", "output": SENTENCE}
    assert not may_be_same(GoldenExample(**fields), GoldenExample(**(fields | other)))


def test_only_cosines_above_the_bound_are_close() -> None:
    angle = np.arccos(np.array([0.979, 0.981]))
    turned = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    assert close_pairs(np.tile(np.array([[1, 0]], dtype=np.float32), (2, 1)), turned) == [False, True]
