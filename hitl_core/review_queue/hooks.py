"""What the hallway adds to the queue's own transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.records import Review, ReviewTask

OnComplete = Callable[[sa.Connection, ReviewTask, Review], None]
OnUndo = Callable[[sa.Connection, Any], None]
OnSweep = Callable[[sa.Connection, datetime], None]
AfterCommit = Callable[[str], None]


@dataclass
class Hooks:
    """Callables that run inside (`on_*`) or right after (`after_*`) the transaction.

    `on_complete(tx, task, review)` and `on_undo(tx, review_row)` may write; raising rolls everything back.
    `on_sweep(tx, now)` is called whenever expired leases are looked for: with most claims, and by the worker.
    `after_complete(item_key)` runs once the review is durable.
    """

    on_complete: list[OnComplete] = field(default_factory=list)
    on_undo: list[OnUndo] = field(default_factory=list)
    on_sweep: list[OnSweep] = field(default_factory=list)
    after_complete: list[AfterCommit] = field(default_factory=list)
