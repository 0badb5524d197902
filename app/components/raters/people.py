"""Raters one by one: against the consensus, in a fitted model; judges against people; what was disputed, with links."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.components.raters import words
from app.components.safe_html import attr, element, esc

if TYPE_CHECKING:
    import polars as pl

SHOWN_RATERS = 60
SHOWN_DISPUTES = 20
_RATERS = (
    ("rater", ""),
    ("opinions", "Independent opinions of this rater"),
    ("says right", "Share of them that call the output right"),
    ("agrees with the consensus", "A senior's word, else the majority of the other people; not the rater's own"),
    ("interval", "95 % Wilson interval"),
    ("n", "Opinions on items that have such a consensus"),
    ("finds right", "Dawid-Skene: share of right outputs this rater calls right"),
    ("interval", "95 %; carries the doubt about which outputs are right"),
    ("finds wrong", "Dawid-Skene: share of wrong outputs this rater calls wrong"),
    ("interval", "95 %; carries the doubt about which outputs are right"),
    ("right : wrong", "Expected numbers of right and wrong outputs among those this rater saw"),
)
_JUDGES = (
    ("judge", ""),
    ("kappa", "Cohen's kappa against people's label"),
    ("interval", "95 %"),
    ("band", words.BANDS),
    ("true positive rate", "Of the outputs people find right, the share the judge finds right"),
    ("interval", "95 % Wilson interval"),
    ("true negative rate", "Of the outputs people find wrong, the share the judge finds wrong"),
    ("interval", "95 % Wilson interval"),
    ("n", "Items the judge and people labelled, drawn by design"),
    ("right : wrong", "By people's labels"),
    ("base rate", "Share of right outputs by people's labels, weighted"),
)
_DISPUTED = (
    ("item", "Its story"),
    ("people", "right : wrong"),
    ("judges", "right : wrong"),
    ("senior", "What a senior settled; waits: nobody has yet"),
    ("believed right", "Probability by the fitted model of all raters"),
    ("domain", ""),
    ("newest opinion (UTC)", ""),
)
RATERS_EXPLAINED = (
    "Finds right and finds wrong come from Dawid and Skene's model, which estimates the truth and every rater "
    "together; what seniors settled is taken as known. Where the votes cannot tell, as with two raters alone, the "
    "interval is wide."
)
JUDGES_EXPLAINED = (
    "People's label is a senior's word, else the majority. Items count by one over the probability that people saw "
    "them, so that what a judge let go counts by its audited share; intervals are those of the effective number of "
    "items. "
    "Reviewers who could read a judge's verdict are not independent of it."
)


def raters(rows: pl.DataFrame) -> str:
    """Return the raters' table."""
    numbers = frozenset(range(1, 11))
    body = "".join(_rater(row, numbers) for row in rows.head(SHOWN_RATERS).iter_rows(named=True))
    more = rows.height - SHOWN_RATERS
    rest = element("div", f"{more} more are in the file.", cls="muted") if more > 0 else ""
    return words.grid(_RATERS, body, numbers=numbers) + rest


def judges(rows: pl.DataFrame) -> str:
    """Return judges against people."""
    numbers = frozenset({1, 2, 4, 5, 6, 7, 8, 9, 10})
    body = "".join(_judge(row, numbers) for row in rows.iter_rows(named=True))
    warned = rows.drop_nulls("warning").iter_rows(named=True)
    notes = "".join(words.warning(f"{words.called(row['judge'])}: {row['warning']}") for row in warned)
    return words.grid(_JUDGES, body, numbers=numbers) + notes


def disputed(rows: pl.DataFrame) -> str:
    """Return the most disputed items with links to their stories."""
    numbers = frozenset({1, 2, 4})
    return words.grid(_DISPUTED, "".join(_dispute(row, numbers) for row in rows.iter_rows(named=True)), numbers=numbers)


def link(project: str, item_id: str) -> str:
    """Return a link to an item's story."""
    address = attr("history?" + urlencode({"item": item_id, "project": project}))
    return f'<a href="{address}" target="_self">{esc(item_id[:80])}</a>'


def _rater(row: words.Row, numbers: frozenset[int]) -> str:
    seen = "–" if row["positives"] is None else f"{row['positives']:.0f} : {row['negatives']:.0f}"
    return words.cells(
        esc(words.called(str(row["rater_id"]))[:80]),
        f"{row['labels']:,}",
        words.percent(row["says_right"]),
        words.percent(row["consensus"]),
        words.ends(row["consensus_low"], row["consensus_high"]) if row["n"] else "–",
        f"{row['n']:,}",
        words.number(row["sensitivity"]),
        words.ends(row["sensitivity_low"], row["sensitivity_high"]),
        words.number(row["specificity"]),
        words.ends(row["specificity_low"], row["specificity_high"]),
        seen,
        numbers=numbers,
    )


def _judge(row: words.Row, numbers: frozenset[int]) -> str:
    return words.cells(
        esc(words.called(str(row["judge"]))[:80]),
        words.number(row["kappa"]),
        words.ends(row["low"], row["high"]),
        words.band(row["band"]),
        words.number(row["tpr"]),
        words.ends(row["tpr_low"], row["tpr_high"]) if row["positives"] else "–",
        words.number(row["tnr"]),
        words.ends(row["tnr_low"], row["tnr_high"]) if row["negatives"] else "–",
        f"{row['n']:,}",
        f"{row['positives']:.0f} : {row['negatives']:.0f}",
        words.percent(row["base_rate"]),
        numbers=numbers,
    )


def _settled(row: words.Row) -> str:
    waits = row["people_right"] == row["people_wrong"]
    return esc(row["senior"]) if row["senior"] else "waits" if waits else "–"


def _dispute(row: words.Row, numbers: frozenset[int]) -> str:
    return words.cells(
        link(str(row["project"]), str(row["item_id"])),
        f"{row['people_right']} : {row['people_wrong']}",
        f"{row['judges_right']} : {row['judges_wrong']}",
        _settled(row),
        words.number(row["p_right"]),
        esc(str(row["domain"] or "")[:60]),
        f"{row['newest']:%Y-%m-%d %H:%M}",
        numbers=numbers,
    )
