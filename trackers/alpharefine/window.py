"""Where Alpha-Refine cuts its crops, and the way back: boxes and masks from the crop to the picture.

Unlike the trackers' crops these scale width and height on their own: twice the box on each axis becomes a square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.frames import Pixels
from trackzoo.geometry import Floats

#: Sides of the crop in sides of the box.
FACTOR = 2.0
#: A crop with a longer side, in pixels of the picture, is not cut: OpenCV's coordinates end there.
LONGEST = 32_000


@dataclass(frozen=True)
class Window:
    """A crop.

    Attributes:
        x, y: column and row of its top-left pixel in the picture; may be negative.
        width, height: pixels of the picture that it spans.
        left, top: its corner before rounding, which is where boxes are put back.
        size: pixels of the (square) crop along each side.
    """

    x: int
    y: int
    width: int
    height: int
    left: float
    top: float
    size: int

    @property
    def factors(self) -> tuple[float, float]:
        """Pixels of the crop per pixel of the picture, along x and y."""
        return self.size / self.width, self.size / self.height


def window(box: Floats, size: int) -> Window | None:
    """The crop about `box` (4,) `x, y, w, h`; None where it would span less than a pixel, or more than OpenCV can address.

    None also for a box that is not finite.
    """
    x, y, w, h = (float(value) for value in box)
    if not np.isfinite(box).all() or max(w, h) * FACTOR > LONGEST or max(abs(x), abs(y)) > 2**30:
        return None
    width, height = math.ceil(FACTOR * w), math.ceil(FACTOR * h)
    if width < 1 or height < 1:
        return None
    first, second = round(x + w / 2 - width / 2), round(y + h / 2 - height / 2)
    return Window(first, second, width, height, x + w / 2 - FACTOR * w / 2, y + h / 2 - FACTOR * h / 2, size)


def crop(picture: Pixels, where: Window) -> Pixels:
    """The crop (size, size, 3) uint8, black outside the picture, bilinear (OpenCV).

    One that ends on the picture's last column (or row) loses it and has a black one in its place (the reference's `+ 1`).
    """
    import cv2

    height, width = picture.shape[:2]
    left, top = max(0, -where.x), max(0, -where.y)
    right = max(where.x + where.width - width + 1, 0)
    bottom = max(where.y + where.height - height + 1, 0)
    # A crop wholly outside ends before it begins; negative ends would count from the other side of the array.
    rows = slice(where.y + top, max(where.y + where.height - bottom, 0))
    columns = slice(where.x + left, max(where.x + where.width - right, 0))
    inside = picture[rows, columns]
    if inside.size == 0:
        return np.zeros((where.size, where.size, 3), np.uint8)
    patch = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT)
    resized: Pixels = cv2.resize(patch, (where.size, where.size))  # type: ignore[assignment]
    return resized


def reference_corners(box: Floats, where: Window) -> Floats:
    """(4,) corners `x1, y1, x2, y2` of the reference box in crop pixels, within 0..size.

    The box counts as centred on the crop's centre `(size - 1) / 2`; the crop's rounding is ignored, as in the reference.
    """
    half = np.array([box[2] * where.factors[0], box[3] * where.factors[1]]) / 2
    centre = (where.size - 1) / 2
    return np.asarray(np.clip(np.concatenate([centre - half, centre + half]), 0, where.size))


def box_in_picture(corners: Floats, where: Window) -> Floats:
    """Corners (4,) `x1, y1, x2, y2` in crop pixels as a box `x, y, w, h` of the picture; its sign is not checked."""
    fx, fy = where.factors
    x1, y1, x2, y2 = (float(value) for value in corners)
    return np.array([where.left + x1 / fx, where.top + y1 / fy, (x2 - x1) / fx, (y2 - y1) / fy])


def paste(soft: NDArray[np.float32], where: Window, size: tuple[int, int]) -> tuple[slice, slice, NDArray[np.float32]]:
    """A crop's map in the picture.

    Args:
        soft: (side, side) values of the crop.
        where: the crop.
        size: (width, height) of the picture.

    Returns:
        Rows and columns of the picture that the crop covers, perhaps none, and the values there. Elsewhere the map is 0.
    """
    import cv2

    width, height = size
    rows = slice(min(max(where.y, 0), height), min(max(where.y + where.height, 0), height))
    columns = slice(min(max(where.x, 0), width), min(max(where.x + where.width, 0), width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return slice(0, 0), slice(0, 0), np.zeros((0, 0), np.float32)
    large = cv2.resize(soft, (where.width, where.height))
    values = large[rows.start - where.y : rows.stop - where.y, columns.start - where.x : columns.stop - where.x]
    return rows, columns, np.asarray(values, dtype=np.float32)


def full(pasted: tuple[slice, slice, NDArray[np.float32]], size: tuple[int, int]) -> NDArray[np.float32]:
    """What `paste` gave on a canvas of zeros (H, W); `size` is (width, height)."""
    canvas = np.zeros((size[1], size[0]), np.float32)
    canvas[pasted[0], pasted[1]] = pasted[2]
    return canvas
