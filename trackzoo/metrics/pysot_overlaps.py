"""Overlaps of regions as pysot's toolkit counts them in reset-based runs (StrangerZhang/pysot-toolkit, commit 8b5ced3).

The metrics SPEC (§7) gives this rasteriser in outline: polygons, a float32 result, level edges dropped. What the outline
leaves open was settled by the toolkit's own numbers, which these rules give to the last digit: a rectangle is the polygon of
the corners (x, y) and (x + w, y + h); corners are float32 and rounded, halves away from zero; an edge meets a row at either of
its ends, too; a corner's two equal nodes count once, also where they are the last of their row. numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence as ListOf

import numpy as np
from numpy.typing import NDArray

from trackzoo.geometry import Floats
from trackzoo.rasterise import Pixels, Window, fill, pixel_bounds, rasterise
from trackzoo.regions import Polygon, Rectangle, Region, Special


def _corners(region: Region) -> NDArray[np.int64] | None:
    """Columns and rows (N, 2) of a shape's corners; None for a mask, which the toolkit does not know."""
    if isinstance(region, Rectangle):
        x, y, right, bottom = region.x, region.y, region.x + region.w, region.y + region.h
        points = [(x, y), (right, y), (right, bottom), (x, bottom)]
    elif isinstance(region, Polygon):
        points = list(region.points)
    else:
        return None
    exact = np.asarray(points, dtype=np.float32).astype(np.float64)
    return (np.sign(exact) * np.floor(np.abs(exact) + 0.5)).astype(np.int64)


def overlap(first: Region, second: Region, bounds: tuple[int, int]) -> float:
    """Intersection over union in pixels, 0..1, rounded to float32.

    Args:
        first, second: rectangles or polygons; a mask counts with the pixels that it has.
        bounds: last column and row that count. The toolkit gives (W, H) for accuracy, so one more of each than there are, and
            (W - 1, H - 1) for EAO.

    Returns:
        The overlap; NaN where one of them is a special code, 0 where nothing of them lies inside the bounds.

    Raises:
        TrackzooError: one of them is a point.
    """
    if isinstance(first, Special) or isinstance(second, Special):
        return float("nan")
    a, b = reach(first), reach(second)
    left, top = min(max(a[0], 0), max(b[0], 0)), min(max(a[1], 0), max(b[1], 0))
    right, bottom = max(min(a[2], bounds[0]), min(b[2], bounds[0])), max(min(a[3], bounds[1]), min(b[3], bounds[1]))
    if right < left or bottom < top:
        return 0.0
    one, other = (_drawn(region, (left, top, right, bottom)) for region in (first, second))
    union = np.count_nonzero(one | other)
    return float(np.float32(np.count_nonzero(one & other)) / np.float32(union)) if union else 0.0


def reach(region: Region) -> Window:
    """First and last column and row of a region as drawn, inclusive: left, top, right, bottom."""
    points = _corners(region)
    if points is None:
        return pixel_bounds(region)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def _drawn(region: Region, window: Window) -> Pixels:
    points = _corners(region)
    if points is None:
        return rasterise(region, window)
    left, top, right, bottom = window
    canvas = np.zeros((bottom - top + 1, right - left + 1), dtype=np.bool_)
    fill(canvas, points - (left, top), thin=False)
    return canvas


def overlaps(regions: ListOf[Region], truths: Iterable[Region], bounds: tuple[int, int]) -> Floats:
    """`overlap` of N pairs: (N,) float64."""
    return np.array([overlap(one, other, bounds) for one, other in zip(regions, truths, strict=True)], dtype=np.float64)
