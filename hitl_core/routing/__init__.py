"""What needs a human: policy rules, the confidence router, priority and the audit coin. Pure."""
