"""How the network is told where the target is in its template (JN, Fig. 4, Tables 5 and A1).

An indicator turns boxes into tokens that stand before the template's, or adds to them. Boxes are `x, y, w, h` in shares
of the template crop, as `box_in_crop` gives them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.nn.vit import Mlp

WIDTH = 768
#: Forms of the box: the paper's, with the centre measured from the crop's centre; LiteTrack's corners; Table A1's size alone.
SOURCES = ("cxcywh", "xyxy", "wh")
KINDS = ("one", "four", "sine", "add", "none")


def box_numbers(boxes: Tensor, source: str) -> Tensor:
    """Boxes (B, 4) `x, y, w, h` in shares of the crop as the numbers (B, 4 or 2) that the indicator reads.

    Raises:
        SettingsError: another source than `cxcywh`, `xyxy`, `wh`.
    """
    low, size = boxes[:, :2], boxes[:, 2:]
    if source == "cxcywh":
        return torch.cat([low + size / 2 - 0.5, size], dim=1)
    if source == "xyxy":
        return torch.cat([low, low + size], dim=1)
    if source == "wh":
        return size
    raise SettingsError(f"tit_box: found '{source}', expected one of {', '.join(SOURCES)}")


class OneToken(Mlp):
    """The paper's: an MLP makes one token of the box's numbers (Eq. 4). The hidden layer is as wide as the input."""

    def __init__(self, numbers: int, width: int = WIDTH) -> None:
        super().__init__(width, numbers)
        self.fc1, self.fc2 = nn.Linear(numbers, numbers), nn.Linear(numbers, width)

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, n) to (B, 1, width)."""
        token: Tensor = super().forward(numbers)
        return token.unsqueeze(1)


class FourTokens(nn.Module):
    """One token a number, each by an MLP of its own (Table 5, four tokens; Fig. 4b)."""

    def __init__(self, numbers: int, width: int = WIDTH) -> None:
        super().__init__()
        self.each = nn.ModuleList(OneToken(1, width) for _ in range(numbers))

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, n) to (B, n, width)."""
        return torch.cat(
            [mlp(number) for mlp, number in zip(self.each, numbers.chunk(numbers.shape[1], dim=1), strict=True)], dim=1
        )


class SineToken(nn.Module):
    """One token of sines and cosines of the numbers, nothing learned (Table 5, Sin-Cos).

    Each number gets an equal share of the channels; frequencies fall from 2π to 2π/10000 (Vaswani et al. 2017).
    """

    def __init__(self, numbers: int, width: int = WIDTH) -> None:
        super().__init__()
        half = width // numbers // 2
        steps = torch.arange(half, dtype=torch.float32) / half
        self.register_buffer("frequency", 2 * math.pi / 10000**steps, persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, n) to (B, 1, width)."""
        assert isinstance(self.frequency, Tensor)
        angles = numbers.unsqueeze(-1) * self.frequency
        return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1).unsqueeze(1)


class MaskEmbedding(nn.Module):
    """A convolution over the box drawn as a mask, added to the template tokens (Table 5, add; Fig. 4a)."""

    def __init__(self, patch: int = 16, width: int = WIDTH) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, kernel_size=patch, stride=patch)

    def forward(self, boxes: Tensor, side: int) -> Tensor:
        """Boxes (B, 4) in shares of a crop of `side` pixels, to (B, cells, width)."""
        steps = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5) / side
        columns = (steps >= boxes[:, 0:1]) & (steps < boxes[:, 0:1] + boxes[:, 2:3])
        rows = (steps >= boxes[:, 1:2]) & (steps < boxes[:, 1:2] + boxes[:, 3:4])
        mask = (rows[:, :, None] & columns[:, None, :]).float().unsqueeze(1)
        tokens: Tensor = self.proj(mask).flatten(2).transpose(1, 2)
        return tokens


def indicator(kind: str, source: str, width: int = WIDTH) -> nn.Module | None:
    """The module for a way of telling the target's place, or None for `none`. Raises `SettingsError`."""
    numbers = box_numbers(torch.zeros(1, 4), source).shape[1]
    if kind == "one":
        return OneToken(numbers, width)
    if kind == "four":
        return FourTokens(numbers, width)
    if kind == "sine":
        return SineToken(numbers, width)
    if kind == "add":
        return MaskEmbedding(width=width)
    if kind == "none":
        return None
    raise SettingsError(f"indicator: found '{kind}', expected one of {', '.join(KINDS)}")
