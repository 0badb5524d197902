"""Coefficients of agreement, one a module."""
