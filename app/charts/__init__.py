"""Figures: pure functions of frames that were binned in the core."""
