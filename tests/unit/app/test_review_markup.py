from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.components.answer import MEANING, answer
from app.components.edit_box import CHANGED_CHARS, KEPT_CHARS, pieces
from app.components.evidence import evidence, order_of
from app.components.feedback import read
from app.components.standing import next_steps, verdicts, wilson
from app.components.state_strip import ago, strip
from hitl_core import Item, Loop, Passage
from hitl_core.confidence.support import mark_support
from hitl_core.domain.clock import ManualClock

PASSAGES = (Passage(text="Cats sleep.", retrieval_score=0.9), Passage(text="Notice is 30 days.", source="a<b>"))
OUTPUT = "Notice is 30 days. Dogs bark at 21 cats."
MARKS = mark_support(OUTPUT, [passage.text for passage in PASSAGES])


def test_marks_say_in_form_and_words_what_was_not_found() -> None:
    shown = answer(OUTPUT, MARKS, everything=False)
    assert '<span class="s-unsupported"' in shown
    assert "⚠" in shown
    assert "Not in any passage: 21" in shown
    assert MEANING in shown


def test_a_change_in_a_huge_text_is_shown_without_all_that_stayed() -> None:
    before = "".join(f"word{number} " for number in range(20_000))
    shown = pieces(before, before + "and one more")
    assert "<ins>and one more</ins>" in shown
    assert "word19999 " in shown
    assert "characters …" in shown
    assert len(shown) < 2 * KEPT_CHARS
    rewritten = pieces(before, "x" * 100_000)
    assert len(rewritten) < 3 * CHANGED_CHARS


def test_text_is_shown_while_marks_are_missing() -> None:
    assert "Notice is 30 days." in answer(OUTPUT, None, everything=False)


def test_a_huge_answer_is_shortened_and_says_so() -> None:
    shown = answer("x" * 1_000_000, None, everything=False)
    assert len(shown) < 30_000
    assert "980,000 more characters" in shown


def test_best_evidence_comes_before_the_retrieval_score() -> None:
    assert order_of(PASSAGES, MARKS) == [1, 0]
    assert order_of(PASSAGES, ()) == [0, 1]
    shown = evidence(PASSAGES, MARKS, everything=False)
    assert shown.index("[2]") < shown.index("[1]")
    assert '<mark class="ev">Notice is 30 days.</mark>' in shown
    assert "a&lt;b&gt;" in shown


def test_an_item_without_passages_says_so() -> None:
    assert "without passages" in evidence((), (), everything=False)


@pytest.mark.parametrize("blind", [False, True])
def test_a_blind_task_shows_neither_route_nor_confidence(loop: Loop, clock: ManualClock, blind: bool) -> None:
    task = loop.queue.claim("ana")
    assert task is not None
    shown = strip(task.model_copy(update={"blind": blind}), clock.now(), waiting=3, reviewer="<ana>")
    for word in ("route", "rules", "confidence", "priority"):
        assert (word in shown) is not blind
    assert "&lt;ana&gt;" in shown


def test_overdue_stands_out(loop: Loop, clock: ManualClock) -> None:
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.due_at is not None
    late = strip(task, task.due_at + timedelta(hours=3), waiting=0, reviewer="ana")
    assert "overdue by <b>3 h 0 min</b>" in late


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0.5, "under 1 min"), (59, "59 min"), (125, "2 h 5 min"), (2885, "2 d 0 h")]
)
def test_ago(minutes: float, shown: str) -> None:
    assert ago(timedelta(minutes=minutes)) == shown


def test_wilson_by_hand() -> None:
    # 8 of 10: centre (0.8 + 3.8415/20) / 1.38415, half-width 1.96·sqrt(0.016 + 3.8415/400) / 1.38415.
    assert list(wilson(8, 10)) == pytest.approx([0.4902, 0.9433], abs=1e-3)


def test_too_few_reviews_show_no_rate() -> None:
    assert "from 20 on" in verdicts({"approve": 3}, fewest=20)
    assert "n = 40" in verdicts({"approve": 30, "edit": 10}, fewest=20)


def test_the_lead_is_told_what_to_do() -> None:
    row = {"stage": "human", "expertise": "legal<", "pending": 3, "claimed": 0, "overdue": 2, "oldest_at": None}
    said = next_steps([row])
    assert "2 overdue" in said
    assert "legal&lt;" in said
    assert "Nothing waits" in next_steps([])


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ({"type": "thumbs", "score": "👎", "text": "no"}, (False, "no")),
        ({"type": "thumbs", "score": "👍", "text": None}, (True, "")),
        ({"score": "<script>"}, None),
        (None, None),
        ("👍", None),
    ],
)
def test_feedback_takes_thumbs_only(sent: object, read_as: object) -> None:
    assert read(sent) == read_as


def test_synthetic_items_are_marked(clock: ManualClock, sqlite_url: str) -> None:
    with Loop.open(sqlite_url, clock=clock) as loop:
        loop.submit(Item(query="q", output="o", confidence=0.1, metadata={"synthetic": True}))
        task = loop.queue.claim("ana")
        assert task is not None
        assert "synthetic demo data" in strip(task, datetime(2026, 5, 1, 10, tzinfo=UTC), waiting=0, reviewer="a")
