"""Back from the crop to the picture: pasted logits, what of them matters, and the numbers that decisions rest on."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trackzoo.geometry import Floats

Float32 = NDArray[np.float32]
#: Logit outside of what the crop showed; its probability is 0 in float32 for all that is done with it.
OUTSIDE = -100.0
#: The box that stands for an empty mask.
NOWHERE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Pasted:
    """A map over a picture that is constant outside a window.

    Attributes:
        values: (h, w) in the window.
        top, left: the window's corner; it lies inside the picture.
        picture: (height, width).
        outside: value elsewhere.
    """

    values: Tensor
    top: int
    left: int
    picture: tuple[int, int]
    outside: float = OUTSIDE

    def full(self) -> Tensor:
        """(height, width) map."""
        height, width = self.values.shape
        map_ = self.values.new_full(self.picture, self.outside)
        map_[self.top : self.top + height, self.left : self.left + width] = self.values
        return map_

    def sigmoid(self) -> Pasted:
        """Logits to probabilities; 0 outside."""
        return Pasted(self.values.sigmoid(), self.top, self.left, self.picture, 0.0)


def whole(values: Tensor, outside: float = 0.0) -> Pasted:
    """A map (height, width) that is known everywhere."""
    return Pasted(values, 0, 0, (values.shape[0], values.shape[1]), outside)


def paste(logits: Tensor, position: Float32, scale: float, picture: tuple[int, int]) -> Pasted:
    """Logits of a crop (h, w) in the picture.

    Args:
        logits: of the crop.
        position: (2,) centre of the crop in pixels of the picture.
        scale: pixels of the picture per pixel of the crop.
        picture: (height, width).
    """
    resized = functional.interpolate(
        logits[None, None], scale_factor=(scale, scale), mode="bilinear", align_corners=False
    )[0, 0]
    height, width = resized.shape
    # Truncation, not floor: a corner between -1 and 0 is moved inside.
    top, left = int(position[0] - height / 2), int(position[1] - width / 2)
    low, first = max(top, 0), max(left, 0)
    high, last = min(top + height, picture[0]), min(left + width, picture[1])
    inside = resized[low - top : max(high, low) - top, first - left : max(last, first) - left]
    return Pasted(inside, low, first, picture)


@dataclass(frozen=True)
class Facts:
    """What decisions need to know of a map, on the host.

    Attributes:
        area: pixels of the mask.
        box: (4,) `x, y, w, h`, the tightest about the mask; `NOWHERE` for an empty one.
        sum: of the probabilities over the picture.
        centre: (2,) their mean place; NaN where they sum to 0.
        variance: (2,) about it.
    """

    area: int
    box: Floats
    sum: float
    centre: Float32
    variance: Float32

    def size(self, factor: float) -> Float32:
        """(2,) `factor` standard deviations; NaN where a variance is negative."""
        with np.errstate(invalid="ignore"):
            return (np.float32(factor) * np.sqrt(self.variance)).astype(np.float32)

    @property
    def confidence(self) -> float:
        """How much probability the picture holds for each pixel of the mask, at most 1; 0 without a mask."""
        return min(1.0, self.sum / self.area) if self.area else 0.0

    @property
    def empty(self) -> bool:
        """No pixel is in the mask (or the mask's box is the one that stands for that)."""
        return bool((self.box == NOWHERE).all())


def facts_of(probabilities: ListOf[Pasted], masks: ListOf[Tensor]) -> list[Facts]:
    """Facts of B maps, brought to the host at once.

    Args:
        probabilities: B maps, 0 outside their windows.
        masks: B masks (h, w) bool in the same windows.
    """
    rows = [_numbers(map_, mask) for map_, mask in zip(probabilities, masks, strict=True)]
    found: list[Facts] = []
    for numbers in torch.stack(rows).cpu().numpy() if rows else ():
        area, y0, y1, x0, x1 = (int(value) for value in numbers[:5])
        box = np.array([x0, y0, x1 - x0 + 1, y1 - y0 + 1] if area else NOWHERE, np.float64)
        found.append(
            Facts(area, box, float(numbers[5]), numbers[6:8].astype(np.float32), numbers[8:10].astype(np.float32))
        )
    return found


def _numbers(map_: Pasted, mask: Tensor) -> Tensor:
    """(10,) float64: area, first and last row and column of the mask; sum, centre and variance of the probabilities."""
    if map_.values.numel() == 0:
        return torch.tensor([0.0] * 6 + [float("nan")] * 4, dtype=torch.float64, device=map_.values.device)
    # In float32, as the reference: a scale's last bit decides how many pixels a crop has that outgrows the picture.
    total = map_.values.sum()
    ends: list[Tensor] = []
    centres: list[Tensor] = []
    variances: list[Tensor] = []
    for axis, start in enumerate((map_.top, map_.left)):
        mark, line = mask.any(1 - axis), map_.values.sum(1 - axis)
        index = torch.arange(start, start + len(line), dtype=line.dtype, device=line.device)
        ends += [torch.where(mark, index, torch.inf).amin(), torch.where(mark, index, -1.0).amax()]
        centre = (line * index).sum() / total
        centres.append(centre)
        variances.append((line * (index - centre).square()).sum() / total)
    # An empty mask has no first row; the area says so.
    ends = [end.clamp(max=1e9) for end in ends]
    numbers = [mask.sum(), *ends, map_.values.sum(dtype=torch.float64), *centres, *variances]
    return torch.stack([number.double() for number in numbers])
