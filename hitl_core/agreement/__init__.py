"""Do raters agree, and who is right: kappa, alpha, AC1, Dawid-Skene, consensus (pure)."""
