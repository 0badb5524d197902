"""What embeddings add to finding answers that mean the same: unanimous approval of evouna's systems by each rule."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evals.harness.cases import Dataset
from evals.harness.metrics import mean_by_group
from evals.suite import Table
from evals.suites._ballots import SYSTEMS, five_answers, matrices, same_of_evouna
from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.judging.committee.answers import same_direction

# Encoding is slow on a busy machine; this many questions keep the suite well inside two minutes.
QUESTIONS = 60
COSINES = (0.6, 0.7, 0.8, 0.9)
Bools = NDArray[np.bool_]


def alike_by_embedding(data: Dataset, seed: int) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Compare rules of sameness on a sample of questions.

    Returns:
        tuple: the table, or none, and a note where the embedding model is not there.
    """
    sample = data.limited(QUESTIONS, seed)
    answers = same_of_evouna(sample)
    if answers.is_empty():
        return (), ()
    words = matrices(answers)
    try:
        cosines = dict(zip(COSINES, _by_cosine(sample), strict=True))
    except ModelUnavailableError as error:
        return (), (f"skipped: answers compared by embedding: {error}",)
    rules = [("telling words", words)]
    rules += [(f"cosine ≥ {least}", same) for least, same in cosines.items()]
    rules += [(f"telling words or cosine ≥ {least}", words | same) for least, same in cosines.items()]
    lines = tuple(_line(name, same, answers, seed) for name, same in rules)
    columns = ("the same means", "coverage", "right there", "95 %", "answers")
    title = f"evouna: all four others say the same, by what counts as the same (n = {words.shape[0] * len(SYSTEMS)})"
    note = "a sample of the questions; embeddings are those of the packaged model, compared without the question"
    return (Table(title, columns, lines, note),), ()


def _by_cosine(data: Dataset) -> list[Bools]:
    from hitl_core.embedding import load_embedder

    texts = [text for five in five_answers(data) for text in (row["output"] for row in five)]
    vectors = np.asarray(load_embedder().encode(texts), dtype=np.float64)
    fives = vectors.reshape(-1, len(SYSTEMS), vectors.shape[1])
    return [np.array([same_direction(five, least) for five in fives]) for least in COSINES]


def _line(name: str, same: Bools, answers: pl.DataFrame, seed: int) -> tuple[object, ...]:
    approved = same.all(axis=2).ravel()
    right = np.array(answers["right"].to_list(), dtype=np.float64).ravel()
    groups = [group for group in answers["group"] for _ in SYSTEMS]
    if not approved.any():
        return name, "0.0000", "-", "-", 0
    found = mean_by_group(right * approved, approved.astype(float), groups, share=True, seed=seed)
    interval = f"{found.low:.4f}-{found.high:.4f}"
    return name, f"{approved.mean():.4f}", f"{found.value:.4f}", interval, int(approved.sum())
