"""Benchmarks in their native layouts, one module each; found by folder, opened through `trackzoo.registry`."""
