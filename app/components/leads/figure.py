"""A figure with the table behind it: to be read, and to be taken along as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.components.safe_html import attr
from hitl_core.integrations.writers import neutralised

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import polars as pl

_CONFIG = {"displaylogo": False, "displayModeBar": False}


def figure(drawn: go.Figure, rows: pl.DataFrame, *, key: str, name: str) -> None:
    """Draw a figure and, folded, its table.

    Args:
        drawn: the figure.
        rows: what it was drawn from.
        key: `page.figure`, the prefix of the widgets' keys.
        name: what it shows; for who cannot see it, and of the file.
    """
    st.plotly_chart(drawn, key=f"{key}.plot", config=_CONFIG, alt=attr(name))
    with st.expander(f"Table behind this figure, {rows.height:,} rows", key=f"{key}.open"):
        table(rows, key=key, name=name)


def table(rows: pl.DataFrame, *, key: str, name: str) -> None:
    """Draw a table that can be downloaded; cells are shown as they are, never as markup."""
    st.dataframe(rows, key=f"{key}.table", hide_index=True, alt=attr(name))
    st.download_button(
        "Download as CSV",
        csv_of(rows),
        file_name=f"{name.lower().replace(' ', '-')}.csv",
        mime="text/csv",
        key=f"{key}.csv",
        on_click="ignore",
    )


def csv_of(rows: pl.DataFrame) -> str:
    """Return rows as CSV in which no cell is a formula to a spreadsheet."""
    import polars as pl

    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    safe = [pl.col(name).map_elements(neutralised, return_dtype=pl.String) for name in texts]
    return rows.with_columns(safe).write_csv()
