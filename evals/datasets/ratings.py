"""Sets with several raters a case: translations, preferences between two answers, and Dawid and Skene's table."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evals.harness.cases import Dataset, dataset, text_key, text_keys

# A translation counts as good from this mean direct assessment on: the middle of the scale of 0-100.
GOOD_TRANSLATION = 50.0


def mlqe_pe(path: Path) -> Dataset:
    """MLQE-PE: machine translations with the model's own confidence and people's scores and edits.

    label: mean score at least `GOOD_TRANSLATION`. reference: the post-edit. confidence: exp(model_logprob), the mean
    token probability. domain: language pair. A group is a source sentence (en-de and en-zh share some).
    Own columns: lp, split, idx, scores (list), mean, z_mean, model_logprob, hter.
    """
    rows = pl.read_parquet(path)
    frame = rows.drop("source", "mt", "human_post_edit").with_columns(
        case_id=pl.concat_str("lp", pl.lit(":"), "split", pl.lit(":"), "idx"),
        group=text_keys(rows["source"]),
        query=rows["source"],
        output=rows["mt"],
        label=pl.col("mean") >= GOOD_TRANSLATION,
        reference=rows["human_post_edit"],
        confidence=pl.col("model_logprob").exp().clip(0, 1),
        domain=rows["lp"],
    )
    return dataset("mlqe_pe", frame, source="sheffieldnlp/mlqe-pe, CC0-1.0", grouped_by="source sentence")


def pandalm(path: Path) -> Dataset:
    """PandaLM's test set: two answers to an instruction, three raters' preferences and two judges' recorded ones.

    There is no label of one output; `output` is the first response. model: the pair compared. A group is an instruction
    with its input. Own columns: instruction, input, response1, response2, annotator1-3 (0 tie, 1, 2), majority (null
    where all three differ), gpt35_result ("1", "2", "Tie", "garbage"), pandalm7b_result ("0", "1", "2"), cmp_key.
    """
    rows = pl.read_parquet(path)
    frame = rows.with_columns(
        case_id=pl.col("idx").cast(pl.String),
        group=pl.Series(map(text_key, rows["instruction"], rows["input"]), dtype=pl.String),
        query=pl.concat_str("instruction", "input", separator="\n", ignore_nulls=True).str.strip_chars(),
        output=rows["response1"],
        domain=rows["motivation_app"],
        model=rows["cmp_key"],
        majority=_majority(),
    )
    return dataset("pandalm", frame, source="WeOpenML/PandaLM, Apache-2.0", grouped_by="instruction")


def ds_anesthesia(path: Path) -> Dataset:
    """Dawid and Skene's table of 1979: 45 patients, five observers, the first three times; classes 1 to 4.

    There are no texts. Own columns: o1a, o1b, o1c, o2, o3, o4, o5.
    """
    rows = pl.read_csv(path)
    frame = rows.drop("patient").with_columns(case_id=rows["patient"].cast(pl.String))
    return dataset("ds_anesthesia", frame, source="Dawid and Skene 1979, published table", grouped_by="patient")


def _majority() -> pl.Expr:
    first, second, third = (pl.col(f"annotator{number}") for number in (1, 2, 3))
    return pl.when((first == second) | (first == third)).then(first).when(second == third).then(second)
