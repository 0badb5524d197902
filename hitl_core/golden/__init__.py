"""Corrections that teach: golden examples, and the ones most alike to a new question."""

from hitl_core.golden.library import GoldenLibrary

__all__ = ["GoldenLibrary"]
