"""Publishing a threshold on both databases: all or nothing, paid from the ledger, once, and back again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hitl_core import Decision, InputError, Loop, NotFoundError, Policy, Route
from hitl_core.domain.clock import ManualClock
from hitl_core.domain.errors import ConflictError
from hitl_core.domain.policy_sections import Breaker
from hitl_core.loop.trust.evidence import Scope
from hitl_core.store import events

Label = Callable[..., None]
Submit = Callable[..., Decision]
EVERYTHING = Scope()


@pytest.fixture
def lead(loop: Loop, label: Label) -> Loop:
    """A loop with enough clean labels that audits all that goes out, acting as a lead."""
    loop.publish(Policy.from_toml("audit.rate = 1.0"), reason="test")
    label("good", 120)
    return loop.acting_as("lea")


def certify(lead: Loop, confidence: float = 0.95, **options: Any) -> int:
    return lead.calibration.publish(
        lead.calibration.find(EVERYTHING, 0.05, confidence, **options), "labels say so"
    ).version


def kinds(loop: Loop) -> list[str]:
    with loop.store.read() as tx:
        return [row["kind"] for row in events.latest(tx, limit=8)]


def test_a_published_threshold_routes_new_items_and_shows_its_certificate(lead: Loop, submit: Submit) -> None:
    assert submit("before", confidence=0.7).route is Route.SYNC_REVIEW
    version = certify(lead)
    decision = submit("after", confidence=0.7)
    assert (decision.route, decision.reasons) == (Route.AUTO_APPROVE, ("override:project=default", "tier:auto_approve"))
    assert submit("below", confidence=0.5).route is not Route.AUTO_APPROVE
    assert submit("elsewhere", confidence=0.7, project="other").route is Route.SYNC_REVIEW
    kept = lead.calibration.certificate_of(version)
    assert kept is not None
    assert (kept.author, kept.reason, kept.policy_version, kept.state) == ("lea", "labels say so", version, "in force")
    assert (kept.certificate.n, kept.certificate.labels, kept.certificate.delta_spent) == (120, 120, 0.05)
    assert kept.certificate.expires_at == kept.issued_at + timedelta(days=90)
    assert lead.calibration.certificate_of(1) is None
    assert {"threshold.certified", "policy.published"} <= set(kinds(lead))
    assert lead.policies.history()[0].author == "lea"
    with pytest.raises(NotFoundError, match="never published"):
        lead.calibration.certificate_of(99)


def test_a_crash_inside_leaves_nothing(lead: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lead.calibration.find(EVERYTHING)
    whole = events.append

    def crash(tx: Any, kind: str, **more: Any) -> Any:
        if kind == "threshold.certified":
            raise RuntimeError("the process dies here")
        return whole(tx, kind, **more)

    monkeypatch.setattr(events, "append", crash)
    with pytest.raises(RuntimeError, match="dies"):
        lead.calibration.publish(found, "go")
    monkeypatch.undo()
    assert lead.policies.history()[0].version == 2
    assert lead.calibration.certificates() == []
    assert lead.calibration.ledger().entries == ()
    assert "threshold.certified" not in kinds(lead)
    assert lead.calibration.publish(found, "go").version == 3


def test_two_leads_at_once_and_one_of_them_is_told(lead: Loop) -> None:
    found = [lead.acting_as(name).calibration.find(EVERYTHING) for name in ("lea", "leo")]
    start = threading.Barrier(2)
    told: list[int | str] = []

    def publish(name: str, mine: Any) -> None:
        start.wait()
        try:
            told.append(lead.acting_as(name).calibration.publish(mine, "go").version)
        except ConflictError as error:
            told.append(str(error))

    threads = [threading.Thread(target=publish, args=pair) for pair in zip(("lea", "leo"), found, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each for each in told if isinstance(each, int)] == [3]
    (error,) = [each for each in told if isinstance(each, str)]
    assert "another policy was published" in error
    assert lead.calibration.ledger().spent == pytest.approx(0.05)
    assert len(lead.calibration.certificates("default")) == 1


def test_the_ledger_refuses_what_is_not_left(lead: Loop, label: Label) -> None:
    lead.publish(Policy.from_toml("audit.rate = 1.0\ncalibration.yearly_delta = 0.08"), reason="test")
    certify(lead)
    label("more", 40)
    found = lead.calibration.find(EVERYTHING)
    assert found.result.threshold is not None
    assert found.certificate is None
    assert "0.03 of 0.08 is left" in found.refused
    with pytest.raises(InputError, match=r"nothing to publish.*0\.03 of 0\.08 is left"):
        lead.calibration.publish(found, "go")
    assert certify(lead, confidence=0.98) == 5
    assert lead.calibration.ledger().left == pytest.approx(0.01)


def test_what_was_left_when_it_was_found_may_be_gone_when_it_is_published(lead: Loop, label: Label) -> None:
    lead.publish(Policy.from_toml("audit.rate = 1.0\ncalibration.yearly_delta = 0.08"), reason="test")
    early = lead.calibration.find(EVERYTHING)
    label("more", 40)
    certify(lead)
    again = lead.calibration.find(EVERYTHING)
    with pytest.raises(InputError, match=r"0\.03 of 0\.08 is left"):
        lead.calibration.publish(replace(early, base=again.base), "as if nothing had happened")
    assert lead.policies.live().version == 4
    assert len(lead.calibration.certificates()) == 1


def test_the_same_statement_is_paid_once(lead: Loop) -> None:
    certify(lead)
    certify(lead)
    assert lead.calibration.ledger().spent == pytest.approx(0.05)
    assert [each.state for each in lead.calibration.certificates()] == ["in force", "unused"]


def test_a_year_later_the_ledger_is_fresh(lead: Loop, clock: ManualClock) -> None:
    certify(lead)
    clock.advance(days=364)
    assert lead.calibration.ledger().spent == pytest.approx(0.05)
    clock.advance(days=2)
    assert lead.calibration.ledger().entries == ()


def test_rolling_back_shows_the_certificate_of_that_version_again(lead: Loop, label: Label, submit: Submit) -> None:
    first = certify(lead)
    label("more", 60, wrong=range(30))
    second = certify(lead)
    assert submit("strict", confidence=0.6).route is not Route.AUTO_APPROVE
    back = lead.publish(lead.policies.get(first).policy, reason="roll back").version
    assert submit("again", confidence=0.6).route is Route.AUTO_APPROVE
    shown = [lead.calibration.certificate_of(version) for version in (first, second, back)]
    assert [each.key if each else None for each in shown][::2] == [shown[0].key] * 2  # type: ignore[union-attr]
    assert [each.state for each in shown if each] == ["in force", "unused", "in force"]
    plain = lead.publish(lead.policies.get(1).policy, reason="back to the start").version
    assert lead.calibration.certificate_of(plain) is None


def test_an_expired_certificate_ends_at_a_person(lead: Loop, submit: Submit, clock: ManualClock) -> None:
    version = certify(lead)
    clock.advance(days=90, seconds=-1)
    assert submit("last", confidence=0.7).route is Route.AUTO_APPROVE
    clock.advance(seconds=1)
    decision = submit("late", confidence=0.7)
    assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, ("certificate_expired",))
    assert (decision.confidence, decision.inclusion_probability) == (0.7, 1.0)
    assert submit("elsewhere", confidence=0.99, project="other").route is Route.AUTO_APPROVE
    kept = lead.calibration.certificate_of(version)
    assert kept is not None
    assert (kept.state, kept.detail.startswith("it ended")) == ("expired", True)


def test_a_certificate_ends_with_its_calibrator(loop: Loop, label: Label, submit: Submit, clock: ManualClock) -> None:
    label("all", 240)
    fitted = loop.calibration.fit(EVERYTHING)
    clock.advance(days=60)
    found = loop.calibration.find(EVERYTHING, 0.1, 0.9, calibrator=fitted)
    live = loop.calibration.publish(found, "go")
    kept = loop.calibration.certificate_of(live.version)
    assert kept is not None
    assert kept.certificate.expires_at == kept.issued_at + timedelta(days=30)
    decision = submit("now", confidence=0.93)
    assert (decision.route, decision.calibrator) == (Route.AUTO_APPROVE, fitted.artefact.key)
    clock.advance(days=30, seconds=1)
    assert submit("late", confidence=0.93).reasons == ("calibrator_stale",)
    assert [each.state for each in loop.calibration.certificates()] == ["expired"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"thresholds": {"auto_approve": 0.5, "async_review": 0.5, "sync_review": 0.5}}, "certificate_void"),
        ({"certificate": "nowhere"}, "certificate_missing"),
        ({"when": {"project": "default", "domain": "legal"}}, "certificate_void"),
        ({"certificate": ""}, ""),
    ],
)
def test_what_a_certificate_does_not_cover_ends_at_a_person(
    lead: Loop, submit: Submit, change: dict[str, Any], reason: str
) -> None:
    certify(lead)
    body = lead.policy.to_mapping()
    body["overrides"][-1] |= change
    lead.publish(Policy.from_mapping(body), reason="by hand")
    decision = submit("after", confidence=0.92, domain="legal")
    if reason:
        assert (decision.route, decision.reasons) == (Route.SYNC_REVIEW, (reason,))
    else:
        assert decision.route is Route.AUTO_APPROVE


def test_another_calibrator_voids_the_certificate(lead: Loop, label: Label, submit: Submit) -> None:
    label("more", 60)
    certify(lead)
    fitted = lead.calibration.fit(EVERYTHING)
    body = lead.policy.to_mapping()
    body["calibration"]["projects"] = {"default": fitted.artefact.key}
    lead.publish(Policy.from_mapping(body), reason="by hand")
    assert submit("after", confidence=0.92).reasons == ("certificate_void",)
    (kept,) = lead.calibration.certificates()
    assert (kept.state, "as they came" in kept.detail) == ("void", True)


def test_a_new_rule_changes_what_the_certificate_is_about(lead: Loop, submit: Submit) -> None:
    certify(lead)
    body = lead.policy.to_mapping()
    body["rules"] = [{"id": "r", "when": {"field": "label", "eq": "minor"}, "route": "manual"}]
    lead.publish(Policy.from_mapping(body), reason="by hand")
    (kept,) = lead.calibration.certificates()
    assert kept.state == "changed"
    assert submit("after", confidence=0.92).route is Route.AUTO_APPROVE


def test_a_breaker_that_trips_meanwhile_stays_and_does_not_conflict(lead: Loop, submit: Submit) -> None:
    found = lead.calibration.find(EVERYTHING)
    tripped = Breaker.model_validate({"when": {"domain": "legal"}, "reason": "r", "since": lead.clock.now()})
    lead.policies.amend(lambda live: live.model_copy(update={"breakers": (tripped,)}), author="monitor", reason="r")
    assert lead.calibration.publish(found, "go").policy.breakers == (tripped,)
    assert submit("after", confidence=0.92, domain="legal").route is Route.SYNC_REVIEW


def test_the_coin_keeps_its_secret(loop: Loop, label: Label) -> None:
    loop.publish(Policy.from_toml("audit.secret = 'sixteen characters or more'"), reason="test")
    secret = loop.policies.live().audit_secret
    label("good", 120)
    certify(loop)
    assert loop.policies.live().audit_secret == secret


def test_nothing_certified_is_nothing_to_publish(loop: Loop, label: Label) -> None:
    label("few", 10)
    with pytest.raises(InputError, match=r"nothing to publish: default: nothing can be certified at 5.00%"):
        certify(loop)
    assert loop.policies.live().version == 1


@pytest.mark.parametrize("reason", ["", "  ", "torn \ud800"])
def test_a_publication_says_why(lead: Loop, reason: str) -> None:
    with pytest.raises(InputError, match="reason"):
        lead.calibration.publish(lead.calibration.find(EVERYTHING), reason)


def test_segments_are_published_together(loop: Loop, label: Label, submit: Submit) -> None:
    label("legal", 120, domain="legal")
    label("tax", 20, domain="tax")
    live = loop.calibration.publish(loop.calibration.find(EVERYTHING, 0.05, 0.9, by=("domain",)), "go")
    assert submit("legal", confidence=0.7, domain="legal").route is Route.AUTO_APPROVE
    assert submit("tax", confidence=0.99, domain="tax").route is not Route.AUTO_APPROVE
    (kept,) = loop.calibration.certificates_of(live.version)
    assert (kept.where, kept.certificate.segment) == ({"domain": "legal"}, "default/legal")
    assert loop.calibration.ledger().spent <= 0.1


def test_what_an_override_says_besides_is_kept(loop: Loop, label: Label) -> None:
    own = "[[overrides]]\nwhen = { project = 'default' }\nthreshold = 0.97\naudit_rate = 0.5"
    loop.publish(Policy.from_toml(own), reason="test")
    label("good", 120)
    policy = loop.calibration.find(EVERYTHING).policy
    (override,) = policy.overrides
    held = policy.effective_thresholds(override)
    assert (override.audit_rate, held.auto_approve.value, held.async_review.value) == (0.5, 0.55, 0.55)
    assert held.sync_review.value == 0


def test_a_threshold_that_does_not_go_with_the_policy_is_explained(loop: Loop, label: Label) -> None:
    label("good", 120)
    loop.publish(Policy.from_toml("thresholds = { auto_reject = 0.6, sync_review = 0.6 }"), reason="test")
    with pytest.raises(InputError, match="does not go with the policy: auto_reject"):
        loop.calibration.find(EVERYTHING)
