"""The suites, one module each: whatever lies in this folder with NAME, DESCRIPTION, SETS and `run` is one.

Names with a leading underscore are parts of suites.
"""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches
from typing import cast

from evals.suite import Suite
from hitl_core.domain.errors import InputError

PARTS = ("NAME", "DESCRIPTION", "SETS", "run")


def names() -> tuple[str, ...]:
    """The names of all suites, sorted, without importing any of them."""
    return tuple(sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_")))


def find(name: str) -> Suite:
    """The suite of a name.

    Raises:
        InputError: there is no such suite; the message names the nearest one.
    """
    known = names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
        raise InputError(f"no suite {name!r}; {hint}")
    module = importlib.import_module(f"{__name__}.{name}")
    missing = [part for part in PARTS if not hasattr(module, part)]
    if missing:
        raise InputError(f"evals/suites/{name}.py is not a suite: it has no {', '.join(missing)}")
    return cast("Suite", module)
