"""Boxes: conversions and overlap, in one place.

A box is `x, y, w, h`: top-left corner and size in pixels, float64, last axis of length 4. A box that is not known is NaN.
All functions are vectorised over the leading axes and import numpy alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def as_boxes(values: ArrayLike) -> Floats:
    """`values` as float64 boxes (…, 4).

    Raises:
        ValueError: the last axis has not length 4.
    """
    boxes = np.asarray(values, dtype=np.float64)
    if boxes.shape[-1:] != (4,):
        raise ValueError(f"boxes need a last axis of length 4 (x, y, w, h), got shape {boxes.shape}")
    return boxes


def corners_from_boxes(boxes: ArrayLike) -> Floats:
    """`x, y, w, h` to `x1, y1, x2, y2` with x2 = x + w (continuous coordinates, no pixel is added)."""
    boxes = as_boxes(boxes)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def boxes_from_corners(corners: ArrayLike) -> Floats:
    """`x1, y1, x2, y2` to `x, y, w, h` with w = x2 - x1."""
    corners = as_boxes(corners)
    return np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], axis=-1)


def centres(boxes: ArrayLike) -> Floats:
    """Centres (…, 2) in continuous coordinates: `x + w / 2, y + h / 2`."""
    boxes = as_boxes(boxes)
    return boxes[..., :2] + boxes[..., 2:] / 2


def areas(boxes: ArrayLike) -> Floats:
    """Areas (…,) in square pixels; negative sizes count as zero."""
    sizes = np.maximum(as_boxes(boxes)[..., 2:], 0)
    return np.asarray(sizes[..., 0] * sizes[..., 1])


def overlaps(first: ArrayLike, second: ArrayLike) -> Floats:
    """Intersection over union (…,) in 0..1 of boxes paired by broadcasting; 0 where the union is empty, NaN where a box is.

    This is the plain geometric overlap, for tracking logic and tests. The variants that published figures rest on belong to
    the metric profiles (`trackzoo.metrics`).
    """
    a, b = corners_from_boxes(first), corners_from_boxes(second)
    sizes = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    sizes = np.maximum(sizes, 0)
    intersection = sizes[..., 0] * sizes[..., 1]
    union = areas(first) + areas(second) - intersection
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(union > 0, intersection / union, np.where(np.isnan(union), np.nan, 0.0)))


def clip_boxes(boxes: ArrayLike, size: tuple[int, int], margin: float = 0.0) -> Floats:
    """Boxes cut at the picture's border so that at least `margin` pixels of each remain inside.

    Args:
        boxes: (…, 4).
        size: (width, height) of the picture in pixels.
        margin: smallest width and height that is left, in pixels; a box wholly outside becomes a strip at the border.
    """
    corners = corners_from_boxes(boxes)
    limits = np.array([size[0], size[1]], dtype=np.float64)
    low = np.minimum(np.maximum(corners[..., :2], 0), np.maximum(limits - margin, 0))
    high = np.maximum(np.minimum(corners[..., 2:], limits), np.minimum(low + margin, limits))
    return boxes_from_corners(np.concatenate([low, high], axis=-1))


def box_of_mask(mask: NDArray[np.bool_]) -> Floats:
    """Tightest box (4,) around the pixels that are set: last - first + 1 (rule `mask_tight`); NaN when the mask is empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if columns.size == 0:
        return np.full(4, np.nan)
    x, y = columns[0], rows[0]
    return np.array([x, y, columns[-1] - x + 1, rows[-1] - y + 1], dtype=np.float64)
