"""The long frame of raters: every opinion of people and judges that stands, one row a rater and item.

Public: `rater_frame`, `PERSON`, `JUDGE`, `RIGHT`, `WRONG`.
"""

from __future__ import annotations

import polars as pl

PERSON, JUDGE, COMMITTEE = "person", "judge", "committee"
RIGHT, WRONG = "right", "wrong"
_VOTES = pl.Struct({"votes": pl.List(pl.Struct({"rater": pl.String, "verdict": pl.String}))})
_SAID = {"approve": RIGHT, "reject": WRONG}


def rater_frame(given: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each rater and item, the newest opinion of each.

    Args:
        given: reviews that were not taken back with `right`, as `labels.opinions` returns them.
        verdicts: the frame of `store/frames/raters.py`; a committee's members are raters of their own beside it.

    Returns:
        Columns `task_id` (number of the item), `rater_id` (a judge's name begins with `judge:`), `rater_kind` (person,
        judge), `label` (right or wrong: an approval, or an edit for style alone, is right), `verdict`, `created_at`,
        `project`, `domain`, `reasons` (JSON), `stage` (adjudicate: a senior who saw the others; committee: judges whose
        own votes stand beside it; judge: the others), `overlap` (opinions
        wanted), `origin`, `inclusion_probability`, `review` and `made_ms` (which review). Abstentions are left out.
    """
    both = pl.concat([_of_people(given), _of_judges(verdicts)], how="vertical").sort("created_at")
    # A senior who gave an opinion before settling the item has said two things.
    once = both.with_columns((pl.col("stage") == "adjudicate").alias("settles"))
    last = once.unique(["task_id", "rater_id", "settles"], keep="last", maintain_order=True)
    return last.drop("settles")


def _of_people(given: pl.DataFrame) -> pl.DataFrame:
    return given.select(
        pl.col("item").alias("task_id"),
        pl.col("reviewer").cast(pl.String).alias("rater_id"),
        pl.lit(PERSON).alias("rater_kind"),
        pl.when(pl.col("right")).then(pl.lit(RIGHT)).otherwise(pl.lit(WRONG)).alias("label"),
        *_texts("verdict"),
        pl.col("at").alias("created_at"),
        *_texts("project", "domain"),
        pl.col("review_reasons").cast(pl.String).alias("reasons"),
        *_texts("stage"),
        pl.col("overlap").cast(pl.Int32),
        *_texts("origin"),
        pl.col("inclusion_probability").cast(pl.Float64),
        pl.col("review", "made_ms"),
    )


def _of_judges(verdicts: pl.DataFrame) -> pl.DataFrame:
    plain = verdicts.with_columns(pl.col("reviewer", "verdict").cast(pl.String), pl.lit(JUDGE).alias("stage"))
    members = _members(plain)
    spoke = pl.col("review").is_in(members["review"].implode())
    whole = plain.with_columns(pl.when(spoke).then(pl.lit(COMMITTEE)).otherwise("stage").alias("stage"))
    said = pl.concat([whole.drop("body"), members])
    return said.filter(pl.col("verdict").is_in(list(_SAID))).select(
        pl.col("item").alias("task_id"),
        pl.concat_str(pl.lit(f"{JUDGE}:"), "reviewer").alias("rater_id"),
        pl.lit(JUDGE).alias("rater_kind"),
        pl.col("verdict").replace_strict(_SAID, return_dtype=pl.String).alias("label"),
        "verdict",
        pl.col("at").alias("created_at"),
        *_texts("project", "domain"),
        pl.lit("[]").alias("reasons"),
        "stage",
        pl.lit(1, dtype=pl.Int32).alias("overlap"),
        pl.lit("").alias("origin"),
        pl.lit(1.0).alias("inclusion_probability"),
        pl.col("review", "made_ms"),
    )


def _members(verdicts: pl.DataFrame) -> pl.DataFrame:
    """One row for each vote in a committee."""
    bodies = verdicts.filter(pl.col("body").is_not_null())
    votes = bodies.with_columns(pl.col("body").str.json_decode(dtype=_VOTES).struct.field("votes")).explode("votes")
    voted = votes.filter(pl.col("votes").is_not_null()).with_columns(
        pl.col("votes").struct.field("rater").alias("reviewer"),
        pl.col("votes").struct.field("verdict").alias("verdict"),
    )
    return voted.select(each for each in verdicts.columns if each != "body")


def _texts(*names: str) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.String) for name in names]
