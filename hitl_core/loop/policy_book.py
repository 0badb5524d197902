"""Which policy is live, and publishing another one."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from hitl_core.domain.clock import Clock
from hitl_core.domain.errors import ConflictError, InputError, NotFoundError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_sections import MONITOR, Breaker
from hitl_core.domain.text import require_clean
from hitl_core.loop.instruments import Instruments, load_instruments
from hitl_core.store import events, policies
from hitl_core.store.engine import Store
from hitl_core.store.policies import PublishedPolicy

REFRESH_SECONDS = 1.0
DRIFT_EVERY = timedelta(minutes=5)
_OWN_SECRET = "audit"  # noqa: S105 - the name it is kept under
_log = logging.getLogger(__name__)


Change = Callable[[Policy], Policy | None]
AfterAmend = Callable[["sa.Connection", int], None]


class LivePolicy(NamedTuple):
    """The policy that decides now, its version, and what it measures with."""

    version: int
    policy: Policy
    audit_secret: bytes
    instruments: Instruments = Instruments()


class PolicyBook:
    """Published versions; the highest is live, and every process notices a new one within a second.

    The secret of the audit coin is the policy's own where it brings one (kept beside the version, never in
    its body), else `audit_secret` of the settings, else one that the database made for itself.
    """

    def __init__(self, store: Store, clock: Clock, *, audit_secret: str = "") -> None:
        self._store = store
        self._clock = clock
        self._audit_secret = audit_secret
        self._lock = threading.Lock()
        self._live: LivePolicy | None = None
        self._looked_at = 0.0
        self._loaded_at = datetime.min.replace(tzinfo=UTC)

    def live(self) -> LivePolicy:
        """Return the live policy, at most a second old."""
        if self._live is None or time.monotonic() - self._looked_at > REFRESH_SECONDS:
            self.refresh()
        assert self._live is not None
        return self._live

    def known(self) -> LivePolicy:
        """Return the live policy as this process last saw it; reads nothing, so it may be asked in a transaction."""
        assert self._live is not None
        return self._live

    def refresh(self) -> None:
        """Look for a newer version now, and every few minutes for confidences that have drifted."""
        with self._lock, self._store.read() as tx:
            version, now = policies.live_version(tx), self._clock.now()
            if version is not None and (self._live is None or self._live.version != version):
                self._live, self._loaded_at = self._load(tx, version, now), now
            elif self._live is not None and self._live.instruments.calibrators and now - self._loaded_at > DRIFT_EVERY:
                instruments = load_instruments(tx, self._live.policy, now)
                self._live, self._loaded_at = self._live._replace(instruments=instruments), now
            self._looked_at = time.monotonic()

    def get(self, version: int) -> LivePolicy:
        """Return one version.

        Raises:
            NotFoundError: it was never published.
        """
        with self._store.read() as tx:
            return self._load(tx, version)

    def history(self) -> list[PublishedPolicy]:
        """Return every version, newest first."""
        with self._store.read() as tx:
            return policies.history(tx)

    def publish(self, policy: Policy, *, author: str, reason: str) -> int:
        """Make a policy live as a new version; an earlier one is rolled back to by publishing it again.

        Breakers that are tripped stay in it: only `amend` takes one away.

        Raises:
            InputError: the reason is empty.
        """
        if not reason.strip():
            raise InputError("publishing a policy needs a reason; say why it changes")
        require_clean(reason, "reason")
        with self._store.write() as tx:
            policies.lock(tx)
            version = self._append(tx, self._with_breakers(tx, policy), author, reason.strip())
        self.refresh()
        return version

    def amend(self, change: Change, *, author: str, reason: str, then: AfterAmend | None = None) -> int | None:
        """Publish a change of the policy that is live at that moment, whoever else publishes meanwhile.

        Args:
            change: makes the new policy out of the live one; None leaves it as it is.
            author: whose name the version carries.
            reason: why.
            then: called in the same transaction with the new version's number.

        Returns:
            The new version's number, None where nothing changed.

        Raises:
            ConflictError: the monitor would take a breaker away, which only a person may.
        """
        with self._store.write() as tx:
            policies.lock(tx)
            live = self._load(tx, policies.live_version(tx) or 0)
            changed = change(live.policy)
            if changed is None:
                return None
            if author == MONITOR and set(map(Breaker.segment, live.policy.breakers)) - set(
                map(Breaker.segment, changed.breakers)
            ):
                raise ConflictError("the monitor may trip a breaker and never reset one; a person must")
            version = self._append(tx, changed, author, reason)
            own = policies.secret(tx, f"audit.{live.version}")
            if own and not changed.audit.secret:
                policies.set_secret(tx, f"audit.{version}", own)
            if then is not None:
                then(tx, version)
        self.refresh()
        return version

    def settle(self, policy: Policy | None, *, author: str) -> None:
        """Choose the live policy when a loop opens.

        A policy that was never published becomes live. One that is an earlier version does not come back
        by itself: what was published since (perhaps to stop a break) stays live, and a warning says so.
        """
        with self._store.write() as tx:
            policies.lock(tx)
            live = policies.live_version(tx)
            policy = self._with_breakers(tx, policy) if policy else None
            known = {each.digest: each.version for each in reversed(policies.history(tx))} if policy else {}
            if live is None:
                policies.set_secret(tx, _OWN_SECRET, secrets.token_hex(32))
                self._append(tx, policy or Policy(), author, "first policy" if policy else "built-in default")
            elif policy is not None and policy.digest() not in known:
                self._append(tx, policy, author, "opened with a new policy file")
            elif policy is not None and known[policy.digest()] != live:
                _log.warning(
                    "the policy given is version %d, but version %d was published later and stays live; "
                    "to go back run: hitl policy publish FILE --reason …",
                    known[policy.digest()],
                    live,
                )
            elif policy is not None and self._brings_secret(tx, policy, live):
                self._append(tx, policy, author, "opened with a new audit secret")
        self.refresh()

    def _append(self, tx: sa.Connection, policy: Policy, author: str, reason: str) -> int:
        now = self._clock.now()
        version = policies.publish(
            tx,
            name=policy.name,
            digest=policy.digest(),
            body=policy.to_mapping(),
            author=author,
            reason=reason,
            at=now,
        )
        if policy.audit.secret:
            policies.set_secret(tx, f"audit.{version}", policy.audit.secret)
        data = {"version": version, "reason": reason}
        events.append(tx, "policy.published", at=now, actor=author, data=data)
        return version

    def _load(self, tx: sa.Connection, version: int, now: datetime | None = None) -> LivePolicy:
        found = policies.load(tx, version)
        if found is None:
            raise NotFoundError(f"policy version {version} was never published; see: hitl policy list")
        secret = policies.secret(tx, f"audit.{version}") or self._audit_secret or policies.secret(tx, _OWN_SECRET)
        policy = Policy.from_mapping(found.body)
        return LivePolicy(version, policy, (secret or "").encode(), load_instruments(tx, policy, now))

    def _with_breakers(self, tx: sa.Connection, policy: Policy) -> Policy:
        """Return the policy with the breakers that are tripped now, where it does not name them itself."""
        version = policies.live_version(tx)
        stored = policies.load(tx, version) if version is not None else None
        if stored is None or not stored.body.get("breakers"):
            return policy
        named = {each.segment() for each in policy.breakers}
        tripped = Policy.from_mapping(stored.body).breakers
        kept = tuple(each for each in tripped if each.segment() not in named)
        return policy.model_copy(update={"breakers": policy.breakers + kept})

    def _brings_secret(self, tx: sa.Connection, policy: Policy, live: int) -> bool:
        return bool(policy.audit.secret) and policy.audit.secret != policies.secret(tx, f"audit.{live}")


def as_policy(policy: Policy | str | Path | None) -> Policy | None:
    """Return a policy for a policy or for the path of its file."""
    return policy if policy is None or isinstance(policy, Policy) else Policy.load(policy)
