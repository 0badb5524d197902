"""Identifiers: UUIDv7 (RFC 9562), so that they sort by time of creation; tokens are random and secret."""

from __future__ import annotations

import secrets

import uuid_utils


def new_id() -> str:
    """Return a UUIDv7 as 32 hex digits; later ids sort after earlier ones."""
    return uuid_utils.uuid7().hex


def new_token() -> str:
    """Return 128 random bits as hex: the proof that a reviewer holds a task."""
    return secrets.token_hex(16)
