"""Metrics under named, versioned profiles: arrays in, numbers out. Never imports torch."""

from __future__ import annotations

from trackzoo.metrics.profiles import PROFILES, Profile, evaluate, profile
from trackzoo.metrics.types import Curve, Scores, Truth

__all__ = ["PROFILES", "Curve", "Profile", "Scores", "Truth", "evaluate", "profile"]
