"""An embedder over sentence-transformers; the library and the weights are loaded by the first use."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.embedding.embedder import Vectors

CHARACTERS_PER_TOKEN = 16
"""More than any tokenizer needs; text beyond the model's window is cut before it costs time."""


class SentenceEmbedder:
    """Texts to unit vectors by one torch thread; safe to share between threads.

    Args:
        model: a folder or a model hub's name.
        fingerprint: known beforehand for the packaged model; otherwise computed from the loaded weights.
        dimension: likewise.
        local_only: refuse to look on the network even when the environment would allow it.
    """

    def __init__(
        self, model: str, *, fingerprint: str | None = None, dimension: int | None = None, local_only: bool = False
    ) -> None:
        self._name = model
        self._fingerprint = fingerprint
        self._dimension = dimension
        self._local_only = local_only
        self._model: Any = None
        self._lock = threading.RLock()

    @property
    def fingerprint(self) -> str:
        """Model name, weights and dimension in at most 64 characters."""
        if self._fingerprint is None:
            with self._lock:
                self._fingerprint = _fingerprint(self._name, self._loaded(), self.dimension)
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        if self._dimension is None:
            with self._lock:
                self._dimension = int(self._loaded().get_embedding_dimension())
        return self._dimension

    @property
    def ready(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    def warm(self) -> None:
        """Load the weights now and run them once, so that the next text takes milliseconds."""
        self.encode(["warm"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (len(texts), dimension), float32, each row of length 1.

        Raises:
            ModelUnavailableError: the model cannot be loaded.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with self._lock:
            model = self._loaded()
            limit = CHARACTERS_PER_TOKEN * int(model.max_seq_length or 512)
            vectors = model.encode(
                [text[:limit] for text in texts],
                batch_size=32,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = _load(self._name, local_only=self._local_only)
            return self._model


def _load(name: str, *, local_only: bool) -> Any:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelUnavailableError(
            f"embedding needs the package {error.name!r}; install it with: pip install sentence-transformers torch"
        ) from error
    torch.set_num_threads(1)
    try:
        with _quiet():
            model = SentenceTransformer(name, device="cpu", local_files_only=local_only)
    except Exception as error:  # the model libraries raise many kinds; all mean that this model cannot be used
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelUnavailableError(
            f"the embedding model {name!r} cannot be loaded: {cause[:200]}; give a local folder or a hub name in "
            "HITL_EMBEDDING_MODEL, or leave it empty for the packaged model"
        ) from error
    model.eval()
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars out of other people's terminals while a model loads."""
    logging: Any = sys.modules.get("transformers.utils.logging")
    if logging is None or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def _fingerprint(name: str, model: Any, dimension: int) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return f"{name.rstrip('/').rsplit('/', 1)[-1][:28]}/{digest.hexdigest()[:24]}/{dimension}"
