"""Sets of questions and answers. A group is a question: its answers are right or wrong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from evals.harness.cases import Dataset, dataset, text_keys

SUPPORTED = {"Complete": True, "Partial": False, "Incomplete": False, "Missing": False}


def evouna(path: Path) -> Dataset:
    """EVOUNA on Natural Questions: five systems answer the same questions.

    label: human_correct (null where nobody judged). reference: golden answers, '/'-separated. model: the system.
    Own columns: item_id, dataset, golden_answers, system, human_correct, improper (the question itself is unusable).
    """
    rows = pl.read_parquet(path)
    frame = rows.drop("question", "answer").with_columns(
        case_id=pl.concat_str(rows["item_id"], pl.lit(":"), rows["system"]),
        group=rows["item_id"],
        query=rows["question"],
        output=rows["answer"],
        label=rows["human_correct"],
        reference=rows["golden_answers"],
        domain=rows["dataset"],
        model=rows["system"],
    )
    return dataset("evouna", frame, source="wangcunxiang/QA-Eval, Apache-2.0", grouped_by="question")


def openqa_eval(path: Path) -> Dataset:
    """OpenQA-eval: answers to 301 questions with several raters and three recorded judges.

    label: human_acceptable. reference: gold answers. model: the system where one gave the answer, else "several" or "".
    Own columns: qid, human_acceptable, annotator1-3, bem_prob, bem_verdict, gpt4_output, davinci003_output, systems.
    """
    rows = pl.read_parquet(path)
    systems = pl.col("systems").list
    frame = rows.drop("question", "answer", "gold_answers").with_columns(
        case_id=rows.select(pl.concat_str("qid", pl.lit(":"), pl.int_range(pl.len()).over("qid"))).to_series(),
        group=rows["qid"],
        query=rows["question"],
        output=rows["answer"],
        label=yes_no(pl.col("human_acceptable")),
        reference=rows["gold_answers"],
        domain=pl.lit("NQ"),
        model=pl.when(systems.len() == 1).then(systems.first()).when(systems.len() > 1).then(pl.lit("several")),
    )
    return dataset("openqa_eval", frame, source="ehsk/OpenQA-eval, MIT", grouped_by="question")


def expertqa_answers(path: Path) -> Dataset:
    """ExpertQA, whole answers: domain experts say how useful they are and revise them.

    label: usefulness is "Useful". reference: the expert's revision. context: the attributions. domain: field of work.
    Own columns: rater, field, specific_field, question_type, splits, system, usefulness, annotation_time (ms).
    """
    rows = pl.read_parquet(path)
    frame = rows.drop("question", "answer", "attribution", "human_revised_answer").with_columns(
        case_id=pl.concat_str(text_keys(rows["question"]), pl.lit(":"), rows["system"]),
        group=text_keys(rows["question"]),
        query=rows["question"],
        context=rows["attribution"],
        output=rows["answer"],
        label=pl.col("usefulness") == "Useful",
        reference=rows["human_revised_answer"],
        domain=rows["field"],
        model=rows["system"],
    )
    return dataset("expertqa_answers", frame, source="chaitanyamalaviya/ExpertQA, MIT", grouped_by="question")


def expertqa_claims(path: Path) -> Dataset:
    """ExpertQA, single claims with their evidence: retrieval triples with an expert's verdict.

    label: support is "Complete" (null for N/A). reference: the revised claim. domain: field of work, where the file of
    answers lies beside. Own columns: rater, system, claim_idx, evidence, support, informativeness, worthiness,
    correctness, reliability, revised_evidence.
    """
    rows = pl.read_parquet(path)
    group = text_keys(rows["question"])
    frame = rows.drop("question", "claim", "revised_claim").with_columns(
        case_id=pl.concat_str(group, pl.lit(":"), rows["system"], pl.lit(":"), rows["claim_idx"]),
        group=group,
        query=rows["question"],
        context=pl.Series([passages(text) for text in rows["evidence"]], dtype=pl.List(pl.String)),
        output=rows["claim"],
        label=pl.col("support").replace_strict(SUPPORTED, default=None, return_dtype=pl.Boolean),
        reference=rows["revised_claim"],
        domain=_fields(path.with_name("answers.parquet"), rows["question"]),
        model=rows["system"],
    )
    return dataset("expertqa_claims", frame, source="chaitanyamalaviya/ExpertQA, MIT", grouped_by="question")


def halueval_general(path: Path) -> Dataset:
    """HaluEval, general part: free requests to ChatGPT; every request is there once.

    label: people found no hallucination. Own columns: ID, hallucination, hallucination_spans.
    """
    rows = pl.read_parquet(path)
    frame = rows.drop("user_query", "chatgpt_response").with_columns(
        case_id=rows["ID"],
        group=text_keys(rows["user_query"]),
        query=rows["user_query"],
        output=rows["chatgpt_response"],
        label=pl.col("hallucination") == "no",
        model=pl.lit("chatgpt"),
    )
    return dataset("halueval_general", frame, source="RUCAIBox/HaluEval, MIT", grouped_by="request")


def yes_no(column: pl.Expr) -> pl.Expr:
    """True for Yes, False for No, else null."""
    return column.replace_strict({"Yes": True, "No": False}, default=None, return_dtype=pl.Boolean)


def passages(text: str | None) -> list[str]:
    """The evidence of a claim, a JSON list or one text, as a list of passages without the empty ones."""
    if not text:
        return []
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError:
        found = text
    several = found if isinstance(found, list) else [found]
    return [str(each) for each in several if str(each).strip()]


def _fields(answers: Path, questions: pl.Series) -> pl.Series:
    if not answers.is_file():
        return pl.Series([""] * questions.len())
    known = pl.read_parquet(answers, columns=["question", "field"])
    fields = dict(zip(known["question"], known["field"], strict=True))
    return pl.Series([fields.get(question, "") for question in questions], dtype=pl.String)
