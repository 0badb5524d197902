"""Parts of pages: each takes records and draws them."""
