"""Maps from raw to calibrated confidence: fitted, chosen, kept as JSON, refused when stale (pure)."""
