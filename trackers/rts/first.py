"""The first frame: what a given mask must be, and the sample that the segmentation branch learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.errors import DataError
from trackzoo.frames import Frame
from trackzoo.nn.patches import cut_middle, cut_patch, patch_window
from trackzoo.trackers.rts.region import Region
from trackzoo.trackers.rts.settings import SegmentationSettings


def checked_mask(mask: NDArray[Any], frame: Frame) -> NDArray[np.bool_]:
    """A given first mask (height, width) as bool.

    Args:
        mask: bool, or numbers of which one kind besides 0 stands for the target.
        frame: that it belongs to.

    Raises:
        DataError: another size than the picture's, no pixel at all, or several labels.
    """
    array = np.asarray(mask)
    width, height = frame.size
    if array.shape != (height, width):
        found = "x".join(str(side) for side in array.shape[::-1])
        raise DataError(
            frame.label, f"a first mask of {found}", f"{width}x{height}, as the picture", "give each pixel a value"
        )
    if array.dtype != np.bool_:
        labels = np.unique(array[array != 0])
        if len(labels) > 1:
            shown = ", ".join(f"{label:g}" for label in labels[:4]) + (" …" if len(labels) > 4 else "")
            do = "pick one with 'mask == label', or run them as several objects"
            raise DataError(frame.label, f"a first mask with labels {shown}", "one target", do)
        array = array != 0
    if not array.any():
        raise DataError(
            frame.label, "a first mask without a pixel", "the target's pixels", "or leave it out: a box does"
        )
    return array


def first_sample(
    picture: Tensor, mask: Tensor, region: Region, settings: SegmentationSettings
) -> tuple[Tensor, Tensor]:
    """What the segmentation branch learns from on the first frame.

    Twice the crop is cut about the target's rounded centre and its middle is kept, moved so that no more than needed lies
    outside of the picture.

    Args:
        picture: (3, height, width) uint8 RGB.
        mask: (1, height, width) in 0..1.
        region: of the first box.
        settings: the crop's size.

    Returns:
        Crop (3, *image_sample_size) float32 in 0..255, mask (1, *image_sample_size) float32 in 0..1.
    """
    crop = settings.image_sample_size
    size, image = np.array(crop, np.float32), np.array(picture.shape[1:], np.float32)
    scale, extent = first_scale(region, (picture.shape[1], picture.shape[2]), settings)
    low, high = region.position - (extent - 1) / 2, region.position + extent / 2 + 1
    shift = np.trunc(-(np.maximum(-low, 0) - np.maximum(high - image, 0)) / np.float32(scale)).astype(int)
    window = patch_window(
        np.rint(region.position),
        np.float32(scale) * (2 * size),
        (picture.shape[1], picture.shape[2]),
        (2 * crop[0], 2 * crop[1]),
        "replicate",
    )
    moved = (int(shift[0]), int(shift[1]))
    return (
        cut_middle(cut_patch(picture, window), crop, moved),
        cut_middle(cut_patch(mask, window, mask=True), crop, moved, mask=True),
    )


def first_scale(
    region: Region, picture: tuple[int, int], settings: SegmentationSettings
) -> tuple[float, NDArray[np.float32]]:
    """Scale of the first sample, and its extent (2,) in pixels of the picture: shrunk until one axis fits."""
    size = np.array(settings.image_sample_size, np.float32)
    extent = (np.float32(region.scale) * size).astype(np.float32)
    extent = (extent / max((extent / np.array(picture, np.float32)).min(), np.float32(1))).astype(np.float32)
    return float(np.sqrt((extent / size).prod(dtype=np.float32))), extent


def on_device(mask: NDArray[Any], device: str) -> Tensor:
    """A mask (height, width) as (1, height, width) float32."""
    return torch.from_numpy(np.ascontiguousarray(mask)).to(device).float()[None]
