"""Retrieval: how well the search behind few-shot examples finds the right example, against words only and chance.

One text at a time looks for the others of its group (a question, a topic), which were put in before, itself left out.
recall@k is the share of its relatives among the first k; MRR is one over the rank of the first, 0 beyond `DEPTH`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from evals import datasets
from evals.harness.cases import Dataset
from evals.harness.metrics import mean_by_group, measure, rate
from evals.reporting.drawings import draw_intervals
from evals.suite import Drawing, Measure, SuiteContext, SuiteResult
from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.embedding.embedder import Vectors
from hitl_core.golden.words import WordIndex

NAME = "retrieval"
DESCRIPTION = "Does few-shot search find the right golden example: recall@k and MRR of embedding, words, chance"
SETS = ("evouna", "expertqa_claims")
DEPTH = 20
AT = (1, 5)
QUESTIONS = {"evouna": 200, "expertqa_claims": 80}
SYSTEMS = ("chatgpt", "gpt4")
SCORES = ("recall_1", "recall_5", "mrr")
NAMES = {"recall_1": "recall@1", "recall_5": "recall@5", "mrr": "MRR"}

Search = Callable[[int], list[str]]


class Corpus(NamedTuple):
    """Texts to find each other: ids, the group each belongs to, the texts, and which of them ask."""

    name: str
    ids: list[str]
    groups: list[str]
    texts: list[str]
    asking: list[int]


def run(context: SuiteContext) -> SuiteResult:
    """Measure each corpus with each method."""
    sets, notes = datasets.load_sets(SETS, context.data)
    corpora = [demo_corpus(), *(_corpus(data, context) for data in sets.values())]
    frames = []
    problems: list[str] = []
    for place, corpus in enumerate(corpora):
        context.progress(place, len(corpora), corpus.name)
        methods, problem = _methods(corpus, context.seed)
        problems += [problem] * bool(problem and problem not in problems)
        frames.append(measured(corpus, methods))
    cases = pl.concat(frames, how="diagonal")
    measures = tuple(each for corpus in corpora for each in _measures(cases, corpus.name, context.seed))
    return SuiteResult(NAME, measures, (), tuple(_drawings(measures)), cases, (*notes, *problems))


def measured(corpus: Corpus, methods: dict[str, Search]) -> pl.DataFrame:
    """Recall and reciprocal rank of each asking text with each method.

    Returns:
        Frame: case_id, group, set, and `recall_1`, `recall_5`, `mrr` of each method as `<score>_<method>`.
    """
    sizes = pl.Series(corpus.groups).value_counts()
    relatives = dict(zip(sizes.to_series(0), sizes.to_series(1) - 1, strict=True))
    group_of = dict(zip(corpus.ids, corpus.groups, strict=True))
    rows = []
    for place in corpus.asking:
        group = corpus.groups[place]
        if not relatives[group]:
            continue
        row: dict[str, str | float] = {
            "case_id": f"{corpus.name}:{corpus.ids[place]}",
            "group": group,
            "set": corpus.name,
        }
        for method, search in methods.items():
            hits = [group_of[found] == group for found in search(place)]
            row |= {f"{score}_{method}": value for score, value in scores(hits, relatives[group]).items()}
        rows.append(row)
    return pl.DataFrame(rows)


def scores(hits: Sequence[bool], relevant: int) -> dict[str, float]:
    """Recall at 1 and 5 and the reciprocal rank.

    Args:
        hits: for each place of the ranking, whether a relative stands there.
        relevant: how many relatives there are; recall@k is out of the k that fit.
    """
    found = {f"recall_{k}": sum(hits[:k]) / min(k, relevant) for k in AT}
    first = next((rank for rank, hit in enumerate(hits, 1) if hit), None)
    return {**found, "mrr": 0.0 if first is None else 1 / first}


def demo_corpus() -> Corpus:
    """The packaged demo project: queries of one topic find each other."""
    from hitl_core.integrations.demo import load_demo

    items = [item for item in load_demo()[0] if "group" in item.metadata]
    groups = [str(item.metadata["group"]) for item in items]
    return Corpus("demo", [item.id for item in items], groups, [item.query for item in items], list(range(len(items))))


def _corpus(data: Dataset, context: SuiteContext) -> Corpus:
    """Answers of two systems to be found by their question; or claims that find the other claims of their question."""
    if data.name == "evouna":
        data = data.only(pl.col("system").is_in(SYSTEMS) & (pl.col("output") != ""))
    wanted = min(QUESTIONS[data.name], context.limit or QUESTIONS[data.name])
    frame = data.limited(wanted, context.seed).frame
    ids, groups, texts = (frame[column].to_list() for column in ("case_id", "group", "output"))
    if data.name != "evouna":
        return Corpus(data.name, ids, groups, texts, list(range(len(ids))))
    questions = frame.unique("group", keep="first", maintain_order=True)
    asking = list(range(len(ids), len(ids) + questions.height))
    ids += [f"{group}:question" for group in questions["group"]]
    return Corpus(data.name, ids, groups + questions["group"].to_list(), texts + questions["query"].to_list(), asking)


def _methods(corpus: Corpus, seed: int) -> tuple[dict[str, Search], str]:
    """The searches by name, and why one is missing."""
    found = {"random": _random(corpus, seed), "words": _words(corpus)}
    try:
        return {"embedding": _embedding(corpus), **found}, ""
    except ModelUnavailableError as error:
        return found, f"skipped: embedding search, {error}"


def _candidates(corpus: Corpus) -> list[int]:
    """Who can be found: all texts, or only the answers where questions ask."""
    return list(range(len(corpus.ids))) if len(corpus.asking) == len(corpus.ids) else list(range(corpus.asking[0]))


def _embedding(corpus: Corpus) -> Search:
    from hitl_core.embedding.loader import load_embedder
    from hitl_core.golden.index import Entry, GoldenIndex

    embedder = load_embedder()
    vectors: Vectors = embedder.encode(corpus.texts)
    index = GoldenIndex(embedder.fingerprint, embedder.dimension)
    chosen = _candidates(corpus)
    index.add([Entry(corpus.ids[place], "evals", None) for place in chosen], vectors[chosen])

    def search(place: int) -> list[str]:
        found = index.search(vectors[place], DEPTH + 1).ids
        return [each for each in found if each != corpus.ids[place]][:DEPTH]

    return search


def _words(corpus: Corpus) -> Search:
    index = WordIndex(len(corpus.ids))
    for place in _candidates(corpus):
        index.add(corpus.ids[place], corpus.texts[place])
    return lambda place: [
        hit.golden_id for hit in index.search(corpus.texts[place], DEPTH, exclude=(corpus.ids[place],))
    ]


def _random(corpus: Corpus, seed: int) -> Search:
    generator = np.random.default_rng(seed)
    chosen = np.array(_candidates(corpus))

    def search(place: int) -> list[str]:
        drawn = generator.permutation(chosen[chosen != place])[:DEPTH]
        return [corpus.ids[each] for each in drawn]

    return search


def _measures(cases: pl.DataFrame, name: str, seed: int) -> Iterator[Measure]:
    rows = cases.filter(pl.col("set") == name)
    for score in SCORES:
        known = {column.removeprefix(f"{score}_"): column for column in rows.columns if column.startswith(score)}
        means = {method: float(str(rows[column].mean())) for method, column in known.items()}
        for method, column in known.items():
            others = ", ".join(f"{other} {means[other]:.3f}" for other in means if other != method)
            told = {"slice_": f"set={name}", "baseline": others}
            yield rate(rows, column, f"{NAMES[score]} {method}", share=True, seed=seed, **told)
        if "embedding" in known:
            change = (rows[known["embedding"]] - rows[known["words"]]).to_numpy()
            found = mean_by_group(change, np.ones(change.size), rows["group"].to_list(), seed=seed)
            title = f"{NAMES[score]} embedding minus words"
            yield measure(title, found, rows.height, slice=f"set={name}", baseline="0, paired")


def _drawings(measures: Sequence[Measure]) -> Iterator[Drawing]:
    for score in NAMES.values():
        shown = [each for each in measures if each.name.startswith(score) and "minus" not in each.name]
        rows = pl.DataFrame(
            {
                "name": [f"{each.slice.removeprefix('set=')}, {each.name.removeprefix(score + ' ')}" for each in shown],
                "value": [each.value for each in shown],
                "low": [each.low for each in shown],
                "high": [each.high for each in shown],
                "n": [each.n for each in shown],
            }
        )
        title = f"{score}, 95 % intervals over groups"
        yield Drawing(title, draw_intervals(rows, title, score, percent=False))
