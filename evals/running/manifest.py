"""What a run was made with, so that another can repeat it: code, data, prompts, seed, machine."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import hitl_core
from evals import datasets

CORE = Path(hitl_core.__file__).parent
EVALS = Path(__file__).parents[1]
LIBRARIES = ("litellm", "numpy", "polars", "scikit-learn", "torch")


def manifest(*, seed: int, data: Path | None, sets: Iterable[str] = ()) -> dict[str, Any]:
    """The facts that are the same for all parts of a run.

    Args:
        seed: of the run.
        data: folder of the sets.
        sets: names of those that are used.

    Returns:
        dict: code (version and digest of the sources), seed, sets (name to SHA-256 of its file, None where absent),
        prompts (file to SHA-256), python, platform, libraries, at.
    """
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": {"version": code_version(), "sources": sources_digest()},
        "seed": seed,
        "sets": set_digests(data, sets),
        "prompts": prompt_digests(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _installed(name) for name in LIBRARIES},
    }


@cache
def code_version() -> str:
    """`git describe` of the checkout, else the version of the installed package."""
    git = shutil.which("git")
    if git is not None and (EVALS.parent / ".git").exists():
        asked = [git, "-C", str(EVALS.parent), "describe", "--always", "--dirty", "--tags"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
        if answer.returncode == 0:
            return answer.stdout.strip()
    return _installed("hitl-review") or "unknown"


@cache
def sources_digest() -> str:
    """SHA-256 of the program's modules and prompts: a suite's result holds as long as this does."""
    files = [path for folder in (CORE, EVALS) for kind in ("*.py", "*.md") for path in folder.rglob(kind)]
    known = {f"{path.parent.name}/{path.name}:{_sha256(path)}" for path in files}
    return hashlib.sha256("\n".join(sorted(known)).encode()).hexdigest()


def prompt_digests() -> dict[str, str]:
    """SHA-256 of each prompt file, by its name with version."""
    return {path.stem: _sha256(path) for path in sorted(CORE.rglob("prompts/*.md"))}


def set_digests(data: Path | None, sets: Iterable[str]) -> dict[str, str | None]:
    """SHA-256 of each set's file; None where it is not there."""
    paths = {name: datasets.path_of(name, data) if data is not None else None for name in sets}
    return {name: _sha256(path) if path is not None and path.is_file() else None for name, path in paths.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
