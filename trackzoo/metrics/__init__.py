"""Metrics under named, versioned profiles: arrays in, numbers out. Never imports torch."""
