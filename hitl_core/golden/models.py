"""Which copy of the table a search uses: by meaning when an embedder is there, else by words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.embedding import Embedder
from hitl_core.golden.catalogue import Catalogue

EmbedderFactory = Callable[[], Embedder]


class Catalogues:
    """The embedder, made on first need, and the two catalogues; one per process and database.

    Args:
        make_embedder: returns the embedder; None for a machine without one.
        folder: where the index is kept between runs; None keeps it in memory only.
    """

    def __init__(self, make_embedder: EmbedderFactory | None, folder: Path | None) -> None:
        self.words = Catalogue()
        self._make = make_embedder
        self._folder = folder
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None
        self._meaning: Catalogue | None = None
        self._problem: ModelUnavailableError | None = None
        if make_embedder is None:
            self._problem = ModelUnavailableError("no embedding model is configured; examples are found by words")

    @property
    def ready(self) -> bool:
        """Whether the next text is embedded at once instead of after loading the model."""
        return self._embedder is not None and self._embedder.ready

    @property
    def problem(self) -> str:
        """Why there is no embedder, empty if there is one or nobody has asked yet."""
        return str(self._problem or "")

    @property
    def loaded(self) -> list[Catalogue]:
        """The catalogues that somebody has used."""
        return [each for each in (self._meaning, self.words) if each is not None and each.opened]

    def embedder(self, *, retry: bool = False) -> Embedder:
        """Return the embedder.

        Args:
            retry: try again although it failed before.

        Raises:
            ModelUnavailableError: there is none; the message says why.
        """
        with self._lock:
            if self._embedder is not None:
                return self._embedder
            if self._make is None or (self._problem is not None and not retry):
                raise self._problem or ModelUnavailableError("no embedding model is configured")
            try:
                self._embedder = self._make()
            except ModelUnavailableError as error:
                self._problem = error
                raise
            self._problem = None
            return self._embedder

    def give_up(self, problem: ModelUnavailableError) -> None:
        """Remember that the embedder cannot be used after all."""
        with self._lock:
            self._embedder, self._problem = None, problem

    def meaning(self) -> Catalogue:
        """Return the catalogue of the embedder's vectors.

        Raises:
            ModelUnavailableError: there is no embedder.
        """
        embedder = self.embedder()
        if self._meaning is None or self._meaning.fingerprint != embedder.fingerprint:
            with self._lock:
                if self._meaning is None or self._meaning.fingerprint != embedder.fingerprint:
                    self._meaning = Catalogue(embedder.fingerprint, embedder.dimension, self._folder)
        return self._meaning
