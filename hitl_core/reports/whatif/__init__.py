"""What another policy would have done with the outputs of a period."""
