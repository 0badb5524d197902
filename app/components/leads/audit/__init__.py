"""Parts of the Audit page: the segments, and one of them."""
