"""Shapes on a canvas, in whole numbers: what the animals and the scenery are painted with."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import numpy as np
from numpy.typing import NDArray

from trackzoo.datasets._synth_numbers import ONE, TURN, Ints, cosine, sine

Colour = tuple[int, int, int]
Flags = NDArray[np.bool_]


def ellipse(size: tuple[int, int], x: int, y: int, rx: int, ry: int, angle: int = 0) -> Flags:
    """Pixels (height, width) of `size` inside an ellipse around (x, y), turned by `angle` parts of a turn."""
    dx = np.arange(size[1], dtype=np.int64)[None] - x
    dy = np.arange(size[0], dtype=np.int64)[:, None] - y
    along = (dx * cosine(angle) + dy * sine(angle)) // ONE
    across = (dy * cosine(angle) - dx * sine(angle)) // ONE
    return (along * ry) ** 2 + (across * rx) ** 2 <= (rx * ry) ** 2


def polygon(size: tuple[int, int], points: ListOf[tuple[int, int]]) -> Flags:
    """Pixels (height, width) of `size` inside a polygon with corners (x, y), by the even-odd rule."""
    x = np.arange(size[1], dtype=np.int64)[None]
    y = np.arange(size[0], dtype=np.int64)[:, None]
    inside = np.zeros(size, dtype=bool)
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if y1 == y2:
            continue
        crosses = (y1 <= y) != (y2 <= y)
        # Left of the edge, with both sides multiplied by y2 - y1, whose sign turns the comparison.
        left = (x - x1) * (y2 - y1) < (y - y1) * (x2 - x1) if y2 > y1 else (x - x1) * (y2 - y1) > (y - y1) * (x2 - x1)
        inside ^= crosses & left
    return inside


def star(x: int, y: int, outer: int, inner: int, tips: int, angle: int = 0) -> list[tuple[int, int]]:
    """Corners of a star around (x, y) whose first tip points up."""
    corners = []
    for corner in range(2 * tips):
        radius = inner if corner % 2 else outer
        turn = angle + corner * TURN // (2 * tips) - TURN // 4
        corners.append((x + radius * cosine(turn) // ONE, y + radius * sine(turn) // ONE))
    return corners


def stamp(canvas: Ints, x: int, y: int, rx: int, ry: int, angle: int, colour: Colour, strength: int = 256) -> None:
    """Paint an ellipse on `canvas` (H, W, 3) in place; parts beyond the border are left out.

    Args:
        canvas: the picture.
        x, y, rx, ry, angle: as in `ellipse`.
        colour: what to paint.
        strength: 0..256; 256 covers what was there.
    """
    reach = max(rx, ry) + 1
    top, left = max(y - reach, 0), max(x - reach, 0)
    window = canvas[top : y + reach + 1, left : x + reach + 1]
    if window.size:
        inside = ellipse(window.shape[:2], x - left, y - top, rx, ry, angle)
        window[inside] += (np.array(colour, np.int64) - window[inside]) * strength // 256


def ramp(stops: ListOf[Colour]) -> Ints:
    """A table (256, 3) of colours that passes evenly from the first stop to the last."""
    table = np.empty((256, 3), np.int64)
    colours = np.array(stops, np.int64)
    for value in range(256):
        place = value * (len(stops) - 1)
        stop, part = min(place // 255, len(stops) - 2), 0
        part = place - stop * 255
        table[value] = (colours[stop] * (255 - part) + colours[stop + 1] * part) // 255
    return table
