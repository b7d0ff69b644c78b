"""From a box in a picture to a mask, as RTS begins (SPEC of RTS, Sec. 5.2)."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from trackzoo.nn.patches import PatchWindow, cut_patch, patch_window
from trackzoo.nn.precision import autocast
from trackzoo.trackers.rts.network import normalised
from trackzoo.trackers.rts.pasting import OUTSIDE, paste
from trackzoo.trackers.rts.region import box_in_crop, centre_of, scale_of
from trackzoo.trackers.sta.encoders import crop_rectangle
from trackzoo.trackers.sta.loading import load
from trackzoo.trackers.sta.network import ITERATIONS, Masks, STANetwork

#: Boxes that pass the network together at most: bounds what it needs at once.
TOGETHER = 4


@dataclass(frozen=True)
class Cut:
    """A crop about a box.

    Attributes:
        pixels: (3, height, width) RGB in 0..255.
        window: where it lies.
        box: (4,) float32 `x, y, w, h` in the crop.
    """

    pixels: Tensor
    window: PatchWindow
    box: NDArray[np.float32]


class BoxToMask:
    """STA with the settings that RTS runs it with.

    Args:
        weights: see `trackzoo.weights.loading.fill_from`; or a filled network.
        device: torch device name.
        dtype: `fp32`, `fp16`, `bf16`.
        iterations: of either filter; by default what the checkpoint was built with, or 5 where it does not say.
        crop: (height, width) of the crop.
        factor: the crop's side over the target's, both as square roots of areas.
        normalise: bring crops to the backbone's mean and order, as its parameters name them. The published results were made
            without.
        slip: keep the slip of the released code with a box that begins left of or above the picture: its negative corner counts
            from the far edge, which as a rule erases the mask.
    """

    def __init__(
        self,
        weights: Any,
        *,
        device: str = "cpu",
        dtype: str = "fp32",
        iterations: int | None = None,
        crop: tuple[int, int] = (480, 832),
        factor: float = 4.0,
        normalise: bool = False,
        slip: bool = False,
    ) -> None:
        self.device, self.dtype = device, dtype
        network, found = (weights, None) if isinstance(weights, STANetwork) else load(weights)
        self.network = network.to(device).eval().requires_grad_(False)
        self.iterations = iterations or found or ITERATIONS
        self.crop, self.factor = crop, factor
        self.normalise, self.slip = normalise, slip

    def __call__(self, pictures: ListOf[Tensor], boxes: ListOf[ArrayLike]) -> list[Tensor]:
        """Masks of B boxes.

        Args:
            pictures: B pictures (3, height, width) RGB in 0..255, on the device.
            boxes: B boxes `x, y, w, h` in pixels.

        Returns:
            B masks (height, width) bool on the device; nothing lies outside the box.
        """
        found: list[Tensor] = []
        for first in range(0, len(boxes), TOGETHER):
            chosen = slice(first, first + TOGETHER)
            found += self._some(pictures[chosen], boxes[chosen])
        return found

    def _some(self, pictures: ListOf[Tensor], boxes: ListOf[ArrayLike]) -> list[Tensor]:
        cuts = [self.cut(picture, box) for picture, box in zip(pictures, boxes, strict=True)]
        logits = self.run(cuts).final.logits.float()[:, 0]
        return [
            self.paste(each, cut, (picture.shape[1], picture.shape[2]), box) > 0
            for each, cut, picture, box in zip(logits, cuts, pictures, boxes, strict=True)
        ]

    def cut(self, picture: Tensor, box: ArrayLike) -> Cut:
        """The crop about a box; where the picture ends, its edge is repeated."""
        position, size = centre_of(box)
        scale = scale_of(size, self.crop, self.factor)
        extent = np.float32(scale) * np.array(self.crop, np.float32)
        window = patch_window(position, extent, (picture.shape[1], picture.shape[2]), self.crop, "replicate")
        inside = box_in_crop(position, size, window.position, window.scale, self.crop)
        return Cut(cut_patch(picture, window), window, inside)

    def run(self, cuts: ListOf[Cut], watch: Any = (None, None)) -> Masks:
        """The network on crops."""
        crops = torch.stack([cut.pixels for cut in cuts])
        rectangles = torch.stack([crop_rectangle(cut.box, self.crop) for cut in cuts]).to(self.device)
        with torch.no_grad(), autocast(self.device, self.dtype):
            out: Masks = self.network(
                normalised(crops) if self.normalise else crops, rectangles, self.iterations, watch
            )
        return out

    def paste(self, logits: Tensor, cut: Cut, picture: tuple[int, int], box: ArrayLike) -> Tensor:
        """Logits (h, w) of a crop in the picture, -100 outside of the crop and of the box: (height, width)."""
        pasted = paste(logits, cut.window.position, cut.window.scale, picture).full()
        x, y, w, h = (int(value) for value in np.asarray(box, np.float64))
        if not self.slip:
            right, bottom = max(x + w, 0), max(y + h, 0)
            x, y = max(x, 0), max(y, 0)
        else:
            right, bottom = x + w, y + h
        for outside in (slice(None, x), slice(right, None)):
            pasted[:, outside] = OUTSIDE
        for outside in (slice(None, y), slice(bottom, None)):
            pasted[outside] = OUTSIDE
        return pasted
