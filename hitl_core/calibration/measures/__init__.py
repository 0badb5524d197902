"""How well confidence matches accuracy: tables, errors, scores, each with an interval (pure)."""
