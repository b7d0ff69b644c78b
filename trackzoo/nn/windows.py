"""Windows over a response map, which favour small displacements."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def hann(side: int) -> Tensor:
    """Hann window (side, side), float32, never zero at the border: `0.5 (1 - cos(2π i / (side + 1)))`, i = 1..side."""
    steps = torch.arange(1, side + 1, dtype=torch.float32)
    line = 0.5 * (1 - torch.cos(2 * math.pi / (side + 1) * steps))
    return line[:, None] * line[None, :]
