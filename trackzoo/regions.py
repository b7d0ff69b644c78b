"""Regions: what an annotation really is. Rectangle, polygon, mask, point or a special code, as VOT's files distinguish them.

Reading and writing them: `trackzoo.region_text`, `trackzoo.region_binary`. Pixels and overlap: `trackzoo.rasterise`. The box
that a tracker starts with: `trackzoo.first_box`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.geometry import Floats, box_of_mask


@dataclass(frozen=True)
class Special:
    """A frame without a region: 0 unknown, 1 initialisation, 2 failure (VOT)."""

    code: int


@dataclass(frozen=True)
class Point:
    """A single position; it has no area and no overlap with anything."""

    x: float
    y: float


@dataclass(frozen=True)
class Rectangle:
    """An axis-aligned box."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class Polygon:
    """Corner points.

    Attributes:
        points: ((x, y), …), at least three.
    """

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Mask:
    """Pixels in a window of the picture.

    Attributes:
        x, y: column and row of the window's top-left pixel.
        pixels: (h, w) bool.
    """

    x: int
    y: int
    pixels: NDArray[np.bool_]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Mask)
            and (self.x, self.y) == (other.x, other.y)
            and np.array_equal(self.pixels, other.pixels)
        )

    __hash__ = None  # type: ignore[assignment]


Region = Special | Point | Rectangle | Polygon | Mask


def bounds(region: Region) -> Floats:
    """Bounding box (4,) `x, y, w, h`; NaN for a special code or an empty mask. A mask's box is tight (rule `mask_tight`).

    A point's box has no size.
    """
    if isinstance(region, Rectangle):
        return np.array([region.x, region.y, region.w, region.h], dtype=np.float64)
    if isinstance(region, Polygon):
        points = np.array(region.points, dtype=np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        return np.concatenate([low, high - low])
    if isinstance(region, Mask):
        return box_of_mask(region.pixels) + np.array([region.x, region.y, 0, 0], dtype=np.float64)
    if isinstance(region, Point):
        return np.array([region.x, region.y, 0, 0], dtype=np.float64)
    return np.full(4, np.nan)
