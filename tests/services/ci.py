"""What a missing service means: a reason to skip on somebody's laptop, a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def in_ci() -> bool:
    """Whether this is a CI run, by the variable that every CI sets."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where nothing may be missing."""
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)
