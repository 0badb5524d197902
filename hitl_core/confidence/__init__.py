"""How sure are we: signals from query, context and output, and the trainable scorer (pure)."""
