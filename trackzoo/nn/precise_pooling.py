"""Precise RoI pooling in its closed form (Jiang et al.: Acquisition of localization confidence, ECCV 2018, Eq. 5).

Each bin is the exact integral of the bilinearly interpolated map, divided by the bin's area. Bilinear interpolation is a sum of
products of hat functions, so that the integral separates into one small matrix an axis: `A_y · F · A_xᵀ / area`. It needs no
compiled extension, runs on any device, and autograd differentiates it with respect to map and box.
"""

from __future__ import annotations

import torch
from torch import Tensor


def precise_pool(maps: Tensor, boxes: Tensor, bins: tuple[int, int], scale: float) -> Tensor:
    """Pool one box of each map.

    Args:
        maps: (B, C, H, W). A cell's value stands at its integer coordinates; beyond the edge cells the map falls linearly to
            zero over one cell, and is zero from there on.
        boxes: (B, 4) corners `x1, y1, x2, y2` in pixels.
        bins: (rows, columns) that come out.
        scale: cells per pixel; there is no half-pixel offset.

    Returns:
        (B, C, rows, columns); zero where a box has no area.
    """
    rows, columns = bins
    # In float64 (boxes are a handful of numbers): the antiderivative is a difference of nearly equal squares.
    corners = boxes.double() * scale
    left, top, right, bottom = corners.unbind(1)
    across = _weights(left, right, columns, maps.shape[3])
    down = _weights(top, bottom, rows, maps.shape[2])
    area = ((right - left).clamp_min(0) / columns) * ((bottom - top).clamp_min(0) / rows)
    inverse = torch.where(area > 0, 1 / area.where(area > 0, torch.ones_like(area)), torch.zeros_like(area))
    down = (down * inverse[:, None, None]).to(maps.dtype)
    pooled = torch.einsum("bih,bchw->bciw", down, maps)
    return torch.einsum("bciw,bjw->bcij", pooled, across.to(maps.dtype))


def _weights(begin: Tensor, end: Tensor, bins: int, cells: int) -> Tensor:
    """(B, bins, cells): integral over each bin of each cell's hat function `max(0, 1 - |t - cell|)`."""
    steps = torch.arange(bins + 1, dtype=begin.dtype, device=begin.device) / bins
    edges = begin[:, None] + (end - begin)[:, None] * steps
    cell = torch.arange(cells, dtype=begin.dtype, device=begin.device)
    reached = _hat_integral(edges[:, :, None] - cell)
    return reached[:, 1:] - reached[:, :-1]


def _hat_integral(offset: Tensor) -> Tensor:
    """Integral of the unit hat from minus infinity to `offset`: 0 below -1, 1 above 1, a parabola on either side between."""
    t = offset.clamp(-1, 1)
    return torch.where(t < 0, 0.5 * (t + 1).square(), 1 - 0.5 * (1 - t).square())
