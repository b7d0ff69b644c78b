"""Regions as pixels, and their overlap, as the VOT toolkit counts them (vot-toolkit 0.9.0; metrics SPEC §6.2).

Everything is rounded to whole pixels first: `float32`, half to even. A rectangle covers `round(w)` columns from `round(x)`
on; a polygon is filled row by row, its border included; a mask is what it is. The toolkit's oddities stand here too, since
published figures contain them: an overlap of 1 where both regions together are one pixel wide, masks one pixel wide that
count as empty (`trimmed`). numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.errors import TrackzooError
from trackzoo.geometry import Floats
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region

Pixels = NDArray[np.bool_]

#: First and last column and row, all inclusive: left, top, right, bottom.
Window = tuple[int, int, int, int]

NOTHING = Mask(0, 0, np.zeros((0, 0), dtype=np.bool_))


def _whole(values: ArrayLike) -> NDArray[np.int64]:
    return np.rint(np.asarray(values, dtype=np.float32)).astype(np.int64)


def pixel_bounds(region: Region) -> Window:
    """First and last column and row that the rounded region covers; (0, 0, 0, 0) for a special code or an empty mask.

    The right end of a rectangle of no width lies left of its left end.

    Raises:
        TrackzooError: the region is a point.
    """
    if isinstance(region, Rectangle):
        x, y, w, h = _whole((region.x, region.y, region.w, region.h)).tolist()
        return x, y, x + w - 1, y + h - 1
    if isinstance(region, Polygon):
        points = _whole(region.points)
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return left, top, right, bottom
    if isinstance(region, Mask):
        columns, rows = np.flatnonzero(region.pixels.any(axis=0)), np.flatnonzero(region.pixels.any(axis=1))
        if columns.size == 0:
            return 0, 0, 0, 0
        x, y = int(region.x), int(region.y)
        return x + int(columns[0]), y + int(rows[0]), x + int(columns[-1]), y + int(rows[-1])
    if isinstance(region, Point):
        raise TrackzooError(
            f"the point {region.x:g},{region.y:g} covers no pixels; an overlap needs a box, polygon or mask"
        )
    return 0, 0, 0, 0


def rasterise(region: Region, window: Window) -> Pixels:
    """Pixels of `region` inside `window`, (bottom - top + 1, right - left + 1) bool.

    Args:
        region: a special code covers nothing.
        window: columns and rows of the picture, inclusive; may reach beyond the picture.

    Raises:
        TrackzooError: the region is a point.
    """
    left, top, right, bottom = window
    canvas = np.zeros((max(bottom - top + 1, 0), max(right - left + 1, 0)), dtype=np.bool_)
    if isinstance(region, Polygon):
        fill(canvas, _whole(region.points) - (left, top))
    elif isinstance(region, Mask):
        _paste(canvas, region.pixels, int(region.x) - left, int(region.y) - top)
    elif isinstance(region, Rectangle):
        x1, y1, x2, y2 = pixel_bounds(region)
        canvas[max(y1 - top, 0) : max(y2 - top + 1, 0), max(x1 - left, 0) : max(x2 - left + 1, 0)] = True
    else:
        pixel_bounds(region)  # refuses a point
    return canvas


def _paste(canvas: Pixels, pixels: Pixels, x: int, y: int) -> None:
    """Put `pixels` at column `x`, row `y` of `canvas`; what lies beyond its edges is lost."""
    part = pixels[max(-y, 0) : max(canvas.shape[0] - y, 0), max(-x, 0) : max(canvas.shape[1] - x, 0)]
    if part.size:
        row, column = max(y, 0), max(x, 0)
        canvas[row : row + part.shape[0], column : column + part.shape[1]] = part


def fill(canvas: Pixels, points: NDArray[np.int64], thin: bool = True) -> None:
    """Scan lines: every edge that meets a row gives one node there; the row is filled between the nodes in pairs.

    Args:
        canvas: (h, w), its pixels inside the polygon are set.
        points: (N, 2) columns and rows of the corners, relative to the canvas; they may lie outside.
        thin: level edges give nodes, and a tip is one pixel, as the VOT toolkit has it. False: a level edge gives none, and
            two equal nodes at the end of a row give no pixel, as pysot's toolkit has it.
    """
    # All rows at once: `nodes` is (rows, edges), sorted, with an infinity where an edge does not meet the row, and the walk
    # along the nodes moves one step in every row at a time.
    height, width = canvas.shape
    first, last = max(int(points[:, 1].min()), 0), min(int(points[:, 1].max()), height - 1)
    if first > last or width == 0:
        return
    rows = np.arange(first, last + 1)[:, None]
    (x1, y1), (x2, y2) = points.T, np.roll(points, 1, axis=0).T
    rise = y2 - y1
    share = (rows - y1) / np.where(rise == 0, 1, rise)
    columns = np.trunc(np.where(rise == 0, x1, x1 + share * (x2 - x1)))
    met = (np.minimum(y1, y2) <= rows) & (rows <= np.maximum(y1, y2)) & (thin | (rise != 0))
    nodes = np.sort(np.where(met, columns, np.inf), axis=1)
    count = met.sum(axis=1)

    changes = np.zeros((len(rows), width + 1), dtype=np.int32)
    every, at = np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64)
    while (inside := at + 1 < count).any():
        here = every[inside]
        begin, end = nodes[here, at[here]], nodes[here, at[here] + 1]
        # A corner gives two equal nodes, one for each of its edges; they count once, but for a last pair (a tip).
        twice = (begin == end) & ((not thin) | (at[here] + 2 < count[here]))
        spans = ~twice & (begin < width) & (end >= 0)
        changes[here[spans], np.maximum(begin[spans], 0).astype(np.int64)] += 1
        changes[here[spans], np.minimum(end[spans], width - 1).astype(np.int64) + 1] -= 1
        at[here] += np.where(twice, 1, 2)
    canvas[first : last + 1] |= np.cumsum(changes[:, :-1], axis=1) > 0


def trimmed(region: Region) -> Region:
    """The region as the VOT toolkit holds what it read from TEXT: a mask shrinks to its tight box.

    A mask whose last set column is the first one of its own window (one pixel wide) becomes the empty mask: the toolkit
    does so, and its figures depend on it. Other regions, and masks from binary files, stay as they are.
    """
    if not isinstance(region, Mask):
        return region
    columns, rows = np.flatnonzero(region.pixels.any(axis=0)), np.flatnonzero(region.pixels.any(axis=1))
    if columns.size == 0 or columns[-1] == 0:
        return NOTHING
    tight = region.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Mask(region.x + int(columns[0]), region.y + int(rows[0]), tight)


def is_empty(region: Region) -> bool:
    """Whether the VOT toolkit takes the region as empty (target absent).

    True for special codes, and for a mask whose last set column or last set row is the first one of its window. For
    rectangles and polygons: no area or no points.
    """
    if isinstance(region, Mask):
        columns, rows = np.flatnonzero(region.pixels.any(axis=0)), np.flatnonzero(region.pixels.any(axis=1))
        return columns.size == 0 or columns[-1] == 0 or rows[-1] == 0
    if isinstance(region, Rectangle):
        return region.w <= 0 or region.h <= 0
    return not isinstance(region, Polygon | Point)


def region_overlap(
    first: Region, second: Region, size: tuple[int, int] | None = None, ignore: Region | None = None
) -> float:
    """Intersection over union in pixels, 0..1.

    Args:
        first: one region.
        second: the other one.
        size: (width, height) of the picture, to which both are clipped; None counts what lies outside, too.
        ignore: region whose pixels do not count (VOT's object `_ignore`).

    Returns:
        The overlap. 1 where both regions are empty, and wherever their common bounds are one pixel wide or high (an oddity of
        the toolkit); 0 where nothing of them lies in the picture, or one of them is empty.

    Raises:
        TrackzooError: one of them is a point.
    """
    a, b = pixel_bounds(first), pixel_bounds(second)
    left, top, right, bottom = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    if left >= right or top >= bottom:
        return 1.0
    if size is not None:
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[0] - 1), min(bottom, size[1] - 1)
        if left >= right or top >= bottom:
            return 0.0
    window = (left, top, right, bottom)
    if ignore is None and isinstance(first, Rectangle) and isinstance(second, Rectangle):
        return _rectangles(a, b, window)
    one, other = rasterise(first, window), rasterise(second, window)
    both, either = one & other, one | other
    if ignore is not None:
        counted = ~rasterise(ignore, window)
        both &= counted
        either &= counted
    union = int(np.count_nonzero(either))
    return int(np.count_nonzero(both)) / union if union else 0.0


def _rectangles(a: Window, b: Window, window: Window) -> float:
    """The overlap of two rectangles by arithmetic: the same pixels, counted without drawing them."""
    shared = _pixels(a, b, window)
    union = _pixels(a, a, window) + _pixels(b, b, window) - shared
    return shared / union if union else 0.0


def _pixels(*windows: Window) -> int:
    """Number of pixels that all windows cover."""
    width = min(window[2] for window in windows) - max(window[0] for window in windows) + 1
    height = min(window[3] for window in windows) - max(window[1] for window in windows) + 1
    return max(width, 0) * max(height, 0)


def region_overlaps(
    first: ListOf[Region],
    second: ListOf[Region],
    size: tuple[int, int] | None = None,
    ignore: ListOf[Region] | None = None,
) -> Floats:
    """`region_overlap` of N pairs: (N,) float64.

    Raises:
        ValueError: the lists differ in length.
    """
    out = np.empty(len(first))
    others: ListOf[Any] = [None] * len(first) if ignore is None else ignore
    for index, (one, other, skip) in enumerate(zip(first, second, others, strict=True)):
        out[index] = region_overlap(one, other, size, skip)
    return out


def full_mask(region: Region, size: tuple[int, int]) -> Pixels:
    """The region's pixels in the whole picture, (H, W) bool; what lies outside is cut off.

    Args:
        region: see `rasterise`.
        size: (width, height) of the picture.
    """
    return rasterise(region, (0, 0, size[0] - 1, size[1] - 1))
