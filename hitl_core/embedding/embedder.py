"""What the rest of the product needs from an embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A model that turns texts into unit vectors, so that a dot product is the cosine similarity."""

    @property
    def fingerprint(self) -> str:
        """Model name, weights and dimension in at most 64 characters; vectors of two fingerprints never mix."""
        ...

    @property
    def dimension(self) -> int:
        """Length of one vector."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the weights are in memory; if not, the next `encode` loads them first (seconds)."""
        ...

    def warm(self) -> None:
        """Load the weights now."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (len(texts), dimension), float32, each row of length 1."""
        ...
