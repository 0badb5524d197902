"""`hitl scorer` on both databases: from reviews to a scorer that a policy uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hitl_core import Item, Loop, Policy, Review, Route
from hitl_core.cli.main import run
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.fitting import fit_project_scorer, newest_scorer
from hitl_core.store.tables import events

PASSAGE = "The tower of the city was opened in 1889 by the mayor and has three floors."
GOOD = "The tower was opened in 1889."
BAD = "The castle burnt down in {year} after a raid of knights."


@pytest.fixture
def hitl(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("HITL_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run([str(argument) for argument in arguments])


def review_all(loop: Loop, *, n: int = 60, noise: bool = False) -> None:
    """Submit and review n outputs; without noise those that copy the passage are right."""
    for number in range(n):
        output = GOOD if number % 2 else BAD.format(year=1900 + number)
        query = f"When did it open ({number})?"
        loop.submit(Item(id=f"i{number}", query=query, context=(PASSAGE,), output=output, confidence=0.7))
    while (task := loop.queue.claim("ana")) is not None:
        number = int(task.item.id[1:])
        right = (number * 7919) % 97 % 2 == 0 if noise else bool(number % 2)
        if right:
            review = Review(verdict="edit", output="Better said.", reasons=("style",))
        else:
            review = Review(verdict="reject", reasons=("unsupported_claim",))
        loop.queue.complete(
            task.token, review if number % 3 else review.model_copy(update={"verdict": "approve"} if right else {})
        )


def test_reviews_become_a_scorer_that_decides(hitl: Any, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    review_all(loop)
    assert hitl("scorer", "fit", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["n"], shown["positives"], shown["groups"], shown["usable"]) == (60, 30, 60, True)
    assert shown["auroc_low"] > 0.9
    policy = Policy.from_mapping({"scorer": {"use": "fill", "artefact": shown["key"]}, "threshold": 0.7})
    loop.publish(policy, reason="a scorer")
    good = loop.submit(Item(query="When?", context=(PASSAGE,), output=GOOD))
    bad = loop.submit(Item(query="When?", context=(PASSAGE,), output=BAD.format(year=1999)))
    assert (good.route, bad.needs_human) == (Route.AUTO_APPROVE, True)
    assert good.calibrator == shown["key"]


def test_it_is_shown_in_words(hitl: Any, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    review_all(loop)
    assert hitl("scorer", "fit") == 0
    fitted = capsys.readouterr().out
    assert "fitted on 60 labelled items (30 right) to 60 questions" in fitted
    assert "more numbers not in any passage: less likely right" in fitted
    assert "usable" in fitted
    assert hitl("scorer", "show") == 0
    assert capsys.readouterr().out == fitted


def test_a_fit_is_an_event_and_a_new_version(loop: Loop) -> None:
    review_all(loop)
    first = fit_project_scorer(loop.acting_as("lea"))
    second = fit_project_scorer(loop.acting_as("lea"))
    assert (first.artefact.version, second.artefact.version) == (1, 2)
    assert first.scorer == second.scorer
    assert newest_scorer(loop, key=first.artefact.key) == first
    with loop.store.read() as tx:
        found = tx.execute(sa.select(events).where(events.c.kind == "scorer.fitted")).all()
    assert [row.actor for row in found] == ["lea", "lea"]
    assert json.loads(found[0].data)["artefact"] == first.artefact.key


def test_labels_at_random_are_refused(hitl: Any, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    review_all(loop, noise=True)
    assert hitl("scorer", "fit") == 1
    assert "refused: it ranks no better than chance" in capsys.readouterr().out


def test_too_few_labels_say_how_many_are_needed(hitl: Any, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    review_all(loop, n=10)
    assert hitl("scorer", "fit") == 2
    assert "at least 50 labelled rows, there are 10" in capsys.readouterr().err
    assert hitl("scorer", "show") == 2
    assert "there is no scorer in the project 'default'" in capsys.readouterr().err


def test_pending_and_other_projects_do_not_count(loop: Loop, clock: ManualClock) -> None:
    review_all(loop)
    loop.submit(Item(query="waits", context=(PASSAGE,), output=GOOD, confidence=0.7))
    clock.advance(hours=1)
    assert fit_project_scorer(loop).scorer.n == 60
