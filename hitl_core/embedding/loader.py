"""Which embedder: the packaged one, or the one the settings name."""

from __future__ import annotations

from hitl_core.embedding.embedder import Embedder
from hitl_core.embedding.sentence import SentenceEmbedder
from hitl_core.embedding.weights import DIMENSION, MODEL_NAME, SHA256, find_packaged_model, verify_weights


def load_embedder(model: str = "") -> Embedder:
    """Return an embedder; its weights are read by the first `encode` or by `warm()`.

    Args:
        model: empty for the packaged all-MiniLM-L6-v2 (384 dimensions, weights checked by SHA-256, never the
            network); otherwise a local folder or a hub name for sentence-transformers, which downloads unless
            HF_HUB_OFFLINE=1 and whose weights are loaded now to know their fingerprint.

    Raises:
        ModelUnavailableError: the model is not installed, damaged, or cannot be loaded.
    """
    if not model.strip():
        folder = find_packaged_model()
        verify_weights(folder / "model.safetensors")
        fingerprint = f"{MODEL_NAME}/{SHA256[:24]}/{DIMENSION}"
        return SentenceEmbedder(str(folder), fingerprint=fingerprint, dimension=DIMENSION, local_only=True)
    embedder = SentenceEmbedder(model.strip())
    _ = embedder.fingerprint
    return embedder
