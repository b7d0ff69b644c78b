"""Weights: reading published checkpoints safely."""
