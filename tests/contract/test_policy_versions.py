"""Policies are versioned rows; a decision names its version; nothing earlier comes back by itself."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hitl_core import InputError, Item, Loop, NotFoundError, Policy, PolicyError, Route
from hitl_core.domain.clock import ManualClock


def _item(name: str, confidence: float = 0.9) -> Item:
    return Item(id=name, query="q", output="o", confidence=confidence)


def test_a_new_database_starts_with_the_built_in_policy(loop: Loop) -> None:
    live = loop.policies.live()
    assert (live.version, live.policy) == (1, Policy())
    assert loop.policies.history()[0].reason == "built-in default"


def test_publishing_changes_what_happens_next_and_decisions_name_their_version(loop: Loop) -> None:
    first = loop.submit(_item("a"))
    live = loop.acting_as("lea").publish(Policy.from_mapping({"threshold": 0.85}), reason="two ways are enough")
    second = loop.submit(_item("b"))
    assert (first.route, first.policy_version) == (Route.ASYNC_REVIEW, 1)
    assert (second.route, second.policy_version, live.version) == (Route.AUTO_APPROVE, 2, 2)
    newest = loop.policies.history()[0]
    assert (newest.author, newest.reason) == ("lea", "two ways are enough")
    assert loop.story("a").decision == first


def test_rolling_back_is_publishing_an_earlier_version_again(loop: Loop) -> None:
    loop.publish(Policy.from_mapping({"threshold": 0.85}), reason="try")
    live = loop.publish(loop.policies.get(1).policy, reason="back")
    assert (live.version, live.policy) == (3, Policy())
    with pytest.raises(NotFoundError, match="policy version 9 was never published"):
        loop.policies.get(9)


def test_a_reason_is_needed(loop: Loop) -> None:
    with pytest.raises(InputError, match="needs a reason"):
        loop.publish(Policy(), reason="  ")


def test_a_policy_file_is_published_when_it_is_new_and_only_then(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("threshold = 0.85\n")
    for expected in (1, 1):
        with Loop.open(database_url, policy=str(file), clock=clock) as loop:
            assert loop.policies.live().version == expected
    file.write_text("threshold = 0.7\n")
    with Loop.open(database_url, policy=file, clock=clock) as loop:
        assert (loop.policies.live().version, loop.policy.effective_thresholds().auto_approve.value) == (2, 0.7)


def test_an_old_policy_file_does_not_undo_what_was_published_since(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    loose = Policy.from_mapping({"threshold": 0.5})
    with Loop.open(database_url, policy=loose) as loop:
        loop.publish(Policy.from_mapping({"threshold": 0.99}), reason="errors escaped")
    with caplog.at_level(logging.WARNING), Loop.open(database_url, policy=loose) as loop:
        assert loop.policies.live().version == 2
        assert loop.submit(_item("a")).needs_human
    assert "the policy given is version 1, but version 2 was published later and stays live" in caplog.text


def test_a_file_that_cannot_be_used_says_so_in_one_line(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("treshold = 0.85\n")
    with pytest.raises(PolicyError, match="did you mean 'threshold'") as caught:
        Loop.open(database_url, policy=file)
    assert "\n" not in str(caught.value)


def test_another_process_follows_within_a_refresh(database_url: str) -> None:
    with Loop.open(database_url) as one, Loop.open(database_url) as two:
        assert two.policies.live().version == 1
        one.publish(Policy.from_mapping({"threshold": 0.85}), reason="tighter")
        two.policies.refresh()
        assert two.policies.live().version == 2


def test_the_audit_secret_stays_out_of_the_policy_rows_and_still_decides(database_url: str) -> None:
    def audited(secret: str) -> list[bool]:
        policy = Policy.from_mapping({"audit": {"rate": 0.5, "secret": secret}})
        with Loop.open(database_url, policy=policy) as loop:
            batch = loop.submit_many(_item(f"{n}", 0.99).model_copy(update={"project": secret}) for n in range(64))
            assert secret not in str(loop.policies.history())
            return [each.audited for each in batch.decisions]

    def again(secret: str) -> list[bool]:
        from hitl_core.routing.coin import audit_draw

        return [audit_draw(secret.encode(), secret, str(n)) < 0.5 for n in range(64)]

    one, two = "a secret of sixteen or more", "another secret, also long enough"
    assert audited(one) == again(one)
    assert audited(two) == again(two)


def test_the_databases_own_secret_differs_from_database_to_database(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        with Loop.open(f"sqlite:///{tmp_path / name}.db") as loop:
            found.append(loop.policies.live().audit_secret)
            assert len(found[-1]) == 64
    assert found[0] != found[1]
