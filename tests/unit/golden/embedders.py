"""A tiny deterministic embedder: character trigrams hashed into 64 numbers. For tests only."""

import hashlib
from collections.abc import Sequence

import numpy as np

from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.embedding.embedder import Vectors


class HashingEmbedder:
    """Texts that share trigrams are alike; equal texts have cosine 1."""

    def __init__(self, name: str = "hashing") -> None:
        self.fingerprint = f"{name}/64"
        self.dimension = 64
        self.ready = True
        self.encoded: list[str] = []

    def warm(self) -> None:
        self.encode(["warm"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            padded = f"  {text.casefold()}  "
            for place in range(len(padded) - 2):
                digest = hashlib.blake2b(padded[place : place + 3].encode(), digest_size=8).digest()
                vectors[row, digest[0] % self.dimension] += 1 if digest[1] % 2 else -1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.maximum(lengths, 1e-9)
        return vectors


class BrokenEmbedder(HashingEmbedder):
    """Has a fingerprint, but its weights cannot be loaded."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise ModelUnavailableError(f"no weights for {len(texts)} texts")
