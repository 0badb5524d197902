"""Two runs against each other: paired differences, regressions by name, a gate for CI, baselines in files."""
