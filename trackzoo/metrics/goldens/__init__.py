"""Outputs of the reference toolkits on generated cases, and the generator, kept as the goldens were made with it."""
