"""Costs over the threshold, prices to try out, people needed, and another policy beside the live one."""
