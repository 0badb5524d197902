from __future__ import annotations

from pathlib import Path

import pytest

from tests.services import __main__ as services
from tests.services import browser
from tests.services.browser import BrowserUnavailableError, find_chromium, install_chromium
from tests.services.ci import in_ci, missing


def nothing() -> Path | None:
    return None


def refused() -> Path:
    raise BrowserUnavailableError("apt-get: no network")


def test_what_is_found_is_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert services.prepare("browser", lambda: Path("/opt/chromium"), refused)
    assert capsys.readouterr().out == "browser: /opt/chromium\n"


def test_what_is_missing_is_installed_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert services.prepare("browser", nothing, lambda: Path("/new/chromium"))
    assert capsys.readouterr().out.splitlines()[-1] == "browser: installed /new/chromium"


@pytest.mark.parametrize(("ci", "fate"), [("true", "fail in CI"), ("", "are skipped")])
def test_what_cannot_be_had_is_said_with_the_reason(
    ci: str, fate: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    assert not services.prepare("browser", nothing, refused)
    assert f"none to be had, tests that need it {fate} (apt-get: no network)" in capsys.readouterr().out


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0)])
def test_a_missing_service_stops_ci_and_nobody_else(ci: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(services, "prepare", lambda *_: False)
    assert services.main([]) == code


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("0", False), ("False", False), ("", False)]
)
def test_ci_is_recognised(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    assert in_ci() is expected


def test_missing_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        missing("no browser")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        missing("no browser")


def test_a_named_browser_is_taken_and_a_wrong_name_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "my-chromium"
    mine.touch(0o755)
    monkeypatch.setenv("HITL_CHROMIUM", str(mine))
    assert find_chromium() == mine
    monkeypatch.setenv("HITL_CHROMIUM", str(tmp_path / "gone"))
    assert find_chromium() is None


def test_root_tries_apt_first_and_says_why_both_ways_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fail(command: list[str]) -> str:
        calls.append(command[0])
        return f"{command[0]} failed"

    monkeypatch.setattr(browser, "find_chromium", nothing)
    monkeypatch.setattr(browser, "_problem_of", fail)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(BrowserUnavailableError, match=r"apt-get failed; .*python.* failed"):
        install_chromium()
    assert calls[0] == "apt-get"
