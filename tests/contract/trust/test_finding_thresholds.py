"""Finding a threshold on both databases: which rows may certify, what is refused, and what is said."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hitl_core import InputError, Loop, NotFoundError, Policy
from hitl_core.domain.clock import ManualClock
from hitl_core.loop.trust.evidence import Scope

Label = Callable[..., None]
EVERYTHING = Scope()


def publish(loop: Loop, text: str) -> None:
    loop.publish(Policy.from_toml(text), reason="test")


def test_clean_labels_certify_the_lowest_confidence(loop: Loop, label: Label) -> None:
    label("good", 120)
    found = loop.calibration.find(EVERYTHING, 0.05, 0.95)
    assert (found.result.threshold, found.result.n, found.result.errors) == (0.55, 120, 0)
    assert found.result.bound is not None
    assert found.result.bound <= 0.05
    assert found.certificate is not None
    assert (found.certificate.claim, found.certificate.delta) == ("disagreement with reviewers", 0.05)
    assert "from 120 labels" in found.summary[0]
    assert "labels.missed" in found.summary[1]
    override = found.policy.overrides[-1]
    assert (override.when.describe(), override.certificate) == ("project=default", found.parts[0].key)
    held = found.policy.effective_thresholds(override)
    assert (held.auto_approve.value, held.async_review.value, held.sync_review.value) == (0.55, 0.55, 0.55)
    assert loop.policies.live().version == 1, "finding changes nothing"


def test_the_threshold_stands_above_what_goes_wrong(loop: Loop, label: Label) -> None:
    label("mixed", 200, wrong=range(0, 60, 2))
    found = loop.calibration.find(EVERYTHING, 0.05, 0.95)
    assert found.result.threshold is not None
    assert 0.6 < found.result.threshold < 0.7
    assert 0.5 < found.result.coverage < 0.9


def test_too_few_labels_say_how_many_are_missing(loop: Loop, label: Label) -> None:
    label("few", 30)
    found = loop.calibration.find(EVERYTHING, 0.05, 0.95)
    assert (found.result.threshold, found.certificate, found.refused) == (None, None, "")
    assert found.result.labels_needed == 29
    assert "about 29 more are needed" in found.summary[0]
    assert found.policy == loop.policy


def test_an_empty_database_needs_59_labels(loop: Loop) -> None:
    found = loop.calibration.find(EVERYTHING)
    assert (found.refused, found.certificate) == ("no label has arrived", None)
    assert loop.calibration.evidence(EVERYTHING).n == 0
    assert loop.calibration.find(Scope("nowhere", {"domain": "x"})).certificate is None


def test_a_window_with_missing_answers_is_refused(loop: Loop, label: Label) -> None:
    label("slow", 110, unanswered=10)
    found = loop.calibration.find(EVERYTHING)
    assert "10 of 110 labels asked for are unanswered" in found.refused
    assert (found.result.threshold, found.certificate) == (None, None)
    publish(loop, "audit.max_unanswered = 0.1")
    assert loop.calibration.find(EVERYTHING).certificate is not None


def test_labels_of_an_open_window_do_not_count_yet(loop: Loop, label: Label, clock: ManualClock) -> None:
    label("fresh", 100, closed=False)
    assert loop.calibration.find(EVERYTHING).refused == "no label has arrived"
    clock.advance(days=4)
    assert loop.calibration.find(EVERYTHING).certificate is not None


def test_items_that_a_rule_forces_to_a_person_are_left_out(loop: Loop, label: Label) -> None:
    rule = "[[rules]]\nid = 'minors'\nwhen = { field = 'label', eq = 'minor' }\nroute = 'manual'"
    publish(loop, rule)
    label("forced", 40, label="minor", wrong=range(40))
    label("free", 100)
    found = loop.calibration.find(EVERYTHING)
    assert (found.evidence.n, found.evidence.forced) == (100, 40)
    assert found.certificate is not None
    assert any("40 labels are left out" in said for said in found.summary)


def test_items_of_a_more_telling_override_are_left_out(loop: Loop, label: Label) -> None:
    publish(loop, "[[overrides]]\nwhen = { domain = ['legal', 'tax'], project = 'default' }\nthreshold = 0.99")
    label("legal", 20, domain="Legal", wrong=range(20))
    label("travel", 80, domain="travel")
    assert loop.calibration.find(EVERYTHING).evidence.n == 80
    assert loop.calibration.evidence(EVERYTHING).n == 100
    assert loop.calibration.find(Scope("default", {"domain": "legal", "label": "x"})).evidence.n == 0


def test_rows_that_fitted_the_calibrator_never_certify(loop: Loop, label: Label) -> None:
    label("all", 240, wrong=range(0, 60, 2))
    fitted = loop.calibration.fit(EVERYTHING)
    found = loop.calibration.find(EVERYTHING, 0.1, 0.9, calibrator=fitted)
    rows = found.evidence.rows
    certifying = rows.filter(~rows["fitted"])
    assert fitted.calibrator.n + certifying.height == 240
    assert found.result.labels == certifying.height
    assert set(certifying["group"]).isdisjoint(rows.filter(rows["fitted"])["group"])
    assert found.calibrator == fitted.artefact.key
    assert found.policy.calibration.projects == {"default": fitted.artefact.key}


def test_answers_to_one_question_stay_on_one_side_and_count_once(loop: Loop, label: Label) -> None:
    label("same", 100, query="what is the fee?")
    found = loop.calibration.find(EVERYTHING)
    assert found.evidence.rows["fitted"].n_unique() == 1
    assert (found.result.threshold, found.result.labels) == (None, 100)


def test_the_digest_is_that_of_the_rows(loop: Loop, label: Label, clock: ManualClock) -> None:
    label("a", 70)
    first, again = (loop.calibration.find(EVERYTHING).parts[0].rows_digest for _ in range(2))
    clock.advance(days=1)
    loop.publish(Policy.from_toml("name = 'other'"), reason="nothing to do with rows")
    assert first == again == loop.calibration.find(EVERYTHING, 0.1, 0.9).parts[0].rows_digest
    label("b", 1)
    assert loop.calibration.find(EVERYTHING).parts[0].rows_digest != first


def test_known_reviewer_errors_make_it_a_statement_about_error(loop: Loop, label: Label) -> None:
    publish(loop, "labels = { missed = [0.0, 0.2], false_alarm = [0.0, 0.02] }")
    label("good", 120)
    found = loop.calibration.find(EVERYTHING)
    assert found.result.claim == "error"
    assert "are wrong at most" in found.summary[0]
    assert "labels.missed" not in " ".join(found.summary)
    exact = loop.calibration.find(EVERYTHING).result
    publish(loop, "labels = { missed = [0.0, 0.0], false_alarm = [0.0, 0.0] }")
    assert exact.bound is not None
    perfect = loop.calibration.find(EVERYTHING).result.bound
    assert perfect is not None
    assert exact.bound > perfect, "reviewers who miss errors leave more room for them"


def test_segments_are_certified_together(loop: Loop, label: Label) -> None:
    label("legal", 120, domain="legal")
    label("travel", 120, domain="travel", wrong=range(0, 120, 3))
    label("tax", 20, domain="tax")
    label("none", 5)
    found = loop.calibration.find(EVERYTHING, 0.05, 0.9, by=("domain",))
    by_name = {part.scope.segment: part for part in found.parts}
    assert sorted(by_name) == ["legal", "tax", "travel"]
    assert by_name["legal"].certificate is not None
    assert by_name["legal"].result.delta <= 0.1 / 2
    assert by_name["tax"].certificate is None
    assert by_name["tax"].result.labels_needed > 0
    held = {each.when.domain[0]: each for each in found.policy.overrides}
    assert [held[name].thresholds.auto_approve.value for name in ("legal", "tax", "travel")] == [0.55, None, None]  # type: ignore[union-attr]
    assert any("let nothing out by themselves" in said for said in found.summary)


def test_segments_need_values(loop: Loop, label: Label) -> None:
    label("none", 60)
    with pytest.raises(InputError, match="ask without segments"):
        loop.calibration.find(EVERYTHING, by=("domain",))


def test_a_ramp_takes_one_step_at_a_time(loop: Loop, label: Label) -> None:
    publish(loop, "calibration.ramp = [0.8, 0.7, 0.6]")
    label("good", 300)
    seen = []
    for _ in range(3):
        found = loop.calibration.find(EVERYTHING, 0.05, 0.95)
        seen.append((found.result.threshold, found.result.method))
        loop.calibration.publish(found, "next step")
    assert seen == [(0.8, "fixed"), (0.7, "fixed"), (0.6, "fixed")]
    last = loop.calibration.find(EVERYTHING, 0.05, 0.95)
    assert (last.certificate, last.summary[0]) == (
        None,
        "default: the ramp is at its end; there is no looser step to test.",
    )


def test_a_ramp_stays_where_the_next_step_does_not_pass(loop: Loop, label: Label) -> None:
    publish(loop, "calibration.ramp = [0.8, 0.6]")
    label("mixed", 300, wrong=range(50, 150))
    loop.calibration.publish(loop.calibration.find(EVERYTHING), "first step")
    found = loop.calibration.find(EVERYTHING)
    assert (found.result.threshold, found.certificate) == (None, None)
    assert found.result.bound is None or found.result.bound > 0.05


@pytest.mark.parametrize("value", [0, 1, 2, -0.1, math.nan, math.inf])
def test_options_out_of_range(loop: Loop, value: float) -> None:
    with pytest.raises(InputError, match="target_error must lie between 0 and 1"):
        loop.calibration.find(EVERYTHING, target_error=value)
    with pytest.raises(InputError, match="confidence must lie between 0 and 1"):
        loop.calibration.find(EVERYTHING, confidence=value)


def test_scopes_and_segments_out_of_range(loop: Loop) -> None:
    with pytest.raises(InputError, match="not by 'colour'"):
        Scope("default", {"colour": "red"})
    with pytest.raises(InputError, match="domain is empty"):
        Scope("default", {"domain": " "})
    with pytest.raises(InputError, match="not of 'subject'"):
        loop.calibration.find(EVERYTHING, by=("subject",))
    with pytest.raises(InputError, match="one value already"):
        loop.calibration.find(Scope("default", {"domain": "legal"}), by=("domain",))


def test_a_calibrator_must_be_there_and_of_the_project(loop: Loop, label: Label) -> None:
    with pytest.raises(NotFoundError, match="no calibrator with the key 'nowhere'"):
        loop.calibration.find(EVERYTHING, calibrator="nowhere")
    with pytest.raises(InputError, match="0 labels to fit"):
        loop.calibration.fit(EVERYTHING)
    label("all", 220, wrong=range(0, 60, 2))
    fitted = loop.calibration.fit(EVERYTHING)
    with pytest.raises(InputError, match="holds for one project"):
        loop.calibration.find(Scope("other"), calibrator=fitted)


def test_a_calibrator_that_is_too_old_certifies_nothing(loop: Loop, label: Label, clock: ManualClock) -> None:
    label("all", 240)
    fitted = loop.calibration.fit(EVERYTHING)
    clock.advance(days=91)
    found = loop.calibration.find(EVERYTHING, 0.1, 0.9, calibrator=fitted)
    assert "more than 90 days old" in found.refused
    assert found.certificate is None


def test_reports_and_previews_have_n_and_bounds(loop: Loop, label: Label) -> None:
    label("all", 240, wrong=range(0, 60, 2))
    fitted = loop.calibration.fit(EVERYTHING)
    assert [each.artefact.key for each in loop.calibration.calibrators("default")] == [fitted.artefact.key]
    raw, better = loop.calibration.report(EVERYTHING), loop.calibration.report(EVERYTHING, fitted)
    assert (raw.n, raw.unseen, better.unseen) == (240, False, True)
    assert better.n == 240 - fitted.calibrator.n
    assert all(each.weighted.low <= each.weighted.value <= each.weighted.high for each in raw.measures)
    shown = loop.calibration.preview(EVERYTHING, fitted)
    assert shown.height == 101
    assert (shown["bound"] >= shown["error"].fill_null(0)).all()
    assert shown["hours"].is_sorted()
