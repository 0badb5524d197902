from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.components import safe_html
from app.components.safe_html import attr, element, esc, plain_label, visible

HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "<iframe srcdoc='<script>1</script>'>",
    "' style='background:url(http://evil.example/x)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_becomes_text(text: str) -> None:
    shown = element("div", esc(text), title=text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert re.findall(r"<(\w+)", shown) == ["div"]
    assert shown.count('"') == 2


@given(st.text())
def test_escaping_loses_nothing_and_adds_only_our_span(text: str) -> None:
    shown = esc(text)
    bare = re.sub(r'<span class="hidden-char" title="hidden character">(⟦U\+[0-9A-F]+⟧)</span>', r"\1", shown)
    assert "<" not in bare
    assert html.unescape(bare) == visible(text)


@given(st.text())
def test_an_attribute_stays_on_one_line_and_closed(text: str) -> None:
    assert not set(attr(text)) & set('"<>\n\r')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟦U+202E⟧b"),
        ("a\u200bb\u2066", "a⟦U+200B⟧b⟦U+2066⟧"),
        ("a\u200db", "a⟦U+200D⟧b"),
        ("\U000e0041", "⟦U+E0041⟧"),
        ("x\ufe01\ufe02", "x⟦U+FE01⟧⟦U+FE02⟧"),
        ("\x1b[31m", "⟦U+001B⟧[31m"),
        ("می\u200cخواهم 👩\u200d👩 ❤\ufe0f\n\t", "می\u200cخواهم 👩\u200d👩 ❤\ufe0f\n\t"),
    ],
)
def test_hidden_characters_are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_label_has_no_markdown_left() -> None:
    label = plain_label("![x](http://evil.example/p.png) **b** :red[r] $x$ `c`")
    assert not re.search(r"(?<!\\)[!\[\]()*:$`]", label)


def test_only_this_module_hands_html_to_streamlit() -> None:
    import ast
    from pathlib import Path

    folder = Path(safe_html.__file__).parents[1]
    users = {
        path.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("html", "markdown", "iframe", "write", "caption", "error")
        and isinstance(node.value, ast.Name)
        and node.value.id == "st"
    }
    assert users == {"safe_html.py", "look.py"}
