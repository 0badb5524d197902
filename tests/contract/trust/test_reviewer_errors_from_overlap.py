"""Reviewers' own errors, measured where several people looked, on both databases."""

from __future__ import annotations

from hitl_core import Loop, Policy, Review, Reviewer
from hitl_core.domain.clock import ManualClock


def answer(loop: Loop, name: str, verdict: str) -> None:
    task = loop.queue.claim(name)
    assert task is not None
    loop.queue.complete(task.token, Review(verdict=verdict, reasons=["unsafe"] if verdict == "reject" else []))


def test_first_opinions_are_held_against_what_was_settled(loop: Loop, clock: ManualClock) -> None:
    loop.publish(Policy.from_toml("overlap = { share = 1.0, opinions = 3 }"), reason="test")
    for name in ("ana", "bea", "cid"):
        loop.save_reviewer(Reviewer(name=name))
    first = {"good": ("approve", "approve"), "missed": ("approve", "reject"), "alarm": ("reject", "approve")}
    for item, (ana, others) in first.items():
        loop.submit({"id": item, "query": f"about {item}?", "output": "o", "confidence": 0.7})
        for name, verdict in (("ana", ana), ("bea", others), ("cid", others)):
            answer(loop, name, verdict)
            clock.advance(seconds=60)
    loop.submit({"id": "single", "query": "q", "output": "o", "confidence": 0.7, "project": "other"})
    clock.advance(days=4)
    found = loop.calibration.reviewer_errors()
    assert (found.missed, found.missed_of, found.false_alarms, found.false_alarms_of) == (1, 1, 1, 2)
    assert loop.calibration.reviewer_errors("other").missed_of == 0
