"""Few-shot search beside the same FAISS index object, called bare."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from evals.bench.filling import Vectors, fill_golden, random_vectors
from evals.bench.results import Aim, Part, Setup, alternate, median, ms, timed
from evals.figures import percentile
from hitl_core import Loop
from hitl_core.embedding import load_embedder

SIZES = (10_000, 100_000)
K, FETCH = 4, 32
ROUNDS, SEARCHES, EMBEDDED = 10, 20, 20
AIM = 2.0


def measure_few_shot(setup: Setup) -> list[Part]:
    """Measure search with a given vector, the index alone, and search with embedding the question."""
    header = (
        "database",
        "golden",
        "few_shot p50 ms",
        "p95 ms",
        "index p50 ms",
        "p95 ms",
        "ratio",
        "with embedding p50 ms",
        "p95 ms",
    )
    part = Part(f"Few-shot, k = {K}, fetch = {FETCH}, 384 dimensions", header)
    for kind in setup.kinds:
        for size in map(setup.size, SIZES):
            with setup.databases.empty(kind) as url, Loop.open(url) as loop:
                _measure(setup, kind, size, loop, part)
    return [part]


def _measure(setup: Setup, kind: str, size: int, loop: Loop, part: Part) -> None:
    embedder = load_embedder("")
    fill_golden(loop, random_vectors(size, embedder.dimension), embedder.fingerprint)
    count = setup.size(SEARCHES)
    questions = random_vectors(count, embedder.dimension, seed=1)

    def product() -> list[float]:
        return timed([_search(loop, vector) for vector in questions])

    product()
    index = _faiss_index(loop)

    def baseline() -> list[float]:
        return timed([_bare(index, vector) for vector in questions])

    ours, theirs = alternate(ROUNDS, product, baseline)
    asked = _embedded(setup, loop)
    ratio = median(ours) / median(theirs)
    figures = [ms(percentile(values, share)) for values in (ours, theirs) for share in (0.5, 0.95)]
    tail = [ms(percentile(asked, share)) for share in (0.5, 0.95)]
    part.rows.append([kind, size, *figures, ratio, *tail])
    part.aims.append(Aim(f"few-shot on {kind}, {size:,} golden, within {AIM:g} times the bare index", ratio, AIM))


def _search(loop: Loop, vector: Vectors) -> Callable[[], object]:
    return lambda: loop.golden.few_shot("a question", K, vector=vector, fetch=FETCH)


def _bare(index: Any, vector: Vectors) -> Callable[[], object]:
    query = np.ascontiguousarray(vector.reshape(1, -1))
    return lambda: index.search(query, FETCH)


def _embedded(setup: Setup, loop: Loop) -> list[float]:
    loop.golden.warm()
    texts = [f"how is claim {number} of a late invoice paid?" for number in range(setup.size(EMBEDDED))]
    return timed([partial(loop.golden.few_shot, text, K, fetch=FETCH) for text in texts])


def _faiss_index(loop: Loop) -> Any:
    """Return the very index object that the library searches."""
    return loop.golden._catalogues.meaning()._index._faiss
