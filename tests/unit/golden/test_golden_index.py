"""The FAISS index: exact, filtered, safe while it changes."""

import threading

import numpy as np
import pytest

from hitl_core.domain.errors import InputError
from hitl_core.golden.index import Entry, GoldenIndex, Vectors


def unit_vectors(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def filled(vectors: Vectors) -> GoldenIndex:
    index = GoldenIndex("model", vectors.shape[1])
    domains = ("law", "tax", None)
    index.add([Entry(f"g{n}", f"p{n % 2}", domains[n % 3]) for n in range(len(vectors))], vectors)
    return index


def test_it_finds_what_brute_force_finds() -> None:
    vectors, queries = unit_vectors(200), unit_vectors(20, seed=1)
    index = filled(vectors)
    for query in queries:
        hits = index.search(query, 7)
        best = np.argsort(-(vectors @ query))[:7]
        assert hits.ids == [f"g{n}" for n in best]
        assert hits.similarities == pytest.approx(vectors[best] @ query, abs=1e-5)
        assert np.allclose(hits.vectors, vectors[best])


@pytest.mark.parametrize(("project", "domain"), [("p1", None), (None, "law"), ("p0", "tax"), ("p9", None)])
def test_filters_are_exact_not_applied_to_the_nearest_few(project: str | None, domain: str | None) -> None:
    vectors = unit_vectors(120)
    query = unit_vectors(1, seed=2)[0]
    domains = ("law", "tax", None)
    allowed = [
        n
        for n in np.argsort(-(vectors @ query))
        if (project is None or f"p{n % 2}" == project) and (domain is None or domains[n % 3] == domain)
    ]
    hits = filled(vectors).search(query, 5, project=project, domain=domain)
    assert hits.ids == [f"g{n}" for n in allowed[:5]]


def test_excluded_ones_are_replaced_by_the_next() -> None:
    vectors = unit_vectors(10)
    index = filled(vectors)
    best = index.search(vectors[3], 3).ids
    assert best[0] == "g3"
    assert index.search(vectors[3], 2, exclude={"g3"}).ids == best[1:]


def test_an_id_is_in_once_however_often_it_is_added() -> None:
    vectors = unit_vectors(3)
    index = GoldenIndex("model", 16)
    entries = [Entry("a", "p", None), Entry("a", "p", None), Entry("b", "p", None)]
    assert index.add(entries, vectors) == 2
    assert index.add(entries, vectors) == 0
    assert sorted(index.search(vectors[0], 10).ids) == ["a", "b"]


def test_removed_ones_are_gone_and_may_return() -> None:
    vectors = unit_vectors(200)
    index = filled(vectors)
    assert index.remove({"g5", "g7", "unknown"}) == 2
    assert len(index) == 198
    assert not {"g5", "g7"} & set(index.search(vectors[5], 200).ids)
    index.add([Entry("g5", "p1", "law")], vectors[5:6])
    assert index.search(vectors[5], 1, project="p1", domain="law").ids == ["g5"]


def test_an_empty_index_finds_nothing() -> None:
    hits = GoldenIndex("model", 16).search(unit_vectors(1)[0], 4)
    assert hits.ids == []
    assert hits.vectors.shape == (0, 16)


@pytest.mark.parametrize("vector", [np.zeros(3, np.float32), np.full(16, np.nan, np.float32)])
def test_vectors_that_do_not_fit_are_refused(vector: Vectors) -> None:
    with pytest.raises(InputError):
        filled(unit_vectors(5)).search(vector, 1)


def test_four_threads_search_while_a_fifth_adds_and_removes() -> None:
    vectors = unit_vectors(2_000)
    index = filled(vectors[:200])
    stop = threading.Event()
    problems: list[str] = []

    def look(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            n = int(rng.integers(100))
            hits = index.search(vectors[n], 5, project=f"p{n % 2}")
            if hits.ids[:1] != [f"g{n}"] or len(set(hits.ids)) != 5:
                problems.append(f"searching {n} found {hits.ids}")

    searchers = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in searchers:
        thread.start()
    for start in range(200, 2_000, 20):
        index.add([Entry(f"g{n}", f"p{n % 2}", None) for n in range(start, start + 20)], vectors[start : start + 20])
        index.remove([f"g{start}", f"g{start - 50}"])
    stop.set()
    for thread in searchers:
        thread.join()
    assert problems == []
    assert set(index.search(vectors[0], 3_000).ids) == set(index._slots)
