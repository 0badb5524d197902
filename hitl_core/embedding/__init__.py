"""Sentence embeddings: texts in, unit vectors out. torch is loaded by the first text, never by an import."""

from hitl_core.embedding.embedder import Embedder
from hitl_core.embedding.loader import load_embedder

__all__ = ["Embedder", "load_embedder"]
