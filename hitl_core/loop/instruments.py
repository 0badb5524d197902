"""The fitted artefacts that a policy names: scorer and calibrator, read once for each policy version.

Public: `Instrument`, `Instruments`, `load_instruments`, `artefact_body`. What cannot be used is kept with its problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import Item
from hitl_core.store.trust import artefacts

ANY_PROJECT = "*"


class Instrument(NamedTuple):
    """A fitted artefact that a policy names, or why there is none: `problem` is missing, broken or refused.

    `models` are the values of `Item.model` it was fitted for (None among them: items that name no model); empty
    means that it was not tied to any.
    """

    key: str
    fitted: Any = None
    problem: str = ""
    project: str = ANY_PROJECT
    models: frozenset[str | None] = frozenset()
    created_at: datetime | None = None

    def holds_for(self, item: Item) -> bool:
        """Whether it is meant for the item's project; one that could not be read is meant for all."""
        return self.project in (ANY_PROJECT, item.project)

    def trouble(self, item: Item, now: datetime, max_age_days: float) -> str:
        """Return missing, broken, refused, stale, or nothing where it can be used for the item."""
        if self.problem:
            return self.problem
        assert self.created_at is not None
        too_old = now - self.created_at > timedelta(days=min(max_age_days, 100_000))
        return "stale" if too_old or (self.models and item.model not in self.models) else ""


class Instruments(NamedTuple):
    """What a policy version measures with; None where it names none."""

    scorer: Instrument | None = None
    calibrator: Instrument | None = None


def load_instruments(tx: sa.Connection, policy: Policy) -> Instruments:
    """Read the artefacts that a policy names; what cannot be used comes back with its problem."""
    return Instruments(
        _load(tx, policy.scorer.artefact, "scorer", _read_scorer),
        _load(tx, policy.calibration.artefact, "calibrator", _read_calibrator),
    )


def artefact_body(kind: str, fitted: str, *, models: Collection[str | None] = (), **more: Any) -> dict[str, Any]:
    """Return the body of a scorer's or calibrator's artefact.

    Args:
        kind: `scorer` or `calibrator`.
        fitted: what its `to_json` wrote.
        models: values of `Item.model` among the fitted rows; empty does not tie it to any.
        more: facts for the reader, JSON-ready, such as the number of rows.
    """
    return {kind: json.loads(fitted), "models": sorted(models, key=str), **more}


def _load(tx: sa.Connection, key: str, kind: str, read: Callable[[Any], tuple[Any, str]]) -> Instrument | None:
    if not key:
        return None
    stored = artefacts.load(tx, key)
    if stored is None or stored.kind != kind:
        return Instrument(key, problem="missing")
    try:
        fitted, problem = read(stored.body.get(kind, stored.body))
        models = frozenset(None if each is None else str(each) for each in stored.body.get("models") or ())
    except (InputError, TypeError, AttributeError, ValueError):
        return Instrument(key, problem="broken")
    return Instrument(key, fitted, problem, stored.project, models, stored.created_at)


def _read_scorer(content: Any) -> tuple[Any, str]:
    from hitl_core.confidence.scorer import Scorer

    scorer = Scorer.from_json(_text(content))
    return scorer, "" if scorer.usable else "refused"


def _read_calibrator(content: Any) -> tuple[Any, str]:
    from hitl_core.calibration import Calibrator

    return Calibrator.from_json(_text(content)), ""


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)
