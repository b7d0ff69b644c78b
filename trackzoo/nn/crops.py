"""Square crops about a box, as the one-stream trackers cut them (STARK's and OSTrack's `sample_target`).

`crop` is exact: OpenCV on uint8, equal to the reference to the last bit. `crop_batch` cuts B crops from frames that lie on a
device; it blends in float and rounds, which differs from OpenCV's fixed-point blending by one grey level at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.frames import Frame, Pixels
from trackzoo.geometry import Floats

#: ImageNet's statistics, RGB, of values in 0..1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Window:
    """Where a crop lies.

    Attributes:
        x, y: column and row of its top-left pixel in the picture; may be negative.
        side: pixels of the picture along each side.
        size: pixels of the crop along each side.
    """

    x: int
    y: int
    side: int
    size: int

    @property
    def resize_factor(self) -> float:
        """Pixels of the crop per pixel of the picture."""
        return self.size / self.side

    def padding(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Columns and rows that are filled with black: left, right, top, bottom.

        A window that ends exactly on the last column counts as one column over (the reference's `+ 1`), rows alike.
        """
        right, bottom = self.x + self.side - width + 1, self.y + self.side - height + 1
        return max(0, -self.x), max(0, right), max(0, -self.y), max(0, bottom)


def window(box: Floats, factor: float, size: int) -> Window:
    """The crop of `factor` times the target's scale about `box` (4,) `x, y, w, h`, resized to `size` pixels.

    Raises:
        ValueError: the box is so small that the crop is less than a pixel.
    """
    x, y, w, h = (float(value) for value in box)
    side = math.ceil(math.sqrt(w * h) * factor)
    if side < 1:
        raise ValueError(f"a box of {w:g} x {h:g} pixels is too small to crop")
    return Window(round(x + 0.5 * w - 0.5 * side), round(y + 0.5 * h - 0.5 * side), side, size)


def crop(picture: Pixels, where: Window) -> Pixels:
    """The crop (size, size, 3) uint8, black outside the picture."""
    patch, _ = crop_with_mask(picture, where, mask=False)
    return patch


def crop_with_mask(picture: Pixels, where: Window, mask: bool = True) -> tuple[Pixels, NDArray[np.bool_]]:
    """The crop, and which of its pixels (size, size) are padding (empty array when not asked for)."""
    import cv2

    height, width = picture.shape[:2]
    left, right, top, bottom = where.padding(width, height)
    # A window wholly outside ends before it begins; negative ends would count from the other side of the array.
    low, high = (max(where.y + top, 0), max(where.y + where.side - bottom, 0))
    first, last = (max(where.x + left, 0), max(where.x + where.side - right, 0))
    inside = picture[low:high, first:last]
    if inside.size == 0:
        patch = np.zeros((where.side, where.side, 3), np.uint8)
    else:
        patch = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT)  # type: ignore[assignment]
    resized: Pixels = cv2.resize(patch, (where.size, where.size))  # type: ignore[assignment]
    if not mask:
        return resized, np.zeros((0, 0), bool)
    outside = np.ones((where.side, where.side), np.float32)
    if inside.size:
        outside[top : where.side - bottom, left : where.side - right] = 0
    return resized, cv2.resize(outside, (where.size, where.size)) != 0


def normalise(crops: Tensor) -> Tensor:
    """(…, 3, H, W) uint8 to float32 with ImageNet's statistics."""
    mean = torch.tensor(MEAN, device=crops.device).reshape(3, 1, 1)
    std = torch.tensor(STD, device=crops.device).reshape(3, 1, 1)
    return (crops.to(torch.float32) / 255.0 - mean) / std


def stack(crops: ListOf[Pixels], device: str | torch.device) -> Tensor:
    """Crops of one size as one uint8 tensor (B, 3, size, size) on `device`."""
    return torch.from_numpy(np.stack(crops)).to(device).permute(0, 3, 1, 2).contiguous()


def crop_batch(
    frames: ListOf[Frame], windows: ListOf[Window], device: str | torch.device, exact: bool | None = None
) -> Tensor:
    """B crops of one size as a uint8 tensor (B, 3, size, size) on `device`.

    Args:
        frames: one frame a crop; the same frame may stand several times.
        windows: one a crop, of one size.
        device: where the crops are wanted.
        exact: cut with OpenCV on the CPU, or on the device; by default exact on the CPU, on the device elsewhere.
    """
    if exact is None:
        exact = torch.device(device).type == "cpu"
    if exact:
        return stack([crop(frame.array(), where) for frame, where in zip(frames, windows, strict=True)], device)
    return torch.stack(
        [_crop_on_device(frame.tensor(device), where) for frame, where in zip(frames, windows, strict=True)]
    )


def _taps(
    start: int, side: int, size: int, low: int, high: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Bilinear taps of one axis: two source indices and their weights, each (size,); weight 0 outside low..high-1."""
    centre = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (side / size) - 0.5
    first = centre.floor()
    share = centre - first
    # OpenCV repeats the border of the (padded) patch, not of the picture.
    one, two = first.clamp(0, side - 1).long() + start, (first + 1).clamp(0, side - 1).long() + start
    weights = [
        torch.where((tap >= low) & (tap < high), weight, 0.0) for tap, weight in ((one, 1 - share), (two, share))
    ]
    return one.clamp(low, high - 1), two.clamp(low, high - 1), weights[0], weights[1]


def _crop_on_device(picture: Tensor, where: Window) -> Tensor:
    """One crop (3, size, size) uint8 from a picture (3, H, W) uint8 on the same device."""
    height, width = picture.shape[1:]
    left, right, top, bottom = where.padding(width, height)
    low_x, high_x = where.x + left, where.x + where.side - right
    low_y, high_y = where.y + top, where.y + where.side - bottom
    if high_x <= low_x or high_y <= low_y:
        return picture.new_zeros(3, where.size, where.size)
    x1, x2, wx1, wx2 = _taps(where.x, where.side, where.size, low_x, high_x, picture.device)
    y1, y2, wy1, wy2 = _taps(where.y, where.side, where.size, low_y, high_y, picture.device)
    rows = picture[:, y1].float() * wy1[:, None] + picture[:, y2].float() * wy2[:, None]
    return (rows[:, :, x1] * wx1 + rows[:, :, x2] * wx2).round().clamp(0, 255).to(torch.uint8)


def box_in_crop(box: Floats, about: Floats, resize_factor: float, size: int) -> Floats:
    """A box of the picture in shares of a crop, as training uses it (OSTrack's `transform_image_to_crop`).

    Args:
        box: (4,) `x, y, w, h` in pixels of the picture.
        about: (4,) the box that the crop was cut about.
        resize_factor: pixels of the crop per pixel of the picture.
        size: side of the crop in pixels.

    Returns:
        (4,) `x, y, w, h` divided by `size`. The crop's centre counts as `(size - 1) / 2`, half a pixel left of the exact one,
        as in the released code.
    """
    centre = (size - 1) / 2 + (box[:2] + box[2:] / 2 - about[:2] - about[2:] / 2) * resize_factor
    extent = box[2:] * resize_factor
    return np.concatenate([centre - extent / 2, extent]) / size
