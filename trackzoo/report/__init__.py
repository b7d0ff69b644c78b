"""Tables, plots, pages, the regression gate."""
