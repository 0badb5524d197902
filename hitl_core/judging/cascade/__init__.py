"""The judge cascade: tiers, how a verdict is weighed, and how a policy builds one."""
