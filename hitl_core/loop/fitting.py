"""Fitting a project's scorer to what its reviewers said, and keeping it as an artefact.

Public: `fit_project_scorer`, `FittedScorer`, `newest_scorer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hitl_core.domain.errors import NotFoundError
from hitl_core.loop.instruments import artefact_body
from hitl_core.store import events, items
from hitl_core.store.trust import artefacts
from hitl_core.store.trust.artefacts import Artefact

if TYPE_CHECKING:
    from hitl_core.confidence.scorer import Scorer
    from hitl_core.confidence.signals import Signals
    from hitl_core.loop.hallway import Loop

MOST_ROWS = 20_000
_AT_ONCE = 500


class FittedScorer(NamedTuple):
    """A scorer and the artefact it is kept as; `artefact.key` is what a policy names."""

    artefact: Artefact
    scorer: Scorer


class _Rows(NamedTuple):
    keys: list[str]
    correct: list[bool]
    groups: list[str]
    weights: list[float]


def fit_project_scorer(
    loop: Loop, *, project: str = "default", seed: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> FittedScorer:
    """Fit a scorer to the newest 20,000 labelled items of a project and store it, usable or refused.

    What a label is says `domain.labels`; each row weighs 1 / its probability of having been labelled, and the items of
    one question stay in one fold.

    Args:
        loop: an open loop; its actor is the author.
        project: whose labels.
        seed: of folds and bootstrap.
        on_progress: called with rows measured and rows in all.

    Raises:
        InputError: too few labels; the message says how many are needed.
    """
    from hitl_core.confidence.fitting import fit_scorer

    rows = _labelled(loop, project)
    signals = _measured(loop, rows.keys, on_progress)
    scorer = fit_scorer(signals, rows.correct, groups=rows.groups, weights=rows.weights, seed=seed)
    body = artefact_body("scorer", scorer.to_json(), usable=scorer.usable, newest_item=rows.keys[-1], seed=seed)
    with loop.store.write() as tx:
        now = loop.clock.now()
        kept = artefacts.append(tx, project=project, kind="scorer", name="scorer", body=body, author=loop.actor, at=now)
        data = {"artefact": kept.key, "version": kept.version, "n": scorer.n, "auroc": scorer.auroc}
        data |= {"auroc_low": scorer.auroc_low, "usable": scorer.usable}
        events.append(tx, "scorer.fitted", at=now, actor=loop.actor, project=project, data=data)
    return FittedScorer(kept, scorer)


def newest_scorer(loop: Loop, *, project: str = "default", key: str | None = None) -> FittedScorer:
    """Return a project's newest scorer, or the one of a key.

    Raises:
        NotFoundError: there is none. InputError: it cannot be read.
    """
    import json

    from hitl_core.confidence.scorer import Scorer

    with loop.store.read() as tx:
        found = artefacts.load(tx, key) if key else artefacts.newest(tx, project=project, kind="scorer")
    if found is None or found.kind != "scorer":
        wanted = f"with the key {key!r:.60}" if key else f"in the project {project!r:.60}"
        raise NotFoundError(f"there is no scorer {wanted}; fit one: hitl scorer fit --project NAME")
    return FittedScorer(found, Scorer.from_json(json.dumps(found.body.get("scorer"))))


def _labelled(loop: Loop, project: str) -> _Rows:
    import polars as pl

    from hitl_core.store.trust.labelled import labelled_frame

    cosmetic = loop.policy.labels.cosmetic_reasons
    with loop.store.read() as tx:
        frame = labelled_frame(tx, now=loop.clock.now(), project=project, cosmetic=cosmetic)
    kept = frame.filter(pl.col("correct").is_not_null() & (pl.col("inclusion_probability") > 0)).tail(MOST_ROWS)
    return _Rows(
        kept["item_key"].to_list(),
        kept["correct"].to_list(),
        kept["group"].to_list(),
        (1 / kept["inclusion_probability"]).to_list(),
    )


def _measured(loop: Loop, keys: list[str], on_progress: Callable[[int, int], None] | None) -> list[Signals]:
    from hitl_core.confidence.signals import compute_signals

    found: list[Signals] = []
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        with loop.store.read() as tx:
            loaded = items.load_many(tx, part)
        found += [compute_signals(loaded[key]) for key in part]
        if on_progress is not None:
            on_progress(len(found), len(keys))
    return found
