"""How often a model, or a judge, was right on items like one: same project, field and model, reviewed by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from hitl_core.domain.labels import Opinion, settle
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item
from hitl_core.store import reviews
from hitl_core.store.judging import verdicts
from hitl_core.store.judging.reviewed import reviewed_like

if TYPE_CHECKING:
    import sqlalchemy as sa

MOST = 300
FEWEST = 5


@dataclass(frozen=True)
class TrackRecord:
    """Of `n` reviewed items like this one `who` was right on `right`; `low` and `high` are Wilson's 95 % interval.

    The bounds are None under five items. A model is right when people found its output right, a judge when its verdict
    agrees with them; its abstentions are not counted.
    """

    who: str
    kind: str
    right: int
    n: int
    low: float | None = None
    high: float | None = None


def track_records(tx: sa.Connection, item: Item) -> list[TrackRecord]:
    """Return the record of the item's model, then of each judge (and committee member) that spoke about such items."""
    keys = reviewed_like(tx, item, limit=MOST)
    labels = _labels(tx, keys)
    found = [_record(item.model or "the model", "model", list(labels.values()))]
    hits: dict[str, list[bool]] = {}
    for key, given in verdicts.of_items(tx, list(labels)).items():
        for who, word in _said(given).items():
            if word != "abstain":
                hits.setdefault(who, []).append((word == "approve") == labels[key])
    return found + [_record(who, "judge", right) for who, right in sorted(hits.items())]


def _labels(tx: sa.Connection, keys: Sequence[str]) -> Mapping[str, bool]:
    found = {}
    for key, rows in reviews.effective(tx, keys).items():
        label = settle(
            [Opinion(row.reviewer, row.verdict, tuple(orjson.loads(row.reasons)), row.stage) for row in rows]
        )
        if label is not None:
            found[key] = label.correct
    return found


def _said(given: Sequence[JudgeVerdict]) -> dict[str, str]:
    """Return the newest word of each judge and of each committee's member."""
    said: dict[str, str] = {}
    for verdict in given:
        said |= {verdict.judge: verdict.verdict} | {vote.rater: vote.verdict for vote in verdict.votes}
    return said


def _record(who: str, kind: str, right: Sequence[bool]) -> TrackRecord:
    from hitl_core.stats import wilson

    hits, n = sum(right), len(right)
    if n < FEWEST:
        return TrackRecord(who, kind, hits, n)
    low, high = wilson(hits, n)
    return TrackRecord(who, kind, hits, n, low, high)
