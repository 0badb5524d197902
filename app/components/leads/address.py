"""Filters that live in the page's address, so that what a lead looks at can be sent to somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.components.safe_html import visible

ANY = ""


def choose(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    parameter: str,
    default: str = ANY,
    every: str = "all",
    width: int = 220,
) -> str:
    """Return the option chosen here or in the address; "" for all of them where no default is given.

    Args:
        label: of the box; ours.
        options: names, which may come from anywhere.
        key: of the widget.
        parameter: its name in the address; an unknown value there counts for nothing.
        default: what is left out of the address.
        every: what the box shows for "".
        width: in pixels.
    """
    known = list(dict.fromkeys(([ANY] if default == ANY else []) + list(options)))
    asked = st.query_params.get(parameter, default)
    place = known.index(asked) if asked in known else known.index(default) if default in known else 0
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)
    found = st.selectbox(label, known, index=place, key=key, format_func=_shown_as(every), width=width)
    remember(parameter, found, default)
    return found


def segments(label: str, options: Sequence[str], *, key: str, parameter: str, default: str) -> str:
    """Return one of a few options, given by us, chosen here or in the address."""
    asked = st.query_params.get(parameter, default)
    start = asked if asked in options else default
    found = st.segmented_control(label, list(options), default=start, key=key, required=True)
    remember(parameter, found or default, default)
    return str(found or default)


def remember(parameter: str, value: str, default: str) -> None:
    """Write a choice into the address, the default by leaving it out."""
    if value == default:
        st.query_params.pop(parameter, None)
    elif st.query_params.get(parameter) != value:
        st.query_params[parameter] = value


def _shown_as(every: str) -> Callable[[str], str]:
    return lambda option: visible(option)[:120] if option else every
