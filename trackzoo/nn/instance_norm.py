"""The normalisation that PyTracking's target models put after their last feature convolution."""

from __future__ import annotations

import math

from torch import Tensor, nn


class InstanceL2Norm(nn.Module):
    """Scales each sample to a fixed norm over channels and places together: `x · g · √(C·H·W / (Σx² + 1e-5))`.

    Args:
        scale: g; see `filter_scale`.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        energy = x.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-5
        return x * (self.scale * (x[0].numel() / energy).sqrt())


def filter_scale(channels: int, size: int) -> float:
    """`√(1 / (channels · size²))`: with it, a filter of `size`² cells and unit entries answers with about unit size."""
    return math.sqrt(1 / (channels * size * size))
