"""Warm start, Stage I, Stage II and the baseline."""
