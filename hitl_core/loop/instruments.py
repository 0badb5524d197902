"""The fitted artefacts that a policy names: scorer, calibrators and certificates, read once for each policy version.

Public: `Instrument`, `Instruments`, `load_instruments`, `load_calibrator`, `ended`, `artefact_body`.

What cannot be used is kept with its problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import segment_name
from hitl_core.domain.records import Item
from hitl_core.loop.standing import Standing, standings
from hitl_core.store.trust import artefacts, confidences

ANY_PROJECT = "*"
PROMPT = "prompt_version"
"""Key of `Item.metadata` that says by which prompt an output was made."""
RECENT = 1000
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Instrument(NamedTuple):
    """A fitted artefact that a policy names, or why there is none: `problem` is missing, broken, refused or stale.

    `models` are the values of `Item.model` it was fitted for (None among them: items that name no model), `prompts`
    those of the prompt's version in their metadata; empty means that it was not tied to any. `segment_by` says what a
    segmented calibrator's segments are made of.
    """

    key: str
    fitted: Any = None
    problem: str = ""
    project: str = ANY_PROJECT
    models: frozenset[str | None] = frozenset()
    created_at: datetime | None = None
    prompts: frozenset[str] = frozenset()
    segment_by: tuple[str, ...] = ()
    detail: str = ""

    def holds_for(self, item: Item) -> bool:
        """Whether it is meant for the item's project; one that could not be read is meant for all."""
        return self.project in (ANY_PROJECT, item.project)

    def trouble(self, item: Item, now: datetime, max_age_days: float) -> str:
        """Return missing, broken, refused, stale, or nothing where it can be used for the item."""
        if self.problem:
            return self.problem
        other_model = self.models and item.model not in self.models
        other_prompt = self.prompts and str(item.metadata.get(PROMPT, "")) not in {*self.prompts, ""}
        return "stale" if self.too_old(now, max_age_days) or other_model or other_prompt else ""

    def too_old(self, now: datetime, max_age_days: float) -> bool:
        """Whether its age alone ends its use."""
        return self.created_at is not None and now - self.created_at > timedelta(days=min(max_age_days, 100_000))

    def calibrate(self, item: Item) -> float:
        """Return an item's confidence as this calibrator has it, by the item's segment where it has several.

        Raises:
            InputError: the confidence is not finite.
        """
        segment = [segment_name(getattr(item, key) for key in self.segment_by)] if self.segment_by else None
        return float(self.fitted.apply([item.confidence], segment)[0])


class Instruments(NamedTuple):
    """What a policy version measures with.

    `calibrators` are by project, `*` for all that have none of their own (None: their confidence counts as it came);
    `standings` of certificates are by the reason that an override gives.
    """

    scorer: Instrument | None = None
    calibrators: Mapping[str, Instrument | None] = _NOTHING
    standings: Mapping[str, Standing] = _NOTHING

    def calibrator_for(self, project: str) -> Instrument | None:
        """Return the calibrator of a project's items, None where their confidence counts as it came."""
        return self.calibrators.get(project, self.calibrators.get(ANY_PROJECT))


def load_instruments(tx: sa.Connection, policy: Policy, now: datetime | None = None) -> Instruments:
    """Read the artefacts that a policy names; what cannot be used comes back with its problem.

    With the time given, a calibrator whose project's newest confidences have drifted away from those it was fitted on
    is stale.
    """
    named = {ANY_PROJECT: policy.calibration.artefact} | policy.calibration.projects
    calibrators = {project: load_calibrator(tx, key, now) for project, key in named.items()}
    scorer = _load(tx, policy.scorer.artefact, "scorer", _read_scorer)
    return Instruments(scorer, calibrators if any(named.values()) else _NOTHING, standings(tx, policy))


def artefact_body(kind: str, fitted: str, *, models: Collection[str | None] = (), **more: Any) -> dict[str, Any]:
    """Return the body of a scorer's or calibrator's artefact.

    Args:
        kind: `scorer` or `calibrator`.
        fitted: what its `to_json` wrote.
        models: values of `Item.model` among the fitted rows; empty does not tie it to any.
        more: facts for the reader, JSON-ready, such as the number of rows.
    """
    return {kind: json.loads(fitted), "models": sorted(models, key=str), **more}


def load_calibrator(tx: sa.Connection, key: str, now: datetime | None) -> Instrument | None:
    """Read one calibrator, None for an empty key; as in `load_instruments`."""
    found = _load(tx, key, "calibrator", _read_calibrator)
    if found is None or found.problem or now is None or found.fitted.origin is None:
        return found
    from hitl_core.calibration import stale

    recent = confidences.newest(tx, found.project, since=found.created_at, limit=RECENT)
    reasons = stale(found.fitted.origin, now=now, confidences_now=recent, oldest=timedelta.max)
    return found._replace(problem="stale", detail="; ".join(reasons)) if reasons else found


def ended(instrument: Instrument | None, now: datetime, max_age_days: float) -> str:
    """Return why no item may be calibrated by an instrument any more, empty where some may or there is none."""
    if instrument is None:
        return ""
    if instrument.problem:
        return f"the calibrator {instrument.key} is {instrument.detail or instrument.problem}; fit another one"
    if instrument.too_old(now, max_age_days):
        return f"the calibrator {instrument.key} is more than {max_age_days:g} days old; fit another one"
    return ""


def _load(tx: sa.Connection, key: str, kind: str, read: Callable[[Any], tuple[Any, str]]) -> Instrument | None:
    if not key:
        return None
    stored = artefacts.load(tx, key)
    if stored is None or stored.kind != kind:
        return Instrument(key, problem="missing")
    try:
        fitted, problem = read(stored.body.get(kind, stored.body))
        models = frozenset(None if each is None else str(each) for each in stored.body.get("models") or ())
        prompts = frozenset(map(str, stored.body.get("prompts") or ()))
        segment_by = tuple(str(each) for each in stored.body.get("segment_by") or ())
    except (InputError, TypeError, AttributeError, ValueError):
        return Instrument(key, problem="broken")
    return Instrument(key, fitted, problem, stored.project, models, stored.created_at, prompts, segment_by)


def _read_scorer(content: Any) -> tuple[Any, str]:
    from hitl_core.confidence.scorer import Scorer

    scorer = Scorer.from_json(_text(content))
    return scorer, "" if scorer.usable else "refused"


def _read_calibrator(content: Any) -> tuple[Any, str]:
    from hitl_core.calibration import calibrator_from_json

    return calibrator_from_json(_text(content)), ""


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
