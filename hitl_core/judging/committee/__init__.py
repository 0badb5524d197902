"""Committees: several opinions at once, and whether they agree."""
