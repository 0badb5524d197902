"""From a question to a what-if: which policy, which decisions, which labels, which coin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_core.domain.errors import InputError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices
from hitl_core.reports.periods import Window
from hitl_core.reports.whatif.replaying import Asked, compute_what_if
from hitl_core.reports.whatif.result import WhatIf
from hitl_core.store.engine import Store
from hitl_core.store.reading.decided import decided, versions_of

if TYPE_CHECKING:
    import polars as pl

VersionOf = Callable[[int], tuple[Policy, bytes]]
"""Returns a published policy and the key of its audit coin."""
Given = Policy | str | Path | int


def ask(
    store: Store,
    labelled: Callable[[], pl.DataFrame],
    version_of: VersionOf,
    policy: Given,
    span: Window,
    *,
    project: str | None,
    prices: Prices,
    most_items: int,
    level: float,
) -> WhatIf:
    """Replay the decisions of a time under another policy; see `Reports.what_if`."""
    if most_items < 0:
        raise InputError(f"at most {most_items} items cannot be listed; give 0 or more")
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, such as 0.95; got {level!r}")
    chosen, name = named(policy, version_of)
    asked = Asked(chosen, name, span, project, prices, most_items, level)
    secrets = {version: version_of(version)[1] for version in versions_of(store)}
    parts = decided(store, since=span.since, until=span.until, project=project)
    return compute_what_if(parts, labelled(), asked, secrets)


def named(policy: Given, version_of: VersionOf) -> tuple[Policy, str]:
    """Return a policy and how to call it: its name, with its version or file where it came by one.

    Raises:
        PolicyError: the file cannot be used. NotFoundError: the version was never published.
    """
    if isinstance(policy, Policy):
        return policy, policy.name
    if isinstance(policy, int):
        return version_of(policy)[0], f"version {policy}"
    found = Policy.load(policy)
    return found, f"{found.name} ({Path(policy).name})"
