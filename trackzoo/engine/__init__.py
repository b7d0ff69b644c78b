"""Runs trials: lanes, prefetching decoder, clocks, worker processes."""
