"""ToMP's coordinates: boxes in samples, distances to their sides, labels; float32 throughout, as released.

A sample is the crop that the network sees, S x S pixels; cells of its feature map lie 16 of them apart. Positions are (y, x),
sizes (height, width), in the picture's pixels; boxes are `x, y, w, h`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.geometry import Floats

Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]
STRIDE = 16
#: Widths and heights that a box keeps inside the picture, at least.
LEAST = np.float32(10)
#: Corners beyond this many pixels are cut to it, which changes no box inside a picture.
FAR = np.float32(1e6)


def float32(values: ArrayLike) -> Float32:
    """An array of that type."""
    return np.asarray(values, dtype=np.float32)


@dataclass(frozen=True)
class Place:
    """Where a target is.

    Attributes:
        position: (2,) float32 centre, counted as `corner + (size - 1) / 2` where it comes from a person's box.
        size: (2,) float32.
    """

    position: Float32
    size: Float32

    @classmethod
    def of_box(cls, box: Floats) -> Place:
        """From `x, y, w, h`."""
        x, y, w, h = (float(value) for value in box)
        return cls(float32([y + (h - 1) / 2, x + (w - 1) / 2]), float32([h, w]))

    @property
    def box(self) -> Floats:
        """(4,) float64 `x, y, w, h`: half a pixel right of and below the regressed corner, as released."""
        corner = self.position - (self.size - 1) / 2
        return np.concatenate([corner[::-1], self.size[::-1]]).astype(np.float64)


def in_sample(place: Place, position: Float32, scale: float, sample: int) -> Float32:
    """The target's box (4,) `x, y, w, h` in a sample's pixels.

    Args:
        place: the target.
        position: (2,) centre of the sample in the picture.
        scale: pixels of the picture per pixel of the sample.
        sample: side of the sample, S.
    """
    scale32 = np.float32(scale)
    centre = (place.position - position) / scale32 + np.float32((sample - 1) / 2)
    size = place.size / scale32
    corner = centre - (size - 1) / 2
    return np.concatenate([corner[::-1], size[::-1]]).astype(np.float32)


def distances(box: Float32, side: int) -> Float32:
    """Signed distances of each cell's centre to a box's left, top, right, bottom in the sample, (4, n, n), over S."""
    x, y, w, h = box
    centres = np.arange(side, dtype=np.float32) * STRIDE + STRIDE // 2
    columns, rows = centres[None, :], centres[:, None]
    planes = np.broadcast_arrays(columns - x, rows - y, x + w - columns, y + h - rows)
    return (np.stack(planes) / np.float32(STRIDE * side)).astype(np.float32)


def label(place: Place, position: Float32, scale: float, side: int, sigma: float) -> Float32:
    """Gaussian (n, n) about the target in a sample; 1 where it is.

    Args:
        place, position, scale: see `in_sample`.
        side: cells along each side, n.
        sigma: in cells.
    """
    centre = side * (place.position - position) / np.float32(scale * STRIDE * side)
    steps = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    rows, columns = (np.exp(np.float32(-0.5 / sigma**2) * (steps - each) ** 2) for each in centre)
    return np.asarray(rows[:, None] * columns[None, :], dtype=np.float32)


def label_sigma(base: Float32, side: int) -> float:
    """Width of the label in cells: a quarter of the target's size there, n / 20. `base` is the target's size in the sample."""
    return 0.25 * math.sqrt(float((base / STRIDE).prod()))


def corners(ltrb: Float32, cell: tuple[int | Integers, int | Integers], coords: Float32) -> Float32:
    """The box that a cell says, (4,) `x1, y1, x2, y2` in the picture, unclipped; (4, N) of N cells.

    Args:
        ltrb: (4, n, n) left, top, right, bottom over S.
        cell: row, column; or (N,) rows and columns.
        coords: (4,) `y0, x0, y1, x1` of the sample in the picture.
    """
    row, column = cell
    side = np.float32(STRIDE * ltrb.shape[-1])
    left, top, right, bottom = ltrb[:, row, column] * side
    x, y = np.float32(column * STRIDE + STRIDE // 2), np.float32(row * STRIDE + STRIDE // 2)
    low_y, low_x, high_y, high_x = coords
    wide, high = high_x - low_x, high_y - low_y
    x1, x2 = (x - left) / side * wide + low_x, (x + right) / side * wide + low_x
    y1, y2 = (y - top) / side * high + low_y, (y + bottom) / side * high + low_y
    return float32([x1, y1, x2, y2])


def clipped(found: Float32, picture: tuple[int, int]) -> tuple[Float32, Float32]:
    """Corner and size, both (2,) as (y, x), of a box that keeps ten pixels inside the picture; (2, N) of N boxes.

    Args:
        found: (4,) or (4, N) `x1, y1, x2, y2`.
        picture: (height, width).
    """
    corner, size = [], []
    # An untrained network may say anything; a box must be finite.
    found = np.clip(np.nan_to_num(found), -FAR, FAR)
    for low, high, limit in ((found[1], found[3], picture[0]), (found[0], found[2], picture[1])):
        first = np.maximum(np.float32(0), np.minimum(low, np.float32(limit) - LEAST))
        last = np.maximum(first + LEAST, np.minimum(low + (high - low), np.float32(limit)))
        corner.append(first)
        size.append(last - first)
    return float32(corner), float32(size)
