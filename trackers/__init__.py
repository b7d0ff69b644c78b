"""Tracker plugins, one folder each; found by folder, opened through `trackzoo.registry`."""
