"""Calibrators fitted from a project's labels, in a submission: by segment, by project, until they have drifted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_core import Decision, Loop, Policy
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.trust.calibrating import FittedCalibrator
from hitl_core.loop.trust.evidence import Scope

Label = Callable[..., None]
Submit = Callable[..., Decision]


def use(loop: Loop, fitted: FittedCalibrator, project: str = "default") -> None:
    loop.publish(Policy.from_mapping({"calibration": {"projects": {project: fitted.artefact.key}}}), reason="test")


@pytest.fixture
def segmented(loop: Loop, label: Label) -> FittedCalibrator:
    """Legal answers are nearly always right, tax answers half the time."""
    label("legal", 300, domain="legal", wrong=range(0, 300, 10))
    label("tax", 300, domain="tax", wrong=range(0, 300, 2))
    return loop.calibration.fit(Scope())


def test_each_segment_has_its_own_confidence(loop: Loop, segmented: FittedCalibrator, submit: Submit) -> None:
    assert segmented.segment_by == ("domain",)
    use(loop, segmented)
    seen = {name: submit(f"{name}-new", confidence=0.8, domain=name) for name in ("legal", " Tax", "other")}
    for name, decision in seen.items():
        expected = segmented.calibrator.apply([0.8], [name.strip().casefold()])[0]
        assert decision.confidence == pytest.approx(float(expected))
        assert decision.calibrator == segmented.artefact.key
    assert seen["legal"].confidence > seen["other"].confidence > seen[" Tax"].confidence  # type: ignore[operator]
    none = submit("none", confidence=0.8)
    assert none.confidence == pytest.approx(float(segmented.calibrator.apply([0.8], ["(none)"])[0]))


def test_reports_use_the_segments_it_was_fitted_with(loop: Loop, segmented: FittedCalibrator) -> None:
    before = loop.calibration.report(Scope(), segmented)
    loop.publish(Policy.from_toml("audit.segment_by = 'model'"), reason="segments are made of something else now")
    assert loop.calibration.report(Scope(), segmented).table.equals(before.table)


def test_projects_have_calibrators_of_their_own(loop: Loop, label: Label, submit: Submit) -> None:
    label("a", 240, wrong=range(0, 240, 3))
    label("b", 240, project="b")
    first, second = loop.calibration.fit(Scope()), loop.calibration.fit(Scope("b"))
    both = {"default": first.artefact.key, "b": second.artefact.key}
    loop.publish(Policy.from_mapping({"calibration": {"projects": both}}), reason="test")
    made = {project: submit(f"{project}-new", confidence=0.8, project=project) for project in ("default", "b", "c")}
    assert [each.calibrator for each in made.values()] == [first.artefact.key, second.artefact.key, None]
    assert made["default"].confidence < made["b"].confidence  # type: ignore[operator]
    live = [loop.calibration.live_calibrator(project) for project in both]
    assert [each.artefact.key for each in live if each] == list(both.values())
    loop.publish(
        Policy.from_mapping({"calibration": {"artefact": first.artefact.key, "projects": {"default": ""}}}),
        reason="test",
    )
    assert submit("raw", confidence=0.8).confidence == 0.8
    assert loop.calibration.live_calibrator() is None


def flood(loop: Loop, confidences: list[float], **fields: Any) -> None:
    rows = [
        {"id": f"flood-{number}", "query": f"q{number}", "output": "o", "confidence": value} | fields
        for number, value in enumerate(confidences)
    ]
    assert not loop.submit_many(rows).errors


@pytest.mark.parametrize("drifted", [False, True])
def test_confidences_that_have_drifted_end_the_calibrator(
    loop: Loop, label: Label, submit: Submit, clock: ManualClock, drifted: bool
) -> None:
    label("all", 240)
    fitted = loop.calibration.fit(Scope())
    use(loop, fitted)
    flood(loop, [0.55 + 0.39 * number / 200 if not drifted else 0.97 for number in range(200)])
    assert submit("at first", confidence=0.8).calibrator == fitted.artefact.key
    clock.advance(seconds=301)
    loop.policies.refresh()
    decision = submit("later", confidence=0.8)
    assert decision.reasons == (("calibrator_stale",) if drifted else decision.reasons)
    assert (decision.calibrator is None) is drifted
    found = loop.calibration.find(Scope(), calibrator=fitted)
    assert ("drifted" in found.refused) is drifted


def test_who_was_labelled_is_no_drift(loop: Loop, label: Label, submit: Submit, clock: ManualClock) -> None:
    """Only what a person saw is labelled; compared with those alone, all items together used to look like drift."""
    loop.publish(Policy.from_toml("threshold = 0.75\n[audit]\nrate = 0.02"), reason="test")
    label("all", 600)
    fitted = loop.calibration.fit(Scope())
    use(loop, fitted)
    flood(loop, [0.55 + 0.39 * number / 400 for number in range(400)])
    clock.advance(seconds=301)
    loop.policies.refresh()
    assert submit("later", confidence=0.8).calibrator == fitted.artefact.key


def test_a_new_prompt_ends_the_calibrator_for_its_items(loop: Loop, label: Label, submit: Submit) -> None:
    label("all", 240, metadata={"prompt_version": "7"})
    use(loop, loop.calibration.fit(Scope()))
    assert submit("same", confidence=0.8, metadata={"prompt_version": 7}).calibrator is not None
    assert submit("unnamed", confidence=0.8).calibrator is not None
    assert submit("next", confidence=0.8, metadata={"prompt_version": "8"}).reasons == ("calibrator_stale",)


def test_a_new_model_ends_the_calibrator_for_its_items(loop: Loop, label: Label, submit: Submit) -> None:
    label("all", 240, model="m1")
    use(loop, loop.calibration.fit(Scope()))
    assert submit("same", confidence=0.8, model="m1").calibrator is not None
    assert submit("next", confidence=0.8, model="m2").reasons == ("calibrator_stale",)


def test_fitting_again_is_a_new_version_and_says_so(loop: Loop, label: Label) -> None:
    label("all", 240)
    first, second = (loop.acting_as("lea").calibration.fit(Scope()) for _ in range(2))
    assert [each.artefact.version for each in loop.calibration.calibrators()] == [2, 1]
    assert first.calibrator.to_json() != ""
    assert second.artefact.author == "lea"
    assert sum(second.calibrator.origin.histogram) == 240
