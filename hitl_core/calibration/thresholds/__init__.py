"""Thresholds with a guarantee: tests, certificates, ledgers of delta (pure)."""
