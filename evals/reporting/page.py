"""The report: one HTML file that needs no network, and the same as JSON.

The page carries plotly.js itself and a policy that forbids every request, so it opens from file:// and tells nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from evals.reporting import markup
from evals.reporting.derived import completed
from evals.suite import Drawing, SuiteResult, Table, as_json, plain

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
TABLE_ROWS_SHOWN = 300
STYLE = """
:root { color-scheme: light; } body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; margin: 0; }
body { background: #fff; }
main, header, nav { max-width: 1080px; margin: 0 auto; padding: 0 24px; } header { padding-top: 32px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { margin: 48px 0 8px; padding-top: 16px; border-top: 2px solid #1f2933; }
h3 { margin: 28px 0 8px; font-size: 16px; } .note, small { color: #52606d; } .note { font-size: 14px; margin: 6px 0; }
nav a { margin-right: 16px; } a { color: #0b5cad; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; width: 100%; } th { text-align: left; background: #f4f6f8; }
th, td { padding: 5px 10px; border-bottom: 1px solid #e5e9ee; vertical-align: top; overflow-wrap: break-word; }
th { overflow-wrap: normal; } td.number, th.number { text-align: right; white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; font-size: 14px; }
dt { color: #52606d; } dd { margin: 0; overflow-wrap: anywhere; } .skipped { background: #fff7e0; padding: 6px 10px; }
details { margin: 12px 0; } summary { cursor: pointer; } .drawing { margin: 16px 0 0; }
""".strip()
DRAW = """
for (const element of document.querySelectorAll(".drawing")) {
  const figure = JSON.parse(document.getElementById(element.dataset.figure).textContent);
  Plotly.newPlot(element, figure.data, figure.layout, {responsive: true, displaylogo: false, showSendToCloud: false});
}
""".strip()


def page(results: Sequence[SuiteResult], manifest: Mapping[str, Any], *, title: str = "", link: str = "") -> str:
    """The report as one HTML text.

    Args:
        results: of the suites, in the order shown.
        manifest: facts of the run.
        title: of the page.
        link: address of a case, with `{case_id}` in it, such as that of a tracker; empty links nothing.

    Returns:
        str: about 5 MB, most of it plotly.js.
    """
    title = title or "Evaluation report"
    sections = "".join(_section(result, link) for result in results)
    toc = " ".join(f'<a href="#{markup.anchor(each.suite)}">{markup.text(each.suite)}</a>' for each in results)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{markup.text(title)}</title>'
        f"<style>{STYLE}</style><script>{_plotly()}</script></head><body>"
        f"<header><h1>{markup.text(title)}</h1>{_byline(manifest)}</header><nav>{toc}</nav>"
        f"<main>{sections}<h2>How it was made</h2>{markup.facts(_short(manifest))}</main>"
        f"<script>{DRAW}</script></body></html>"
    )


def report_json(results: Sequence[SuiteResult], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows as plain values, with all cases."""
    return {"manifest": plain(manifest), "suites": [as_json(completed(each)) for each in results]}


def _section(result: SuiteResult, link: str) -> str:
    def address(case: str) -> str | None:
        return link.replace("{case_id}", quote(case, safe="")) if link else None

    result = completed(result)
    notes = "".join(f'<p class="{_note_class(each)}">{markup.text(each)}</p>' for each in result.notes)
    figures = "".join(_figure(result.suite, place, each) for place, each in enumerate(result.drawings))
    shown = "".join(markup.table(_cut(each), address) for each in result.tables)
    numbers = markup.measures_table(result.measures) if result.measures else "<p class='note'>No measures.</p>"
    anchor = markup.anchor(result.suite)
    return f'<section id="{anchor}"><h2>{markup.text(result.suite)}</h2>{notes}{numbers}{figures}{shown}</section>'


def _figure(suite: str, place: int, drawing: Drawing) -> str:
    name = f"{markup.anchor(suite)}-{place}"
    figure = json.dumps(_untitled(markup.figure_texts(plain(drawing.figure)), drawing.title), allow_nan=False)
    # Inside a script element only these characters could end it or open a comment.
    harmless = figure.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    note = f"<p class='note'>{markup.text(drawing.note)}</p>" if drawing.note else ""
    return (
        f'<h3>{markup.text(drawing.title)}</h3><div class="drawing" data-figure="{name}"></div>'
        f'<script type="application/json" id="{name}">{harmless}</script>{note}'
    )


def _untitled(figure: dict[str, Any], title: str) -> dict[str, Any]:
    """The figure without its own title where that repeats the heading above it."""
    layout = dict(figure.get("layout") or {})
    own = layout.get("title")
    if isinstance(own, dict) and own.get("text") == markup.figure_texts(title):
        layout["title"] = None
        layout["margin"] = {**(layout.get("margin") or {}), "t": 16}
    return {**figure, "layout": layout}


def _cut(table: Table) -> Table:
    if len(table.rows) <= TABLE_ROWS_SHOWN:
        return table
    note = f"{table.note} The first {TABLE_ROWS_SHOWN} of {len(table.rows):,} rows; all are in the JSON beside."
    return Table(table.title, table.columns, table.rows[:TABLE_ROWS_SHOWN], note.strip())


def _note_class(note: str) -> str:
    return "note skipped" if note.startswith("skipped") else "note"


def _byline(manifest: Mapping[str, Any]) -> str:
    code = manifest.get("code") or {}
    told = (f"code {code.get('version')}" if code else "", f"seed {manifest.get('seed')}", str(manifest.get("at", "")))
    return f"<p class='note'>{markup.text(' · '.join(each for each in told if each))}</p>"


def _short(value: Any) -> Any:
    """Digests cut to their first 12 characters; the JSON has them whole."""
    if isinstance(value, Mapping):
        return {key: _short(each) for key, each in value.items()}
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if is_digest else value


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")
