"""STA's encoders of a box: they see the picture's features beside the rectangle (Zhao et al., ICCV 2021, Sec. 3.3)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from trackzoo.trackers.rts.encoders import MaskTrunk, ResidualBlock, initialise_encoder


class BoxEncoder(MaskTrunk):
    """A rectangle and the crop's features to a label encoding, and to the weight of each of its values."""

    def __init__(self, features: int = 512, outputs: int = 16) -> None:
        super().__init__()
        self.res3 = ResidualBlock(64 + features, 128)
        self.label_pred = nn.Sequential(nn.Conv2d(128, outputs, 3, 1, 1), nn.BatchNorm2d(outputs))
        self.samp_w_pred = nn.Conv2d(128, outputs, 3, 1, 1)
        initialise_encoder(self)

    def both(self, rectangles: Tensor, features: Tensor) -> Tensor:
        """Rectangles (B, 1, H, W) and features (B, 512, h, w) to (B, 128, h, w)."""
        out: Tensor = self.res3(torch.cat([self.trunk(rectangles), features], dim=1))
        return out

    def forward(self, rectangles: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Labels (B, 16, h, w), never negative, and weights of the same shape, of either sign."""
        x = self.both(rectangles, features)
        return F.relu(self.label_pred(x)), self.samp_w_pred(x)

    def label(self, rectangles: Tensor, features: Tensor) -> Tensor:
        """The labels alone."""
        return F.relu(self.label_pred(self.both(rectangles, features)))


def crop_rectangle(box: ArrayLike, size: tuple[int, int]) -> Tensor:
    """A box in a crop as a mask (1, *size) float32 of 0 and 1.

    Args:
        box: `x, y, w, h` in the crop's pixels; each is truncated to an integer in float32, a negative one moves up by one (the
            released code rounds it a second time), and what lies outside is cut.
        size: (height, width).
    """
    x, y, w, h = (int(value) for value in np.asarray(box, np.float32))
    x, y = x + (x < 0), y + (y < 0)
    mask = torch.zeros(1, *size)
    mask[:, max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = 1
    return mask
