"""A run's folder: a manifest, the result of each part, and the report made of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.suite import SuiteResult, as_json, from_json
from hitl_core.domain.errors import InputError

MANIFEST, RESULTS = "manifest.json", "results"


@dataclass(frozen=True)
class Part:
    """The result of one suite or one own run, with what it was made of and how long it took."""

    result: SuiteResult
    key: Mapping[str, Any]
    seconds: float = 0.0


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes the files of a run; each is replaced whole, so a killed run leaves no half file."""

    path: Path

    def work(self, name: str) -> Path:
        """Where a part may keep files of its own."""
        return self.path / name

    def save(self, part: Part) -> Path:
        """Write the result of a part."""
        body = {"key": part.key, "seconds": round(part.seconds, 3), "result": as_json(part.result)}
        return write_json(self.path / RESULTS / f"{part.result.suite}.json", body)

    def load(self, name: str) -> Part | None:
        """The result of a part; None where there is none.

        Raises:
            InputError: the file is damaged.
        """
        path = self.path / RESULTS / f"{name}.json"
        return read_part(path) if path.is_file() else None

    def parts(self) -> list[Part]:
        """All results, by name.

        Raises:
            InputError: this is no folder of a run, or a file is damaged.
        """
        found = sorted((self.path / RESULTS).glob("*.json"))
        if not found:
            raise InputError(f"{self.path} is no folder of a run: it has no {RESULTS}/*.json")
        return [read_part(path) for path in found]

    def save_manifest(self, facts: Mapping[str, Any]) -> None:
        """Write the manifest; parts of an earlier call into the same folder stay in it."""
        before = self.manifest().get("parts", {})
        write_json(self.path / MANIFEST, {**facts, "parts": {**before, **facts.get("parts", {})}})

    def manifest(self) -> dict[str, Any]:
        """The manifest, empty where there is none."""
        path = self.path / MANIFEST
        return read_json(path) if path.is_file() else {}


def read_part(path: Path) -> Part:
    """Read the file of a part.

    Raises:
        InputError: it is none.
    """
    body = read_json(path)
    if "result" not in body:
        raise InputError(f"{path} is not the result of a run")
    return Part(from_json(body["result"]), body.get("key", {}), float(body.get("seconds") or 0))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InputError(f"{path} does not hold a JSON object")
    return body


def write_json(path: Path, body: Mapping[str, Any], *, indent: int | None = None) -> Path:
    """Replace a file by a JSON object.

    Raises:
        InputError: it cannot be written.
    """
    return write_text(path, json.dumps(body, ensure_ascii=False, default=str, indent=indent))


def write_text(path: Path, text: str) -> Path:
    """Replace a file by a text.

    Raises:
        InputError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    return path
