"""Baselines of the regression gate: scores and boxes of the project's own runs."""
