"""Tokens: what a reviewer shows to prove that a task is still theirs."""

from __future__ import annotations

import hmac
from typing import Any

import sqlalchemy as sa

from hitl_core.domain.errors import InputError, LeaseLostError, NotFoundError
from hitl_core.domain.records import Review
from hitl_core.domain.text import require_clean
from hitl_core.store import tasks

HOLDABLE = ("claimed", "pending")


def reviewer_name(name: str) -> str:
    """Return a usable reviewer name, without surrounding spaces.

    Raises:
        InputError: it is empty, too long, or has characters that cannot be stored.
    """
    clean = name.strip() if isinstance(name, str) else ""
    if not 0 < len(clean) <= 200:
        raise InputError(f"a reviewer name has 1 to 200 characters, got {name!r:.60}; choose a name")
    return require_clean(clean, "reviewer")


def split_token(token: str) -> tuple[str, str]:
    """Return (task key, secret) of a token.

    Raises:
        InputError: it is not a token.
    """
    key, dot, secret = token.partition(".") if isinstance(token, str) else ("", "", "")
    if not (key and dot and secret and token.isascii() and token.isprintable()):
        raise InputError(f"{token!r:.60} is not a task token; use task.token from queue.claim")
    return key, secret


def lock_mine(tx: sa.Connection, token: str, *, review: Review | None = None) -> Any:
    """Return the locked row of a task that the token still opens.

    A lease that ran out is forgiven as long as nobody else took the task: the work was done, and the token
    proves that nothing happened in between.

    Raises:
        NotFoundError: there is no such task.
        LeaseLostError: somebody else took or finished it; `review` goes back to its author.
    """
    key, secret = split_token(token)
    row = tasks.lock(tx, key)
    if row is None:
        raise NotFoundError(f"no task {key!r:.60}; it belongs to another database")
    if row.status in HOLDABLE and same_secret(row, secret):
        return row
    raise LeaseLostError(_lost(row, secret), review)


def same_secret(row: Any, secret: str) -> bool:
    """Whether a secret is the one of the task's latest claim."""
    return bool(row.token) and hmac.compare_digest(row.token, secret)


def _lost(row: Any, secret: str) -> str:
    if same_secret(row, secret):
        return f"this task is already {row.status}; nothing was saved"
    if row.status == "claimed":
        return f"the lease ran out and {row.claimed_by} took the task over; nothing was saved, keep your text"
    if row.status == "done":
        return "the lease ran out and somebody else finished the task; nothing was saved, keep your text"
    return f"the task is {row.status} and no longer yours; nothing was saved, keep your text"
