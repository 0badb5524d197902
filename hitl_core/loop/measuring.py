"""What is measured about an item before it is routed: signals, the scorer's word, the calibrated confidence.

Public: `decide`. No model is asked. What cannot be used (missing, broken, refused, too old, made for another model or
prompt, no longer certified) sends the item to a person with a reason; it never stops a submission.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import CalibrationSection, ScorerSection
from hitl_core.domain.records import Decision, Item
from hitl_core.loop.instruments import Instrument, Instruments
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.routing.plan import plan_for
from hitl_core.routing.router import route

if TYPE_CHECKING:
    from hitl_core.confidence.scorer import Score
    from hitl_core.confidence.signals import Signals

COLD_START = "scorer:cold_start"


class _Reading(NamedTuple):
    """What was read off an item; see `route` for `confidence` and `held_for`."""

    confidence: float | None = None
    held_for: str = ""
    signals: dict[str, Any] | None = None
    made_by: str | None = None


def decide(item: Item, live: LivePolicy, now: datetime) -> Decision:
    """Measure an item as the policy says, and route it."""
    policy, instruments = live.policy, live.instruments
    if policy.scorer.use == "off" and not instruments.calibrators and not instruments.standings:
        return route(item, policy, policy_version=live.version, now=now, audit_secret=live.audit_secret)
    read = _measured(item, policy, instruments, now)
    read = read if read.held_for else _certified(item, policy, instruments, read, now)
    decision = route(
        item,
        policy,
        policy_version=live.version,
        now=now,
        audit_secret=live.audit_secret,
        confidence=read.confidence,
        signals=read.signals,
        held_for=read.held_for,
    )
    return decision.model_copy(update={"signals": read.signals, "calibrator": read.made_by})


def _measured(item: Item, policy: Policy, instruments: Instruments, now: datetime) -> _Reading:
    signals = scored = None
    if policy.scorer.use != "off":
        signals, scored = _scored(item, policy.scorer, instruments.scorer, now)
    if item.confidence is not None:
        instrument = instruments.calibrator_for(item.project)
        return _calibrated(item, policy.calibration, instrument, now)._replace(signals=signals)
    if policy.scorer.use == "fill" and scored is not None:
        return scored._replace(signals=signals)
    return _Reading(signals=signals)


def _scored(
    item: Item, section: ScorerSection, instrument: Instrument | None, now: datetime
) -> tuple[dict[str, Any], _Reading]:
    """Return what is stored as signals, and what the score makes of an item without a confidence."""
    from hitl_core.confidence.cold_start import cold_start_score
    from hitl_core.confidence.signals import compute_signals

    measured = compute_signals(item)
    if instrument is None or not instrument.holds_for(item):
        score = cold_start_score(measured)
        held_for = COLD_START if score.p is not None else ""
        return _stored(measured, score, "cold_start", "cold_start"), _Reading(score.p, held_for)
    if trouble := instrument.trouble(item, now, section.max_age_days):
        return _rounded(measured.as_mapping()) | {"scorer": f"scorer_{trouble}"}, _Reading(None, f"scorer_{trouble}")
    score = instrument.fitted.score(measured)
    made_by = instrument.key if score.p is not None else None
    return _stored(measured, score, "p_scorer", instrument.key), _Reading(score.p, made_by=made_by)


def _stored(measured: Signals, score: Score, name: str, scorer: str) -> dict[str, Any]:
    number = {} if score.p is None else {name: score.p}
    return _rounded(measured.as_mapping() | number) | {"scorer": scorer, "scorer_reasons": list(score.reasons)}


def _rounded(signals: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in signals.items()}


def _calibrated(item: Item, section: CalibrationSection, instrument: Instrument | None, now: datetime) -> _Reading:
    if instrument is None or not instrument.holds_for(item):
        return _Reading()
    if trouble := instrument.trouble(item, now, section.max_age_days):
        return _Reading(None, f"calibrator_{trouble}")
    try:
        confidence = instrument.calibrate(item)
    except InputError:  # not finite: the router says so
        return _Reading()
    return _Reading(confidence, made_by=instrument.key)


def _certified(item: Item, policy: Policy, instruments: Instruments, read: _Reading, now: datetime) -> _Reading:
    """Hold the item where its threshold's certificate no longer holds; its confidence then orders the queue only."""
    if not instruments.standings:
        return read
    standing = instruments.standings.get(plan_for(policy).ground_for(item).reason)
    trouble = standing.trouble(now) if standing is not None else ""
    if not trouble:
        return read
    confidence = item.confidence if read.confidence is None else read.confidence
    return read._replace(confidence=confidence, held_for=f"certificate_{trouble}")
