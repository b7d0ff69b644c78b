"""What both networks do with a reference: pixel-wise correlation, and the attention behind it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.precision import full


def correlate(reference: Tensor, features: Tensor) -> Tensor:
    """Pixel-wise correlation: each reference position is a 1x1 filter.

    Args:
        reference: (B, C, h, w), one a map.
        features: (B, C, H, W).

    Returns:
        (B, h·w, H, W), channels in row-major order of the reference's positions; not scaled.
    """
    # A sum of a thousand products that nothing scales: more than float16 can hold.
    with full(features):
        found = torch.bmm(reference.flatten(2).transpose(1, 2).float(), features.flatten(2).float())
    return found.reshape(len(features), -1, *features.shape[2:])


class ChannelAttention(nn.Module):
    """Squeeze and excitation: channels are weighted by what their means say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 4, 1)
        self.fc2 = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        gate = self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class NonLocal(nn.Module):
    """Attention between positions, keys and values pooled 2x2, products not scaled, with a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))
        self.g = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))
        self.W = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        queries, keys, values = self.theta(x).flatten(2), self.phi(x).flatten(2), self.g(x).flatten(2)
        with full(x):
            weights = torch.softmax(queries.transpose(1, 2).float() @ keys.float(), dim=-1)  # (B, H·W, H·W/4)
            mixed = (weights @ values.transpose(1, 2).float()).transpose(1, 2)
        found: Tensor = x + self.W(mixed.reshape(len(x), -1, *x.shape[2:]))
        return found
