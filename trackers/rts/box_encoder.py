"""LWL's encoder of a first box: the whole frame and a rectangle in it to a label encoding."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from trackzoo.trackers.rts.decoder import resize
from trackzoo.trackers.rts.encoders import ResidualBlock, initialise_encoder


class BoxLabelEncoder(nn.Module):
    """Features and a rectangle to a label encoding."""

    def __init__(self, inputs: int = 512, width: int = 64, outputs: int = 16) -> None:
        super().__init__()
        self.res = nn.Sequential(ResidualBlock(inputs + 1, width), ResidualBlock(width, width))
        self.label_pred = nn.Sequential(nn.Conv2d(width, outputs, 3, 1, 1))
        initialise_encoder(self)

    def forward(self, features: Tensor, rectangles: Tensor) -> Tensor:
        """Features (B, 512, h, w) and rectangles (B, 1, H, W) at the frame's size to (B, 16, h, w), never negative."""
        x = torch.cat([features, resize(rectangles, features.shape)], dim=1)
        return F.relu(self.label_pred(self.res(x)))


def rectangle(box: ArrayLike, size: tuple[int, int], *, clamped: bool = True) -> Tensor:
    """A box as a mask.

    Args:
        box: `x, y, w, h`; each is truncated to an integer.
        size: (height, width) of the mask.
        clamped: cut at the left and upper edge. Without it, as the released code does: a negative corner moves by one towards
            zero and then counts from the far edge, so that the rectangle is empty or in the wrong place.

    Returns:
        (1, height, width) float32 of 0 and 1.
    """
    x, y, w, h = (int(value) for value in np.asarray(box, np.float32))
    mask = torch.zeros(1, *size)
    if clamped:
        left, top = max(x, 0), max(y, 0)
        mask[:, top : max(y + h, 0), left : max(x + w, 0)] = 1
        return mask
    x, y, w, h = (value + (value < 0) for value in (x, y, w, h))
    mask[:, y : y + h, x : x + w] = 1
    return mask
