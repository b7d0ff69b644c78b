"""J and F of one object on one frame (F. Perazzi et al., A Benchmark Dataset … for Video Object Segmentation, CVPR 2016).

J is the overlap of the masks, F the F-measure of their boundaries with a tolerance that grows with the picture's diagonal.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.bool_]

#: Tolerance of the boundary, as a share of the picture's diagonal (davis2017-evaluation).
TOLERANCE = 0.008


def region_similarity(prediction: Pixels, truth: Pixels) -> float:
    """J: intersection over union of two masks (H, W); 1 where both are empty."""
    union = np.count_nonzero(prediction | truth)
    return np.count_nonzero(prediction & truth) / union if union else 1.0


def boundary_accuracy(prediction: Pixels, truth: Pixels) -> float:
    """F: harmonic mean of boundary precision and recall of two masks (H, W).

    A boundary pixel is right when a pixel of the other boundary lies within ceil(0.008 × diagonal) pixels. Where one boundary
    is missing F is 0, where both are 1.
    """
    window = _window(prediction | truth)
    if window is None:
        return 1.0
    ours, theirs = boundary(prediction, window), boundary(truth, window)
    given, wanted = np.count_nonzero(ours), np.count_nonzero(theirs)
    if not given and not wanted:
        return 1.0
    if not given or not wanted:
        return 0.0
    disk = _disk(math.ceil(TOLERANCE * math.hypot(*truth.shape)))
    precision = np.count_nonzero(ours & _dilated(theirs, disk)) / given
    recall = np.count_nonzero(theirs & _dilated(ours, disk)) / wanted
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Pixels, window: tuple[slice, slice] | None = None) -> NDArray[np.uint8]:
    """Pixels (0 or 1) that differ from their right, lower or lower-right neighbour, those beyond the picture left out.

    Args:
        mask: (H, W).
        window: rows and columns of interest; the result has its size. Default: all.
    """
    rows, columns = window or (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    # One row and column more than the window; at the picture's border the edge is repeated, and equals itself.
    part = mask[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    missing = (rows.stop - rows.start + 1 - part.shape[0], columns.stop - columns.start + 1 - part.shape[1])
    if any(missing):
        part = np.pad(part, ((0, missing[0]), (0, missing[1])), mode="edge")
    here, right, lower, across = part[:-1, :-1], part[:-1, 1:], part[1:, :-1], part[1:, 1:]
    edges: Pixels = np.logical_or(np.logical_or(here != right, here != lower), here != across)
    return edges.view(np.uint8)


def _window(either: Pixels) -> tuple[slice, slice] | None:
    """Rows and columns that hold all boundary pixels of two masks, given their union; None where it is empty.

    A pixel above or left of the masks can be one, none beyond the last row or column that they reach.
    """
    import cv2

    x, y, w, h = cv2.boundingRect(either.view(np.uint8))
    if not w:
        return None
    return slice(max(y - 1, 0), y + h), slice(max(x - 1, 0), x + w)


@lru_cache(maxsize=8)
def _disk(radius: int) -> NDArray[np.uint8]:
    """Pixels with dx² + dy² <= radius²."""
    reach: NDArray[Any] = np.arange(-radius, radius + 1)
    return np.asarray(reach[:, None] ** 2 + reach**2 <= radius**2, dtype=np.uint8)


def _dilated(boundary: NDArray[np.uint8], disk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.dilate(boundary, disk), dtype=np.uint8)
