"""Commands about what was fitted from labels, and what may be claimed from them."""
