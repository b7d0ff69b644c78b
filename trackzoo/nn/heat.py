"""Heat maps that score maps are trained towards: a Gaussian about the target's centre (CornerNet, OSTrack)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Overlap that a box shifted by the radius should keep at least (OSTrack).
OVERLAP = 0.7


def gaussian_radius(width: float, height: float, overlap: float = OVERLAP) -> int:
    """Radius in cells within which a shifted corner pair still overlaps by `overlap`, rounded down, at least 0.

    CornerNet's formula as released, whose second and third root are divided by 2 where the quadratic formula asks for 2a;
    checkpoints were trained with it.
    """
    total, area = width + height, width * height
    first = (total + math.sqrt(max(total**2 - 4 * area * (1 - overlap) / (1 + overlap), 0))) / 2
    second = (2 * total + math.sqrt(max(4 * total**2 - 16 * (1 - overlap) * area, 0))) / 2
    third = (-2 * overlap * total + math.sqrt(4 * overlap**2 * total**2 + 16 * overlap * (1 - overlap) * area)) / 2
    return max(0, int(min(first, second, third)))


def heat_maps(boxes: Tensor, side: int) -> Tensor:
    """Targets of a score map.

    Args:
        boxes: (B, 4) `x, y, w, h` in shares of the crop.
        side: cells along each side, F.

    Returns:
        (B, F, F) float32: 1 at the cell of the centre, falling off as a Gaussian on the square of the radius about it; a
        centre outside the map leaves no cell at 1.
    """
    maps = torch.zeros(len(boxes), side, side)
    for index, (x, y, w, h) in enumerate((boxes.detach().float().cpu() * side).tolist()):
        column, row = round(x + w / 2), round(y + h / 2)
        radius = gaussian_radius(w, h)
        spread = (2 * radius + 1) / 6
        columns, rows = torch.arange(side) - column, torch.arange(side) - row
        across = torch.exp(-(columns.float() ** 2) / (2 * spread**2)) * (columns.abs() <= radius)
        down = torch.exp(-(rows.float() ** 2) / (2 * spread**2)) * (rows.abs() <= radius)
        maps[index] = down[:, None] * across[None, :]
    return maps.to(boxes.device)
