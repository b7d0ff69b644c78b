"""The search region: where the target is thought to be, how large, and at which scale the next crop is cut.

Positions and sizes are (y, x) and (height, width). Everything is float32, the scale too, as in the released code: a crop that
outgrows the picture is truncated to its size or to a pixel less, as the last bit of the scale has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.geometry import Floats
from trackzoo.trackers.rts.settings import SegmentationSettings

Float32 = NDArray[np.float32]
#: Pixels of the picture per pixel of a crop.
Scale = float | np.floating[Any]
#: How much of the history of scales a lost target's region looks back on, and at least and most how many of it count.
LOOK_BACK, FEWEST, MOST = 60, 2, 30


def centre_of(box: ArrayLike) -> tuple[Float32, Float32]:
    """Position and size of a box `x, y, w, h`; a box of w pixels from x on has its centre at x + (w - 1) / 2."""
    x, y, w, h = np.asarray(box, np.float32)
    return np.array([y + (h - 1) / 2, x + (w - 1) / 2], np.float32), np.array([h, w], np.float32)


def box_of(position: Float32, size: Float32) -> Floats:
    """(4,) float64 `x, y, w, h` of a position and a size."""
    low = position - (size - 1) / 2
    return np.array([low[1], low[0], size[1], size[0]], np.float64)


def scale_of(size: ArrayLike, crop: tuple[int, int], factor: float) -> np.float32:
    """Pixels of the picture per pixel of the crop that shows `factor` times a target of `size`."""
    area = (np.asarray(size, np.float32) * np.float32(factor)).prod(dtype=np.float32)
    return np.float32(np.sqrt(area) / np.sqrt(np.float32(crop[0] * crop[1])))


def box_in_crop(
    position: Float32, size: Float32, sample_position: Float32, sample_scale: Scale, crop: tuple[int, int]
) -> Float32:
    """(4,) `x, y, w, h` of a target in the pixels of a crop (height, width)."""
    scale = np.float32(sample_scale)
    middle = (position - sample_position) / scale + (np.array(crop, np.float32) - 1) / 2
    extent = size / scale
    low = middle - (extent - 1) / 2
    return np.array([low[1], low[0], extent[1], extent[0]], np.float32)


@dataclass
class Region:
    """Search region of one object.

    Attributes:
        position, size: (2,) of the target.
        scale: pixels of the picture per pixel of the crop.
        base_size: (2,) the first frame's target in pixels of its crop; never changes.
        history: scales since the start.
        lost: frames in a row for which the target was lost.
    """

    position: Float32
    size: Float32
    scale: np.float32
    base_size: Float32
    history: list[np.float32] = field(default_factory=list)
    lost: int = 0

    @classmethod
    def about(cls, box: ArrayLike, settings: SegmentationSettings) -> Region:
        """The region of a first box (4,) `x, y, w, h`."""
        position, size = centre_of(box)
        scale = scale_of(size, settings.image_sample_size, settings.search_area_scale)
        return cls(position, size, scale, (size / scale).astype(np.float32), [scale])

    def follow(self, position: Float32, size: Float32, settings: SegmentationSettings) -> None:
        """Move to where the target was seen; the aspect ratio stays the first frame's."""
        wanted = np.sqrt(size.prod(dtype=np.float32) / self.base_size.prod(dtype=np.float32))
        low, high = (np.float32(change) for change in settings.max_scale_change)
        self.scale = np.float32(min(max(wanted, low * self.scale), high * self.scale))
        self.position = np.asarray(position, np.float32)
        self.size = (self.base_size * self.scale).astype(np.float32)
        # What lies further back is never read again.
        self.history = [*self.history[1 - LOOK_BACK :], self.scale]
        self.lost = 0

    def search(self) -> None:
        """Stay, and look at the scales of before the target was lost, of ever more of them."""
        self.lost += 1
        count = min(max(self.lost, FEWEST), MOST)
        last = self.history[-LOOK_BACK:]
        large = [scale for scale in last if scale >= last[-1]]
        self.scale = np.mean(np.array(large[-count:], np.float32), dtype=np.float32)

    def crop_centre(self, settings: SegmentationSettings) -> Float32:
        """(2,) where the next crop is cut: along axes with an even number of cells half a cell further on."""
        cells = np.array(settings.cells)
        shift = ((cells + 3) % 2).astype(np.float32) * (self.scale * np.float32(16 / 2))
        return (self.position + shift).astype(np.float32)

    def crop_size(self, settings: SegmentationSettings) -> Float32:
        """(2,) extent of the next crop in pixels of the picture."""
        return (self.scale * np.array(settings.image_sample_size, np.float32)).astype(np.float32)
