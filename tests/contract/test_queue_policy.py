"""The fields of the policy's `review` section act in the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hitl_core import Decision, InputError, Loop, Policy, Review, UndoRefusedError
from hitl_core.domain.clock import ManualClock

Submit = Callable[..., Decision]


def _publish(loop: Loop, **review: object) -> None:
    loop.publish(Policy.from_mapping({"review": review}), reason="test")


def test_lease_seconds_is_the_length_of_a_lease(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    _publish(loop, lease_seconds=60)
    submit("a")
    task = loop.queue.claim("ana")
    assert task is not None
    assert task.lease_expires_at == clock.now() + timedelta(seconds=60)
    clock.advance(seconds=61)
    assert loop.queue.claim("bob") is not None


def test_undo_seconds_is_the_length_of_the_window(loop: Loop, submit: Submit, clock: ManualClock) -> None:
    _publish(loop, undo_seconds=30)
    submit("a")
    task = loop.queue.claim("ana")
    assert task is not None
    loop.queue.complete(task.token, Review(verdict="approve"))
    clock.advance(seconds=31)
    with pytest.raises(UndoRefusedError, match=r"in the last 0\.5 minutes"):
        loop.queue.undo("ana")


def test_reasons_are_those_of_the_policy(loop: Loop, submit: Submit) -> None:
    _publish(loop, reasons=["too_long", "rude"])
    submit("a")
    task = loop.queue.claim("ana")
    assert task is not None
    with pytest.raises(InputError, match="choose from too_long, rude"):
        loop.queue.complete(task.token, Review(verdict="reject", reasons=["unsafe"]))
    assert loop.queue.complete(task.token, Review(verdict="reject", reasons=["rude"])).reasons == ("rude",)
