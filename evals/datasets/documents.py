"""Sets of summaries held against the document they are of. A group is a document."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evals.harness.cases import Dataset, dataset, text_keys

REQUEST = "Summarize the document."


def defacto(path: Path) -> Dataset:
    """DeFacto: news summaries by a model, with people's edits, reasons and evidence.

    label: no factual error. reference: the human edit. Own columns: split, doc_id (unique in a split only), has_error,
    intrinsic_error, extrinsic_error, human_edit, evidence, explanation, instruction, summary (the reference summary).
    """
    rows = pl.read_parquet(path).rename({"reference": "summary"})
    frame = rows.drop("article", "candidate").with_columns(
        case_id=pl.concat_str(rows["split"], pl.lit(":"), rows["doc_id"]),
        group=text_keys(rows["article"]),
        query=pl.lit(REQUEST),
        context=rows["article"].reshape((-1, 1)).arr.to_list(),
        output=rows["candidate"],
        label=~pl.col("has_error"),
        reference=rows["human_edit"],
        domain=pl.lit("news"),
    )
    return dataset("defacto", frame, source="microsoft/DeFacto, MIT", grouped_by="article")


def summedits(path: Path) -> Dataset:
    """SummEdits: summaries of about a hundred documents in eight domains, some made inconsistent by small edits.

    label: consistent. reference: the summary before the edit. Own columns: id, edit_types, original_summary, split.
    """
    rows = pl.read_parquet(path)
    frame = rows.drop("doc", "summary", "label").with_columns(
        case_id=rows["id"],
        group=text_keys(rows["doc"]),
        query=pl.lit(REQUEST),
        context=rows["doc"].reshape((-1, 1)).arr.to_list(),
        output=rows["summary"],
        label=rows["label"] == 1,
        reference=rows["original_summary"],
    )
    return dataset("summedits", frame, source="salesforce/factualNLG, Apache-2.0", grouped_by="document")
