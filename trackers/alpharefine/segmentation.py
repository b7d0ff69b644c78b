"""The mask head of the VOT2020 network: the segmentation network of FRTM (Robinson et al., CVPR 2020), from deep to shallow.

Names are the checkpoint's: `layer5` is the ResNet's `layer4`, and so on down to `layer2`, its `layer1`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64


def _resize(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class TSE(nn.Module):
    """Target score encoder: a level's features, reduced, beside the correlation."""

    def __init__(self, channels: int, scores: int) -> None:
        super().__init__()
        both = WIDTH + scores
        self.reduce = nn.Sequential(nn.Conv2d(channels, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1))
        self.transform = nn.Sequential(
            nn.Conv2d(both, both, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(both, both, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(both, WIDTH, 3, padding=1),
            nn.ReLU(),
        )

    def forward(self, features: Tensor, scores: Tensor, deeper: Tensor | None) -> tuple[Tensor, Tensor]:
        """A level's map (B, 64, H, W), and what comes from below: the last level's output, or the features' mean."""
        reduced = self.reduce(features)
        pool = reduced.mean((2, 3), keepdim=True) if deeper is None else deeper
        return self.transform(torch.cat([reduced, _resize(scores, reduced.shape[-2:])], dim=1)), pool


class RRB(nn.Module):
    """Refinement residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(WIDTH, WIDTH, 1)
        self.bblock = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 64, H, W) to the same."""
        x = self.conv1x1(x)
        return F.relu(x + self.bblock(x))


class CAB(nn.Module):
    """Channel attention block: what is deeper gates the level, and is added to it."""

    def __init__(self, deepest: bool) -> None:
        super().__init__()
        self.deepest = deepest
        self.convreluconv = nn.Sequential(nn.Conv2d(2 * WIDTH, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1))

    def forward(self, deeper: Tensor, x: Tensor) -> Tensor:
        """`deeper` (B, 64, h, w), 1 x 1 at the deepest level, and the level's own (B, 64, H, W), to the latter's shape."""
        deep = deeper if self.deepest else deeper.mean((2, 3), keepdim=True)
        gate = torch.sigmoid(self.convreluconv(torch.cat([x.mean((2, 3), keepdim=True), deep], dim=1)))
        return x * gate + _resize(deeper, x.shape[-2:])


class Project(nn.Module):
    """Four times up, to one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH // 2, 3, padding=1)
        self.conv2 = nn.Conv2d(WIDTH // 2, 1, 3, padding=1)

    def forward(self, x: Tensor, side: int) -> Tensor:
        """(B, 64, H, W) to logits (B, 1, side, side)."""
        x = F.relu(self.conv1(_double(x)))
        logits: Tensor = self.conv2(_resize(_double(x), (side, side)))
        return logits


def _double(x: Tensor) -> Tensor:
    """Bicubic (a = -0.75), edges repeated."""
    return F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


class SegmentationNetwork(nn.Module):
    """Features of all levels and a correlation map to a soft mask.

    Args:
        channels: of each level, the deepest first, by the checkpoint's name.
        scores: channels of the correlation map.
    """

    def __init__(self, channels: Mapping[str, int], scores: int) -> None:
        super().__init__()
        first = next(iter(channels))
        self.TSE = nn.ModuleDict({name: TSE(own, scores) for name, own in channels.items()})
        self.RRB1 = nn.ModuleDict({name: RRB() for name in channels})
        self.CAB = nn.ModuleDict({name: CAB(name == first) for name in channels})
        self.RRB2 = nn.ModuleDict({name: RRB() for name in channels})
        self.project = Project()

    def forward(self, scores: Tensor, features: Mapping[str, Tensor], side: int) -> Tensor:
        """Soft masks (B, side, side) in 0..1."""
        x: Tensor | None = None
        for name in self.TSE:
            level, deeper = self.TSE[name](features[name], scores, x)
            x = self.RRB2[name](self.CAB[name](deeper, self.RRB1[name](level)))
        return torch.sigmoid(self.project(x, side).float()).squeeze(1)
