"""Published figures and the baselines of the regression gate."""
