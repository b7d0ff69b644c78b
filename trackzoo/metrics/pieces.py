"""Overlap and centre errors of paired boxes, each in the form and order of operations of the toolkit that it is named after.

All take boxes as columns (4, F) and give (F,) float64. The forms are equal up to the last bits, which decide ties.
"""

from __future__ import annotations

import numpy as np

from trackzoo.metrics.block import Flags
from trackzoo.metrics.types import Floats

#: MATLAB's and numpy's `eps`.
EPS = 2.220446049250313e-16


def positive(columns: Floats) -> Flags:
    """(F,) whether all of some rows of (R, F) are above 0; NaN is not."""
    return np.asarray((columns > 0).all(axis=0), dtype=bool)


def unknown(columns: Floats) -> Flags:
    """(F,) whether any of some rows of (R, F) is NaN."""
    return np.asarray(np.isnan(columns).any(axis=0), dtype=bool)


def overlap_inclusive(boxes: Floats, truth: Floats) -> Floats:
    """Intersection over union by inclusive corners (right = x + w - 1), nothing added: 0/0 is NaN (pytracking, MATLAB)."""
    (px, py, pw, ph), (gx, gy, gw, gh) = boxes, truth
    width = np.maximum(np.minimum(px + pw - 1, gx + gw - 1) - np.maximum(px, gx) + 1, 0)
    height = np.maximum(np.minimum(py + ph - 1, gy + gh - 1) - np.maximum(py, gy) + 1, 0)
    inter = width * height
    return np.asarray(inter / (pw * ph + gw * gh - inter))


def intersection(boxes: Floats, truth: Floats) -> Floats:
    """Area of the intersection, plain corners (right = x + w)."""
    (px, py, pw, ph), (gx, gy, gw, gh) = boxes, truth
    width = np.maximum(np.minimum(px + pw, gx + gw) - np.maximum(px, gx), 0)
    height = np.maximum(np.minimum(py + ph, gy + gh) - np.maximum(py, gy), 0)
    return np.asarray(width * height)


def overlap_plain(boxes: Floats, truth: Floats, eps: float = 0.0) -> Floats:
    """Intersection over union, `eps` added to the union, clipped to 0..1; NaN stays NaN (got10k with `EPS`, pysot without)."""
    inter = intersection(boxes, truth)
    union = boxes[2] * boxes[3] + truth[2] * truth[3] - inter
    return np.asarray(np.clip(inter / (union + eps if eps else union), 0, 1))


def centres(boxes: Floats) -> Floats:
    """(2, F) centres x + (w - 1) / 2, y + (h - 1) / 2, as every toolkit but TrackingNet's has them."""
    return np.asarray(boxes[:2] + (boxes[2:] - 1) / 2)


def length(vectors: Floats) -> Floats:
    """Euclidean length of the columns of (2, F)."""
    return np.asarray(np.sqrt(vectors[0] * vectors[0] + vectors[1] * vectors[1]))
