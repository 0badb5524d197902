"""The real sets of human judgements, read in place and brought into one shape; a set that is absent says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from polars.exceptions import PolarsError

from evals.datasets import answers, documents, ratings
from evals.harness.cases import Dataset
from hitl_core.domain.errors import InputError, NotFoundError, did_you_mean

# Name of a set: its file below the folder, and how it is read.
ADAPTERS: dict[str, tuple[str, Callable[[Path], Dataset]]] = {
    "defacto": ("defacto/defacto.parquet", documents.defacto),
    "ds_anesthesia": ("ds_anesthesia.csv", ratings.ds_anesthesia),
    "evouna": ("evouna/nq.parquet", answers.evouna),
    "expertqa_answers": ("expertqa/answers.parquet", answers.expertqa_answers),
    "expertqa_claims": ("expertqa/claims.parquet", answers.expertqa_claims),
    "halueval_general": ("halueval_general/general.parquet", answers.halueval_general),
    "mlqe_pe": ("mlqe_pe/da_pe.parquet", ratings.mlqe_pe),
    "openqa_eval": ("openqa_eval/nq301.parquet", answers.openqa_eval),
    "pandalm": ("pandalm/testset_v1.parquet", ratings.pandalm),
    "summedits": ("summedits/summedits.parquet", documents.summedits),
}


class SetAbsentError(NotFoundError):
    """A data set is not in the folder that was given."""


def names() -> tuple[str, ...]:
    """The names of all sets, sorted."""
    return tuple(ADAPTERS)


def path_of(name: str, folder: Path) -> Path:
    """Where a set's file lies below a folder.

    Raises:
        InputError: there is no such set.
    """
    if name not in ADAPTERS:
        raise InputError(f"no data set {name!r}{did_you_mean(name, ADAPTERS)}; there are: {', '.join(ADAPTERS)}")
    return folder / ADAPTERS[name][0]


def load_set(name: str, folder: Path | None) -> Dataset:
    """Read a set.

    Args:
        name: one of `names()`.
        folder: where the sets lie; None where there are none.

    Returns:
        Dataset: see the adapter of the set for its label, group and own columns.

    Raises:
        InputError: there is no such set, or its file is not what it should be.
        SetAbsentError: the file is not there.
    """
    if folder is None:
        raise SetAbsentError(f"{name}: no data folder was given; say --data FOLDER")
    path = path_of(name, folder)
    if not path.is_file():
        raise SetAbsentError(f"{name}: {path} is not there")
    try:
        return ADAPTERS[name][1](path)
    except (OSError, ValueError, PolarsError) as error:
        raise InputError(f"{path} cannot be read as the set {name}: {error}") from error


def load_sets(wanted: Iterable[str], folder: Path | None) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Read several sets; those that are absent become notes that begin with "skipped:".

    Returns:
        tuple: the sets that are there by name, and the notes.
    """
    found: dict[str, Dataset] = {}
    notes: list[str] = []
    for name in wanted:
        try:
            found[name] = load_set(name, folder)
        except SetAbsentError as error:
            notes.append(f"skipped: {error}")
    return found, tuple(notes)
