"""NUL and lone surrogates are refused by the name of the argument, on both databases and before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_core import InputError, Loop, Policy

Call = Callable[[Loop, str], Any]
CALLS: dict[str, Call] = {
    "actor": lambda loop, bad: Loop.open(loop.store.address, actor=bad),
    "reviewer": lambda loop, bad: loop.queue.claim(bad),
    "project": lambda loop, bad: loop.queue.claim("ana", project=bad),
    "task_id": lambda loop, bad: loop.queue.draft(bad, "ana"),
    "task token": lambda loop, bad: loop.queue.heartbeat(f"x.{bad}"),
    "item_id": lambda loop, bad: loop.wait(bad, 0),
    "project of an outcome": lambda loop, bad: loop.outcome("a", project=bad),
    "project of the latest": lambda loop, bad: loop.latest(project=bad),
    "reviewer of the reviews": lambda loop, bad: loop.latest_reviews(reviewer=bad),
    "project of the counts": lambda loop, bad: loop.counts(project=bad),
    "reason": lambda loop, bad: loop.publish(Policy(), reason=bad),
    "reason of a retirement": lambda loop, bad: loop.golden.retire("x", bad),
    "id of an example": lambda loop, bad: loop.golden.retire(bad),
    "project of an example": lambda loop, bad: loop.golden.add("q", "o", project=bad),
    "reasons": lambda loop, bad: loop.golden.add("q", "o", reasons=[bad]),
    "before": lambda loop, bad: loop.golden.list(before=bad),
    "project to count": lambda loop, bad: loop.golden.count(project=bad),
    "domain": lambda loop, bad: loop.golden.few_shot("q", domain=bad, method="words"),
    "exclude_item": lambda loop, bad: loop.golden.few_shot("q", exclude_item=bad, method="words"),
    "instructions": lambda loop, bad: loop.golden.messages("q", instructions=bad, method="words"),
    "path": lambda loop, bad: loop.publish(bad, reason="r"),
}
NAMES = {"task token": "task token", "path": "cannot read the policy", "id of an example": "id"}


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"], ids=["nul", "surrogate"])
@pytest.mark.parametrize("what", CALLS)
def test_unclean_text_is_refused_by_name(loop: Loop, what: str, bad: str) -> None:
    with pytest.raises(InputError, match=NAMES.get(what, what.split()[0])):
        CALLS[what](loop, bad)


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"], ids=["nul", "surrogate"])
def test_notes_of_a_reviewer_are_refused_by_name(loop: Loop, submit: Callable[..., Any], bad: str) -> None:
    submit("a")
    task = loop.queue.claim("ana")
    assert task is not None
    with pytest.raises(InputError, match=r"^reason contains"):
        loop.queue.skip(task.token, bad)
    with pytest.raises(InputError, match=r"^output contains"):
        loop.queue.save_draft(task.token, output=bad)
    with pytest.raises(InputError, match=r"^comment contains"):
        loop.queue.save_draft(task.token, comment=bad)
    with pytest.raises(InputError, match=r"^reason contains"):
        loop.queue.escalate(task.token, bad)


def test_a_name_that_is_no_text_and_a_stage_that_is_none_are_refused(loop: Loop) -> None:
    with pytest.raises(InputError, match="item_id is a int, expected text"):
        loop.outcome(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown stage 'humans'; choose from judge, human, adjudicate, audit"):
        loop.queue.claim("ana", stages=["humans"])  # type: ignore[list-item]
