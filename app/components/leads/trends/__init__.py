"""Figures of a period over time and by group."""
