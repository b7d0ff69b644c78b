"""Overlaps along a trajectory, as the VOT toolkit counts them (metrics SPEC §6.2), fast enough for all runs of a benchmark.

The numbers are those of `trackzoo.rasterise.region_overlap`, pair by pair. A truth takes part in many pairs, so what can be
known of it alone (its tight window, its area) is found once; masks and rectangles are then counted inside the window they
share, and nothing is drawn. numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import TrackzooError
from trackzoo.geometry import Floats
from trackzoo.rasterise import Window, is_empty, pixel_bounds, region_overlap, trimmed
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special

Pixels = NDArray[np.bool_]

_NOWHERE = (0, 0, 0, 0)


@dataclass(frozen=True)
class Shape:
    """A region with what its overlaps need.

    Attributes:
        region: the region.
        bounds: first and last column and row of its pixels, inclusive; see `trackzoo.rasterise.pixel_bounds`.
        pixels: of a mask, its tight window; None for others.
        area: pixels of a mask or rectangle.
    """

    region: Region
    bounds: Window
    pixels: Pixels | None
    area: int

    @property
    def drawn(self) -> bool:
        """Whether it has to be drawn to be counted."""
        return isinstance(self.region, Polygon)


def shape(region: Region) -> Shape:
    """A region, looked at once. Raises `TrackzooError` for a point."""
    if isinstance(region, Mask):
        return _of_mask(region)
    window = pixel_bounds(region)
    if isinstance(region, Rectangle):
        return Shape(region, window, None, _inside(window))
    return Shape(region, window, None, 0)


def _of_mask(region: Mask) -> Shape:
    pixels = region.pixels
    if not pixels.size or not _tight(pixels):
        columns, rows = np.flatnonzero(pixels.any(axis=0)), np.flatnonzero(pixels.any(axis=1))
        if columns.size == 0:
            return Shape(region, _NOWHERE, None, 0)
        region = Mask(
            int(region.x) + int(columns[0]),
            int(region.y) + int(rows[0]),
            pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
        )
        pixels = region.pixels
    x, y, (height, width) = int(region.x), int(region.y), pixels.shape
    return Shape(region, (x, y, x + width - 1, y + height - 1), pixels, int(np.count_nonzero(pixels)))


def _tight(pixels: Pixels) -> bool:
    """Whether all four edges of the window have a pixel that is set; so they are written, as a rule."""
    return bool(pixels[0].any() and pixels[-1].any() and pixels[:, 0].any() and pixels[:, -1].any())


def _inside(window: Window) -> int:
    return max(window[2] - window[0] + 1, 0) * max(window[3] - window[1] + 1, 0)


def _shared(a: Window, b: Window) -> Window:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _part(one: Shape, window: Window) -> Pixels:
    """Pixels of a mask inside a window that lies within its bounds."""
    assert one.pixels is not None
    x, y = one.bounds[0], one.bounds[1]
    return one.pixels[window[1] - y : window[3] + 1 - y, window[0] - x : window[2] + 1 - x]


def _count(one: Shape, window: Window) -> int:
    """Pixels of a region inside a window."""
    if one.area == 0:
        return 0
    inside = _shared(one.bounds, window)
    if inside == one.bounds:
        return one.area
    if _inside(inside) == 0:
        return 0
    return _inside(inside) if one.pixels is None else int(np.count_nonzero(_part(one, inside)))


def _common(one: Shape, other: Shape, window: Window) -> int:
    """Pixels inside a window that both regions have."""
    if one.area == 0 or other.area == 0:
        return 0
    inside = _shared(_shared(one.bounds, other.bounds), window)
    if _inside(inside) == 0:
        return 0
    if one.pixels is None:
        return _inside(inside) if other.pixels is None else int(np.count_nonzero(_part(other, inside)))
    if other.pixels is None:
        return int(np.count_nonzero(_part(one, inside)))
    return int(np.count_nonzero(_part(one, inside) & _part(other, inside)))


def overlap(one: Shape, other: Shape, size: tuple[int, int] | None, ignore: Region | None = None) -> float:
    """As `trackzoo.rasterise.region_overlap`."""
    if ignore is not None or one.drawn or other.drawn:
        return region_overlap(one.region, other.region, size, ignore)
    a, b = one.bounds, other.bounds
    left, top, right, bottom = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    if left >= right or top >= bottom:
        return 1.0
    if size is not None:
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[0] - 1), min(bottom, size[1] - 1)
        if left >= right or top >= bottom:
            return 0.0
    window = (left, top, right, bottom)
    both = _common(one, other, window)
    union = _count(one, window) + _count(other, window) - both
    return both / union if union else 0.0


def codes(regions: ListOf[Region]) -> NDArray[np.int64]:
    """(N,) VOT's special code of each frame (0 unknown, 1 initialisation, 2 failure), -1 where there is a region."""
    return np.array([region.code if isinstance(region, Special) else -1 for region in regions], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RegionTruth:
    """Annotation of one sequence as VOT's measures need it. N = number of frames.

    Make it with `region_truth`.

    Attributes:
        name: the sequence.
        shapes: N regions.
        size: (width, height) of the picture in pixels.
        empty: (N,) bool, frames that the toolkit takes for empty (target absent).
        ignore: N regions whose pixels do not count, or None.
    """

    name: str
    shapes: tuple[Shape, ...]
    size: tuple[int, int]
    empty: NDArray[np.bool_]
    ignore: tuple[Region, ...] | None = None

    def __len__(self) -> int:
        return len(self.shapes)

    def overlaps(
        self, regions: ListOf[Region], frames: Iterable[int] | None = None, size: tuple[int, int] | None = None
    ) -> Floats:
        """Overlaps (M,) of M predicted regions with the truth.

        Args:
            regions: the predictions, in the order of the run.
            frames: index of the frame of each; None means 0, 1, ….
            size: bounds of the picture, where they are to be others than its size.

        Raises:
            TrackzooError: a prediction is a point, or there are more predictions than frames.
        """
        places = list(range(len(regions)) if frames is None else frames)
        if len(places) != len(regions) or (places and max(places) >= len(self)):
            raise TrackzooError(
                f"'{self.name}': {len(regions)} predicted regions, expected one for each of {len(self)} frames"
            )
        bound = self.size if size is None else size
        ignore: ListOf[Any] = [None] * len(self) if self.ignore is None else self.ignore
        return np.array(
            [
                overlap(shape(region), self.shapes[place], bound, ignore[place])
                for region, place in zip(regions, places, strict=True)
            ],
            dtype=np.float64,
        )


def region_truth(
    name: str, regions: ListOf[Region], size: tuple[int, int], ignore: ListOf[Region] | None = None
) -> RegionTruth:
    """Annotation as the toolkit holds it: masks that were read from text shrink, those one pixel wide are lost (`trimmed`).

    Args:
        name: the sequence.
        regions: one a frame, as its file has them.
        size: (width, height) of the picture.
        ignore: regions whose pixels do not count, one a frame.

    Raises:
        TrackzooError: a point among the regions.
    """
    held = [trimmed(region) for region in regions]
    for index, region in enumerate(held):
        if isinstance(region, Point):
            raise TrackzooError(f"'{name}': frame {index} is annotated with a point; an overlap needs an area")
    return RegionTruth(
        name,
        tuple(shape(region) for region in held),
        size,
        np.array([is_empty(region) for region in held], dtype=np.bool_),
        None if ignore is None else tuple(trimmed(region) for region in ignore),
    )
