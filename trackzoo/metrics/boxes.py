"""Boxes made out of other boxes before they are scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trackzoo.metrics.types import Floats, Truth


def as_released(boxes: ArrayLike) -> Floats:
    """Boxes (…, 4) cut to integers towards zero, as the runners of pytracking and its forks save them; NaN stays NaN.

    Published figures were computed from such files: up to 0.2 AUC apart from those of the boxes themselves.
    """
    return np.asarray(np.trunc(np.asarray(boxes, dtype=np.float64)) + 0.0)  # no negative zeros


def ceiling(truth: Truth) -> Floats:
    """The annotation (N, 4) as results: what a profile gives it is the most that a tracker can reach.

    Where the annotation is unknown or has no area (LaSOT has rows `1,1,-1,-1`), the box before stands.
    """
    usable = np.isfinite(truth.boxes).all(axis=1) & (truth.boxes[:, 2:] > 0).all(axis=1)
    index = np.where(usable, np.arange(len(truth.boxes)), 0)
    return truth.boxes[np.maximum.accumulate(index)]


def floor(truth: Truth) -> Floats:
    """The first annotated box (N, 4) in every frame: what a profile gives for no tracking at all."""
    return np.repeat(truth.boxes[:1], len(truth.boxes), axis=0)
