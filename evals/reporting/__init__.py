"""Figures and the page of a report: pure functions from frames to plotly figures as JSON-ready dicts, and to HTML."""
