"""Rows made to break an importer or a page, as JSONL; what each should become is written beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUERY = "What is the notice period?"
ANSWER = "Three months to the end of a quarter."
MEGABYTE = 1_000_000
REVIEWER = "<img src=x onerror='window.hitlRan=1'>\u202eana</textarea>"
"""A name to type at the door."""

MARKUP = {
    "script": "<script>window.hitlRan=1;fetch('http://hostile.test/script')</script>",
    "iframe": "<iframe src='javascript:parent.hitlRan=1' srcdoc='<script>parent.hitlRan=1</script>'></iframe>",
    "closing-script": "before</script><script>window.hitlRan=1</script>after",
    "closing-textarea": "before</textarea><img src=x onerror='window.hitlRan=1'>after",
    "remote-image": "![seen](http://hostile.test/pixel.png) <img src='http://hostile.test/pixel.png'>",
    "css": "<style>*{display:none}@import url('http://hostile.test/style.css')</style><b style='position:fixed'>x</b>",
    "link": "[press me](javascript:window.hitlRan=1) <a href='data:text/html,<script>1</script>'>or me</a>",
    "svg": "<svg onload='window.hitlRan=1'><use href='http://hostile.test/a.svg#x'/></svg>",
    "streamlit": ":material/bomb: :red[red] $\\\\href{http://hostile.test}{x}$ `code` # heading\n---\n| a | b |",
    "template": "{{7*7}} ${7*7} {% raw %} %(name)s {0.__class__} \x1b[31mred\x1b[0m",
    "bidi": "pay \u202e000,1\u202c to \u2066evil\u2069 and zero\u200bwidth\u2060joined\ufeff",
    "formula": '=HYPERLINK("http://hostile.test","x")',
}
"""Text that must be stored as it is, shown as text, and never run or fetched."""


@dataclass(frozen=True)
class HostileRow:
    """One line of the file. `refused` is a part of the reason it is refused for; None means it lands as `item`."""

    name: str
    line: bytes
    item: dict[str, Any] | None = None
    refused: str | None = None


def hostile_rows(project: str = "hostile") -> list[HostileRow]:
    """Return every row; the same ones each time."""
    return [
        *(_good(f"markup-{name}", project, _everywhere(text)) for name, text in MARKUP.items()),
        _good("markup-in-project", f"{project}<b onmouseover=alert(1)>", {}),
        _good("large-context", project, {"context": [{"text": "é" * (MEGABYTE // 2)}]}),
        _good("nan-confidence", project, {"confidence": float("nan")}),
        _good("infinite-confidence", project, {"confidence": float("inf")}),
        _good("astral", project, {"output": "\U0001f600 e\u0301 " + ANSWER}),
        _good("empty-context", project, {"context": []}),
        *_refused_fields(project),
        *_refused_lines(),
    ]


def write_hostile_jsonl(path: Path, project: str = "hostile") -> list[HostileRow]:
    """Write the corpus with a byte order mark, mixed line ends and empty lines; return its rows.

    The row at index i stands on line 2 * i + 1, since an empty line follows each.
    """
    rows = hostile_rows(project)
    with path.open("wb") as stream:
        stream.write(b"\xef\xbb\xbf")
        for index, row in enumerate(rows):
            stream.write(row.line + (b"\r\n \r\n" if index % 2 else b"\n\n"))
    return rows


def _everywhere(text: str) -> dict[str, Any]:
    """Put a text wherever a page might show it."""
    return {
        "query": f"{QUERY} {text}",
        "output": f"{ANSWER} {text}",
        "context": [{"text": text, "source": text, "title": text}],
        "subject": text[:200],
        "domain": text[:200],
        "model": text[:200],
        "inputs": {text: text},
        "alternatives": [{"output": text, "confidence": 0.5, "pros": [text], "cons": [text]}],
        "explanation": {"reasoning": text, "top_features": [{"name": text, "weight": 0.5}]},
        "metadata": {text: [text]},
    }


def _good(name: str, project: str, fields: dict[str, Any]) -> HostileRow:
    item = {"id": name, "project": project, "query": QUERY, "output": ANSWER, "confidence": 0.7} | fields
    return HostileRow(name, json.dumps(item, ensure_ascii=False).encode(), item=item)


def _refused_fields(project: str) -> list[HostileRow]:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "megabyte-query": ({"query": "q" * MEGABYTE}, "query is 1,000,000 bytes"),
        "megabyte-output": ({"output": "o" * MEGABYTE}, "output is 1,000,000 bytes"),
        "megabyte-metadata": ({"metadata": {"k": "m" * MEGABYTE}}, "metadata"),
        "megabyte-id": ({"id": "i" * MEGABYTE}, "id: string should have at most 200 characters"),
        "many-passages": ({"context": ["p"] * 201}, "201 passages"),
        "nul-in-query": ({"query": "a\x00b"}, "query contains a NUL"),
        "nul-in-id": ({"id": "a\x00b"}, "id contains a NUL"),
        "nul-in-passage": ({"context": ["a\x00b"]}, "text contains a NUL"),
        "nul-in-metadata": ({"metadata": {"k": ["a\x00b"]}}, "metadata.k.0 contains a NUL"),
        "nul-in-key": ({"metadata": {"a\x00b": 1}}, "a key of metadata contains a NUL"),
        "surrogate-in-output": ({"output": "a\ud800b"}, "output contains a lone surrogate (U+D800)"),
        "surrogate-in-key": ({"inputs": {"\udfff": 1}}, "a key of inputs contains a lone surrogate"),
        "deep-metadata": ({"metadata": _nested(100)}, "nested deeper than 32"),
        "nan-in-metadata": ({"metadata": {"k": float("nan")}}, "metadata.k is nan"),
        "nan-amount": ({"amount": float("nan")}, "amount"),
        "confidence-percent": ({"confidence": 70}, "did you mean 0.7?"),
        "naive-time": ({"created_at": "2026-03-01 09:00:00"}, "created_at has no timezone"),
        "impossible-time": ({"created_at": "yesterday"}, "created_at"),
        "no-query": ({"query": None}, "query: the column 'query' is missing or null"),
        "number-as-context": ({"context": 7}, "context: is a int"),
        "list-as-output": ({"output": ["x"]}, "output: is a list, expected text"),
        "empty-id": ({"id": ""}, "id"),
    }
    return [_refused(name, project, fields, reason) for name, (fields, reason) in cases.items()]


def _refused(name: str, project: str, fields: dict[str, Any], reason: str) -> HostileRow:
    item = {"id": name, "project": project, "query": QUERY, "output": ANSWER} | fields
    return HostileRow(name, json.dumps(item).encode(), refused=reason)


def _refused_lines() -> list[HostileRow]:
    text = f'"query": "{QUERY}", "output": "{ANSWER}"'.encode()
    return [
        HostileRow("array-bomb", b"[" * 100_000, refused="nested too deeply"),
        HostileRow("object-bomb", b'{"a":' * 100_000, refused="nested too deeply"),
        HostileRow("bomb-in-field", b"{" + text + b', "metadata": ' + b"[" * 100_000, refused="nested too deeply"),
        HostileRow("digit-bomb", b"{" + text + b', "amount": ' + b"9" * 10_000 + b"}", refused="not usable JSON"),
        HostileRow("invalid-utf-8", b'{"query": "\xff\xfe", "output": "x"}', refused="not valid UTF-8: byte 0xff"),
        HostileRow("raw-surrogate", b'{"query": "\xed\xa0\x80", "output": "x"}', refused="not valid UTF-8"),
        HostileRow("torn", b"{" + text, refused="is not JSON"),
        HostileRow("not-an-object", b"[1, 2]", refused="is a JSON array; expected an object"),
        HostileRow("raw-nul", b'{"query": "a\x00b", "output": "x"}', refused="is not JSON: invalid control character"),
        HostileRow("python", b"{'query': 'x', 'output': 'y'}", refused="is not JSON"),
    ]


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"deeper": value}
    return value
