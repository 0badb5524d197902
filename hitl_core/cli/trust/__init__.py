"""Commands about what was fitted from labels."""
