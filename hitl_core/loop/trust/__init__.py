"""Numbers a lead answers for: calibrators, thresholds with a certificate, and what they rest on."""
