"""The audit coin: reproducible for whoever holds the secret, unpredictable for whoever submits."""

from __future__ import annotations

import hmac

from hitl_core.domain.errors import ConfigurationError


def overlap_draw(secret: bytes, project: str, item_id: str) -> float:
    """Return a number in [0, 1) that is independent of the audit coin's for the same item.

    Raises:
        ConfigurationError: as `audit_draw`.
    """
    return audit_draw(secret, f"overlap\0{project}", item_id)


def audit_draw(secret: bytes, project: str, item_id: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the secret and which item it is.

    HMAC-SHA256 over `project NUL item id` (neither can contain NUL, so no two items share a message); the first 53
    bits, which is what a float holds exactly.

    Raises:
        ConfigurationError: the secret is empty, so anybody could compute the coin.
    """
    if not secret:
        raise ConfigurationError("the audit secret is empty; set audit.secret in the policy or HITL_AUDIT_SECRET")
    digest = hmac.digest(secret, f"{project}\0{item_id}".encode(), "sha256")
    return float((int.from_bytes(digest[:8], "big") >> 11) / (1 << 53))
