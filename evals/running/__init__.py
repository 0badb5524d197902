"""Runs in a folder: what was run with what, results that are kept, suites and own files."""
