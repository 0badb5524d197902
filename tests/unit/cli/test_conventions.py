"""What holds for every command: help with an example, one line and exit code 2 for bad input, a quick start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hitl_core.cli.main import app, main, run

HEAVY = {"polars", "pyarrow", "litellm", "torch", "sentence_transformers", "faiss", "streamlit", "sklearn", "alembic"}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    group = group or typer.main.get_command(app)
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HITL_DATABASE_URL", f"sqlite:///{tmp_path / 'hitl.db'}")


def test_the_walk_finds_the_commands() -> None:
    found = {" ".join(path) for path in commands()}
    assert {"import", "export", "stats", "doctor", "up", "work", "demo", "policy publish", "db upgrade"} <= found


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: hitl" in shown
    assert "Example: " in shown
    assert "hitl " in shown.split("Example: ")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "none.jsonl"],
        ["import", "none.jsonl", "--batch", "0"],
        ["import", "none.jsonl", "--rest", "nowhere"],
        ["export", "reviewz", "a.csv"],
        ["export", "reviews", "a.docx"],
        ["export", "reviews", "a.csv", "--since", "yesterday"],
        ["policy", "check", "none.toml"],
        ["policy", "show", "99"],
        ["policy", "publish", "none.toml", "--reason", "x"],
        ["reviewer", "add", "x" * 201],
        ["stats", "--since", "soon"],
        ["nonsense"],
        ["stats", "--project", "\udcff"],
        ["--database", "mysql://x/y", "stats"],
        ["--database", "nonsense", "db", "upgrade"],
        ["--database", "sqlite:///x.db", "demo", "--fresh"],
    ],
    ids=lambda arguments: ascii(" ".join(arguments)),
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("hitl: ")


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_debugging_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DEBUG", "1")
    with pytest.raises(Exception, match="cannot be read"):
        run(["import", "none.jsonl"])


def test_terminal_codes_in_an_error_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    run(["policy", "check", "\x1b[31mred\nline.toml"])
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert shown.count("\n") == 1


def test_main_exits_with_the_code_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip()


def test_the_start_loads_nothing_heavy() -> None:
    code = f"import sys, hitl_core.cli.main; print(*{HEAVY!r} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert shown.stdout.strip() == ""
