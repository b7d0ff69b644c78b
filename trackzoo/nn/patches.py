"""Rectangular crops of any aspect as PyTracking's trackers cut them (`sample_patch`: RTS, LWL, ToMP, PiVOT).

Where a crop lies is decided once for a frame (`patch_window`), and pictures and masks are then cut by it (`cut_patch`). All
numbers are float32 and truncated where the reference truncates them, since a crop's boxes depend on it to the pixel.
Positions and sizes are (y, x) and (height, width).
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

Float32 = NDArray[np.float32]
#: `replicate`: centred as asked, the edge is repeated outside; `inside_major`: shrunk until the picture's longer side (relative
#: to the crop) holds it, moved inside, and what still sticks out is shared by both sides.
Mode = Literal["replicate", "inside_major"]


@dataclass(frozen=True)
class PatchWindow:
    """Where a crop lies in a picture.

    Attributes:
        rows, columns: (first, last + 1) in steps of `stride` from `offset`; may lie outside the picture.
        stride: every how many pixels one is taken, before the crop is resized.
        offset: (row, column) of the first pixel that is taken.
        coords: (4,) float32 `y0, x0, y1, x1` in the picture's pixels, before truncation: what positions in the crop refer to.
        size: (height, width) of the crop.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    stride: int
    offset: tuple[int, int]
    coords: Float32
    size: tuple[int, int]

    @property
    def position(self) -> Float32:
        """(2,) centre of the crop in the picture."""
        return (np.float32(0.5) * (self.coords[:2] + self.coords[2:] - 1)).astype(np.float32)

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the crop, geometric mean over both axes."""
        shares = (self.coords[2:] - self.coords[:2]) / np.asarray(self.size, np.float32)
        return float(np.sqrt(shares.prod(dtype=np.float32)))


def patch_window(
    centre: ArrayLike,
    size: ArrayLike,
    picture: tuple[int, int],
    out: tuple[int, int],
    mode: Mode = "replicate",
    max_scale_change: float | None = None,
) -> PatchWindow:
    """Where the crop of `size` about `centre` lies.

    Args:
        centre: (2,) in pixels; truncated to integers.
        size: (2,) in pixels, positive.
        picture: (height, width).
        out: (height, width) that the crop is resized to.
        mode: see `Mode`.
        max_scale_change: `inside_major` shrinks by no more than this (`patch_max_scale_change`).
    """
    middle = np.trunc(np.asarray(centre, np.float32)).astype(np.int64)
    extent, image = np.asarray(size, np.float32), np.asarray(picture, np.float32)
    if mode == "inside_major":
        shrink = max((extent / image).min(), np.float32(1))
        if max_scale_change is not None:
            shrink = min(shrink, np.float32(max_scale_change))
        extent = np.trunc(extent / shrink)
    stride = max(1, int((extent / np.asarray(out, np.float32)).min() - np.float32(0.1)))
    offset = middle % stride
    middle = (middle - offset) // stride
    # How many pixels are left of the picture; at least one, also where the centre lies outside.
    left_over = np.maximum(-((offset - np.asarray(picture)) // stride), 1)
    whole = np.maximum(np.rint(extent / np.float32(stride)), 2)
    low = (middle - (whole - 1) / 2).astype(np.float32)
    high = (middle + whole / 2 + 1).astype(np.float32)
    if mode == "inside_major":
        moved = np.maximum(-low, 0) - np.maximum(high - left_over, 0)
        low, high = low + moved, high + moved
        outside = np.floor((np.maximum(-low, 0) + np.maximum(high - left_over, 0)) / 2)
        moved = np.where(outside > 0, -low - outside, 0)
        low, high = (low + moved).astype(np.float32), (high + moved).astype(np.float32)
    return PatchWindow(
        rows=(int(low[0]), int(high[0])),
        columns=(int(low[1]), int(high[1])),
        stride=stride,
        offset=(int(offset[0]), int(offset[1])),
        coords=(np.float32(stride) * np.concatenate([low, high])).astype(np.float32),
        size=out,
    )


def cut_patch(picture: Tensor, window: PatchWindow, mask: bool = False) -> Tensor:
    """The crop (C, *window.size) float32 of a picture (C, H, W) of any type, on its device.

    Args:
        picture: pixels, or a mask of numbers.
        window: where; see `patch_window`.
        mask: nearest pixels and zeros outside, instead of blended pixels and the repeated edge.
    """
    rows, known_rows = _taken(window.rows, window.offset[0], window.stride, picture.shape[1], picture.device)
    columns, known_columns = _taken(window.columns, window.offset[1], window.stride, picture.shape[2], picture.device)
    patch = picture[:, rows][:, :, columns].float()
    if mask:
        patch = patch * (known_rows[:, None] & known_columns)
    if tuple(patch.shape[1:]) == window.size:
        return patch
    if mask:
        return functional.interpolate(patch[None], window.size, mode="nearest")[0]
    return functional.interpolate(patch[None], window.size, mode="bilinear", align_corners=False)[0]


def cut_patches(pictures: ListOf[Tensor], windows: ListOf[PatchWindow], mask: bool = False) -> Tensor:
    """B crops of one size, (B, C, *size) float32; the same picture may stand several times."""
    return torch.stack([cut_patch(picture, where, mask) for picture, where in zip(pictures, windows, strict=True)])


def cut_middle(patch: Tensor, size: tuple[int, int], shift: tuple[int, int] = (0, 0), mask: bool = False) -> Tensor:
    """The middle (…, *size) of a larger crop (…, H, W), moved by `shift` (rows, columns): positive shows what lies above, left.

    What is not there repeats the edge, or is zero for a mask.
    """
    out = patch
    for axis, (wanted, moved) in enumerate(zip(size, shift, strict=True), start=patch.dim() - 2):
        count = patch.shape[axis]
        # The reference pads by floor(-margin) + shift before and ceil(-margin) - shift after; negative padding cuts.
        first = -((wanted - count) // 2 + moved)
        index, known = _taken((first, first + wanted), 0, 1, count, patch.device)
        out = out.index_select(axis, index)
        if mask:
            out = out * known.reshape(known.shape + (1,) * (patch.dim() - 1 - axis))
    return out


def _taken(span: tuple[int, int], offset: int, stride: int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices along one axis of `count` pixels, the edge repeated, and which of them lie inside."""
    steps = torch.arange(*span, device=device)
    last = max((count - 1 - offset) // stride, 0)
    index = (steps.clamp(0, last) * stride + offset).clamp(0, count - 1)
    return index, (steps >= 0) & (steps <= last)
