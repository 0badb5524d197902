from __future__ import annotations

from pathlib import Path

import pytest

from app.__main__ import is_local, main
from app.launch import allowed_hosts, packaged_config


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False), ("box", False)],
)
def test_local_addresses(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_an_open_address_needs_the_flag_that_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "0.0.0.0"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no sign-in" in said
    assert "--without-sign-in" in said


def test_a_wrong_port_and_a_wrong_policy_end_with_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sqlite_url: str
) -> None:
    assert main(["--port", "99999"]) == 2
    policy = tmp_path / "policy.toml"
    policy.write_text("treshold = 0.5\n", encoding="utf-8")
    assert main(["--database", sqlite_url, "--policy", str(policy)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("app: ") for line in lines] == [True, True]


def test_the_packaged_configuration_hides_tracebacks_and_calls_nobody() -> None:
    config = packaged_config()
    assert config["client.showErrorDetails"] == "none"
    assert config["browser.gatherUsageStats"] is False
    assert config["server.fileWatcherType"] == "none"


def test_hosts_that_are_answered() -> None:
    from app.__main__ import parse

    options = parse(["--host", "10.0.0.5", "--without-sign-in", "--allowed-host", "review.example"])
    assert allowed_hosts(options) == ("localhost", "127.0.0.1", "::1", "10.0.0.5", "review.example")
