"""How sure are we: signals from query, context and output (pure)."""
