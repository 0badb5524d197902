"""Several people and judges on one item: what a senior sees of them, and how well they agree."""
