"""The only list of pages. Run by the launcher: `python -m app`."""

from __future__ import annotations

import streamlit as st

from app import session
from app.components import look, trouble
from hitl_core.domain.errors import StoreError

# No material icons on pages: the browser would fetch them from elsewhere as favicons.
PAGES = [
    st.Page("views/review.py", title="Review", default=True),
    st.Page("views/adjudicate.py", title="Adjudicate", url_path="adjudicate"),
    st.Page("views/overview.py", title="Overview", url_path="overview"),
    st.Page("views/calibration.py", title="Calibration", url_path="calibration"),
    st.Page("views/audit.py", title="Audit", url_path="audit"),
    st.Page("views/agreement.py", title="Agreement", url_path="agreement"),
    st.Page("views/trends.py", title="Trends", url_path="trends"),
    st.Page("views/cost.py", title="Cost", url_path="cost"),
    st.Page("views/golden.py", title="Golden examples", url_path="golden"),
    st.Page("views/history.py", title="History", url_path="history"),
]

st.set_page_config(page_title="Review", layout="wide", initial_sidebar_state="collapsed")
chosen = st.navigation(PAGES, position="top")
look.apply()
try:
    session.reviewer()
    chosen.run()
except StoreError as error:
    trouble.database_gone(error)
