"""The only module that makes HTML. Everything that comes from outside passes `esc` or `visible` first.

Items, passages, sources, projects, reviewer names and policies are untrusted. `st.html` gets only strings made
here; sinks that render Markdown (labels, captions, errors, metrics, toasts) get constants or `plain_label`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

# Characters that change what a reader sees without being seen: controls, bidi marks, zero-width, tags.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
    # Joiners are spelling in Persian, Indic scripts and emoji; next to ASCII or in a row they only hide.
    "|(?<![^\x00-\x7f\u200b-\u200f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200b-\u200f])"
    # One variation selector belongs to an emoji; a run of them carries hidden data.
    "|[\ufe00-\ufe0f](?=[\ufe00-\ufe0f])|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&])")


def visible(text: str) -> str:
    """Return text whose hidden characters are spelled out, such as `⟦U+202E⟧`."""
    return _HIDDEN.sub(lambda match: f"⟦U+{ord(match.group()):04X}⟧", text)


def esc(text: object) -> str:
    """Return text as HTML that shows exactly it; hidden characters become marked boxes."""
    escaped = html.escape(str(text), quote=True)
    return _HIDDEN.sub(
        lambda match: f'<span class="hidden-char" title="hidden character">⟦U+{ord(match.group()):04X}⟧</span>', escaped
    )


def attr(text: object) -> str:
    """Return text for a quoted attribute, on one line."""
    return html.escape(" ".join(visible(str(text)).split()), quote=True)


def plain_label(text: object, limit: int = 80) -> str:
    """Return text for a widget's label, with everything that Markdown would read switched off."""
    line = " ".join(visible(str(text)).split())
    return _MARKDOWN.sub(r"\\\1", line if len(line) <= limit else line[: limit - 1] + "…")


def cut(text: str, limit: int) -> tuple[str, bool]:
    """Return at most `limit` characters, and whether something is left out."""
    return (text, False) if len(text) <= limit else (text[:limit], True)


def element(tag: str, *children: str, cls: str = "", title: str = "", style: str = "") -> str:
    """Return an element around HTML made here; `title` is escaped, `cls` and `style` are ours."""
    attributes = (f' class="{cls}"' if cls else "") + (f' style="{style}"' if style else "")
    attributes += f' title="{attr(title)}"' if title else ""
    return f"<{tag}{attributes}>{''.join(children)}</{tag}>"


def text_block(text: str, cls: str = "prose") -> str:
    """Return untrusted text as a block that keeps its line breaks and its own writing direction."""
    return f'<div class="{cls}" dir="auto">{esc(text)}</div>'


def chip(label: str, value: object = "", *, kind: str = "", title: str = "") -> str:
    """Return a small labelled value; `value` is escaped, the rest is ours."""
    strong = element("b", esc(value)) if value != "" else ""
    return element("span", f"{label} {strong}".strip(), cls=f"chip {kind}".strip(), title=title)


def bar(share: float, kind: str = "") -> str:
    """Return a bar of a share in [0, 1]."""
    width = max(0.0, min(1.0, share)) * 100
    return f'<span class="bar {kind}"><i style="width:{width:.1f}%"></i></span>'


def link(page: str, parameters: Mapping[str, str | None], text: object) -> str:
    """Return a link to another page of the app; `page` is ours, parameters without a value are left out."""
    given = {name: value for name, value in parameters.items() if value}
    query = urlencode(given, errors="replace")
    return f'<a href="{html.escape(f"{page}?{query}" if query else page, quote=True)}" target="_self">{esc(text)}</a>'


def show(markup: str, *, narrow: bool = False) -> None:
    """Draw HTML made by this module; `narrow` takes only the width it needs, beside others in a row."""
    st.html(markup, width="content" if narrow else "stretch")


def show_text(text: object, cls: str = "line") -> None:
    """Draw untrusted text."""
    st.html(text_block(str(text), cls))
