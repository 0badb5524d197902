"""The parts of an evaluation: cases and data sets, targets, scorers, metrics, and the run that joins them."""
