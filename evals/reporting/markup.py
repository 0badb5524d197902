"""HTML for values of a report. Everything that comes from data or a model passes `text` here, and nothing else does."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evals.suite import Measure, Table

CELL_CHARACTERS = 600
NUMBER = re.compile(r"[-+]?[\d.,]+(?: ?%)?(?:(?:-| to )[-+]?[\d.,]+(?: ?%)?)?")
ADDRESS = re.compile(r"https?://[^\s<>\"']+")
# What plotly may read as markup in a text of a figure; every other tag is shown as it stands.
PLOTLY_TAGS = re.compile(r"<(?!/?(?:b|i|sub|sup|extra)>|br/?>)")

Link = Callable[[str], str | None]


def text(value: Any) -> str:
    """A value as harmless text: escaped, hidden and directional characters made visible, long texts cut."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return f"{value:,}"
    shown = str(value)
    if len(shown) > CELL_CHARACTERS:
        shown = shown[:CELL_CHARACTERS] + "…"
    return html.escape("".join(map(_visible, shown)))


def number(value: float) -> str:
    """A number with as many digits as a reader needs."""
    if not math.isfinite(value):
        return "undefined"
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3f}".replace("-0.000", "0.000")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2e}"


def measures_table(measures: Sequence[Measure]) -> str:
    """The measures with interval, n and what each is held against."""
    head = ("measure", "slice", "value", "95 % interval", "n", "to be held against")
    rows = [
        [
            text(each.name) + (f" <small>({text(each.unit)})</small>" if each.unit else ""),
            text(each.slice) or "all",
            f"<b>{number(each.value)}</b>",
            interval(each.low, each.high),
            f"{each.n:,}",
            text(each.baseline),
        ]
        for each in measures
    ]
    return _table(head, rows, numeric={2, 3, 4})


def interval(low: float | None, high: float | None) -> str:
    """Both bounds; a dash where there is no interval."""
    return "–" if low is None or high is None else f"{number(low)} to {number(high)}"


def table(content: Table, link: Link = lambda case: None) -> str:
    """A table of a suite; the column `case_id` carries links."""
    numeric = {
        place
        for place, column in enumerate(content.columns)
        if column not in ("case_id", "group")
        and any(_is_number(row[place]) for row in content.rows)
        and all(row[place] in (None, "", "-", "–") or _is_number(row[place]) for row in content.rows)
    }
    rows = [
        [_cell(column, value, link) for column, value in zip(content.columns, row, strict=True)] for row in content.rows
    ]
    note = f"<p class='note'>{text(content.note)}</p>" if content.note else ""
    return f"<h3>{text(content.title)}</h3>{_table(content.columns, rows, numeric)}{note}"


def facts(values: Mapping[str, Any]) -> str:
    """Nested facts, such as a manifest, as a definition list."""
    lines = (f"<dt>{text(key)}</dt><dd>{_fact(value)}</dd>" for key, value in values.items())
    return f"<dl>{''.join(lines)}</dl>"


def figure_texts(value: Any) -> Any:
    """A figure whose texts hold no tags but plotly's own harmless ones: no link and no image reaches plotly."""
    if isinstance(value, str):
        return PLOTLY_TAGS.sub("&lt;", value)
    if isinstance(value, Mapping):
        return {str(key): figure_texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [figure_texts(each) for each in value]
    return value


def anchor(name: str) -> str:
    """A name as an id in the page."""
    return "part-" + re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return facts(value) if value else "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value)) or "none"
    return text(value) if value is not None else "not there"


def _cell(column: str, value: Any, link: Link) -> str:
    target = link(str(value)) if column == "case_id" and value is not None else None
    if target is None and isinstance(value, str) and ADDRESS.fullmatch(value):
        target = value
    if target is None:
        return text(value)
    return f'<a href="{html.escape(target, quote=True)}" rel="noopener noreferrer">{text(value)}</a>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        kind = [' class="number"' if place in numeric else "" for place in range(len(cells))]
        return "".join(f"<{tag}{each}>{cell}</{tag}>" for each, cell in zip(kind, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{line([text(each) for each in head], "th")}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _is_number(value: Any) -> bool:
    """Whether a cell reads as a number, a share or an interval, so that it stands to the right."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs"):
        return character
    return f"⟦{ord(character):04X}⟧"
