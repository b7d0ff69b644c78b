"""How likely each pixel's colour is the target's: a cue that turning and bending leave as it is, where gradients fail.

Bertinetto et al. (Staple, CVPR 2016) add the score of two colour histograms, the target's and its surroundings', to the
correlation filter's response.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Bins for each of red, green and blue.
BINS = 16
#: Pixels of a patch that share a colour, in each direction.
POOL = 2

#: Meaning of the values of `areas`.
INSIDE, OUTSIDE, BETWEEN = 0, 1, 2


def colour_bins(patches: Tensor) -> Tensor:
    """Bin of each 2 x 2 pixels' mean colour: (N, 3, H, W) in 0..1 to (N, H / 2, W / 2) int64 in 0..4095."""
    red, green, blue = (F.avg_pool2d(patches, POOL) * BINS).long().clamp_(0, BINS - 1).unbind(1)
    return (red * BINS + green) * BINS + blue


def areas(side: int, extents: Tensor, inner: float) -> Tensor:
    """Which pixels show the target, which show what is around it, and which may show either.

    Args:
        side: m, of the map.
        extents: (B, 2) float64, the target's width and height on the map.
        inner: part of the target's box that surely shows the target; its corners and edges often do not.

    Returns:
        (B, m, m) int64 of `INSIDE`, `OUTSIDE`, `BETWEEN`.
    """
    offsets = (torch.arange(side, dtype=torch.float64, device=extents.device) - (side - 1) / 2).abs()

    def box(size: Tensor) -> Tensor:
        within = offsets <= (size / 2).clamp(min=1)[:, :, None]
        return within[:, 1, :, None] & within[:, 0, None, :]

    outside = torch.where(box(extents), BETWEEN, OUTSIDE)
    return torch.where(box(extents * inner), INSIDE, outside)


def histograms(bins: Tensor, where: Tensor) -> Tensor:
    """Colour frequencies inside and outside of the target.

    Args:
        bins: (B, m, m), see `colour_bins`.
        where: (B, m, m), see `areas`.

    Returns:
        (B, 2, 4096) float64, each row summing to 1. Counted in integers, so the order of counting does not show.
    """
    colours = BINS**3
    index = (torch.arange(len(bins), device=bins.device)[:, None, None] * 3 + where) * colours + bins
    counts = torch.bincount(index.flatten(), minlength=len(bins) * 3 * colours).view(-1, 3, colours)[:, :2].double()
    return counts / counts.sum(2, keepdim=True).clamp(min=1)


def likelihood(bins: Tensor, frequencies: Tensor) -> Tensor:
    """Probability that a pixel of that colour is the target's (Staple), 0 for colours that were never seen.

    Args:
        bins: (B, m, m).
        frequencies: (B, 2, 4096).

    Returns:
        (B, m, m) float64, 0..1.
    """
    inside, outside = frequencies.unbind(1)
    table = inside / (inside + outside).clamp(min=1e-12)
    return table.gather(1, bins.flatten(1)).view_as(bins)
