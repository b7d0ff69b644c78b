"""The box that a tracker starts with where the annotation is a polygon or a mask.

VOT annotates rotated rectangles (to 2019) and masks (from 2020 on). How they become `x, y, w, h` differs between toolkits and
changes scores, so each way is a rule with a name that a run records. Rectangles are used as they are under every rule.
Nothing is rounded or clipped unless the rule says so. numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trackzoo.errors import SettingsError, TrackzooError, UnknownName
from trackzoo.geometry import Floats
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special, bounds as region_bounds

#: Ways from a centre to a top-left corner; trackers of both toolkits take the centre as `x + (w - 1) / 2`.
CORNERS = ("pysot", "pytracking")


def _points(region: Region, rule: str) -> Floats:
    if not isinstance(region, Polygon):
        raise SettingsError(
            f"rule '{rule}' makes a first box of a polygon, got a {_kind(region)}; {_rules_for(region)} would do"
        )
    return np.array(region.points, dtype=np.float64)


def _kind(region: Region) -> str:
    return "special code" if isinstance(region, Special) else type(region).__name__.lower()


def _rules_for(region: Region) -> str:
    return "mask_tight or mask_span" if isinstance(region, Mask) else "bounds"


def _around(centre: Floats, width: float, height: float, corner: str) -> Floats:
    """A box of that size whose centre is `centre` as PySOT counts it, or half a pixel less (PyTracking)."""
    if corner not in CORNERS:
        raise UnknownName("corner", corner, CORNERS)
    inset = 1 if corner == "pysot" else 0
    return np.array([centre[0] - (width - inset) / 2, centre[1] - (height - inset) / 2, width, height])


def bounds(region: Region, corner: str = "pysot") -> Floats:
    """The bounding box (4,): what the VOT toolkit and TraX give when a region must become a rectangle. A mask's is tight."""
    if isinstance(region, Mask):
        return mask_tight(region)
    return region_bounds(region)


def _same_area(region: Region, rule: str, corner: str, extra: float) -> Floats:
    points = _points(region, rule)
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low).tolist()
    # |p1 - p2| * |p2 - p3| is the area of a rectangle alone; VOT's polygons are rectangles up to rounding.
    rotated = float(np.linalg.norm(points[0] - points[1]) * np.linalg.norm(points[1] - points[2]))
    scale = float(np.sqrt(rotated / (width * height))) if width * height > 0 else 0.0
    return _around(points.mean(axis=0), scale * width + extra, scale * height + extra, corner)


def area_plus1(region: Region, corner: str = "pysot") -> Floats:
    """`get_axis_aligned_bbox` of PySOT, PyTracking and most Siamese trackers: the shape of the bounds, the area of the polygon.

    With s² the ratio of the areas, the size is `s W + 1, s H + 1` and the centre the mean of the corners. With the corner
    `pysot` the box begins at `cx - (w - 1) / 2`, with `pytracking` at `cx - w / 2`.
    """
    return _same_area(region, "area_plus1", corner, 1.0)


def area(region: Region, corner: str = "pytracking") -> Floats:
    """As `area_plus1` without the added pixel; begins at `cx - w / 2` (mmtracking)."""
    return _same_area(region, "area", corner, 0.0)


def bounds_rounded(region: Region, corner: str = "pysot") -> Floats:
    """The bounds of the rounded corners (CSR-DCF); halves are rounded away from zero, as MATLAB does."""
    points = _points(region, "bounds_rounded")
    points = np.copysign(np.floor(np.abs(points) + 0.5), points)
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low, high - low])


def centre_bounds(region: Region, corner: str = "pysot") -> Floats:
    """The size of the bounds around the mean of the corners (PySOT's `get_min_max_bbox`)."""
    points = _points(region, "centre_bounds")
    width, height = (points.max(axis=0) - points.min(axis=0)).tolist()
    return _around(points.mean(axis=0), width, height, corner)


def _extent(region: Region, rule: str) -> tuple[int, int, int, int] | None:
    """First and last column and row of a mask; None when it is empty."""
    if not isinstance(region, Mask):
        raise SettingsError(
            f"rule '{rule}' makes a first box of a mask, got a {_kind(region)}; {_rules_for(region)} would do"
        )
    columns, rows = np.flatnonzero(region.pixels.any(axis=0)), np.flatnonzero(region.pixels.any(axis=1))
    if columns.size == 0:
        return None
    x, y = int(region.x), int(region.y)
    return x + int(columns[0]), x + int(columns[-1]), y + int(rows[0]), y + int(rows[-1])


def mask_tight(region: Region, corner: str = "pysot") -> Floats:
    """First and last column and row with a pixel: `x1 - x0 + 1, y1 - y0 + 1` (STARK, MixFormer, AlphaRefine, …).

    Raises:
        TrackzooError: the mask is empty.
    """
    extent = _extent(region, "mask_tight")
    if extent is None:
        raise TrackzooError("the mask has no pixels, so a tracker cannot start with it; leave the sequence out")
    x0, x1, y0, y1 = extent
    return np.array([x0, y0, x1 - x0 + 1, y1 - y0 + 1], dtype=np.float64)


def mask_span(region: Region, corner: str = "pysot") -> Floats:
    """`x1 - x0, y1 - y0`: PyTracking's loaders of DAVIS and YouTube-VOS. An empty mask gives (0, 0, 0, 0)."""
    extent = _extent(region, "mask_span")
    if extent is None:
        return np.zeros(4)
    x0, x1, y0, y1 = extent
    return np.array([x0, y0, x1 - x0, y1 - y0], dtype=np.float64)


RULES: dict[str, Callable[..., Floats]] = {
    "bounds": bounds,
    "area_plus1": area_plus1,
    "area": area,
    "bounds_rounded": bounds_rounded,
    "centre_bounds": centre_bounds,
    "mask_tight": mask_tight,
    "mask_span": mask_span,
}


def first_box(region: Region, rule: str = "bounds", corner: str | None = None) -> Floats:
    """A region as a tracker's first box (4,) `x, y, w, h`.

    Args:
        region: rectangle (used as it is), polygon or mask.
        rule: a name in `RULES`.
        corner: `pysot` or `pytracking`, for the rules that place a box by its centre; None takes the rule's usual one.

    Raises:
        UnknownName: no such rule or corner.
        SettingsError: the rule is not one for such a region, or the region is a code or a point.
        TrackzooError: an empty mask.
    """
    if rule not in RULES:
        raise UnknownName("rule for the first box", rule, RULES)
    if corner is not None and corner not in CORNERS:
        raise UnknownName("corner", corner, CORNERS)
    if isinstance(region, Special | Point):
        raise SettingsError(f"a {_kind(region)} gives no first box; a tracker needs a rectangle, polygon or mask")
    if isinstance(region, Rectangle):
        return region_bounds(region)
    return RULES[rule](region) if corner is None else RULES[rule](region, corner)
