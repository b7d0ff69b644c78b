"""The distribution head: a box as four distributions over distances, whose shape tells its quality (GFLv2; JN)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackzoo.nn.heads import add_tower, initialise_towers, run_tower

#: Score that an untrained classifier gives (RetinaNet's prior).
PRIOR = 0.01


@dataclass(frozen=True)
class DistributionMaps:
    """What the head gives on F × F cells.

    Attributes:
        logits: (B, 1, F, F) of the class alone.
        bins: (B, 4, n + 1, F, F) logits over the distances 0..n cells: left, top, right, bottom.
        statistics: (B, 4 · (k + 1), F, F): each side's k largest probabilities in descending order, then their mean.
        quality: (B, 1, F, F) in 0..1, made from the statistics.
        score: (B, 1, F, F): class probability times quality.
        distances: (B, 4, F, F) expected distances in cells.
    """

    logits: Tensor
    bins: Tensor
    statistics: Tensor
    quality: Tensor
    score: Tensor
    distances: Tensor

    def boxes(self) -> Tensor:
        """(B, 4, F, F) corners `x1, y1, x2, y2` in shares of the crop, measured from each cell's centre."""
        return cell_boxes(self.distances)


def expected_distance(bins: Tensor, dim: int) -> Tensor:
    """Expectation of the distance under the softmax of `bins` along `dim`, in cells (JN, Eq. 1)."""
    steps = torch.arange(bins.shape[dim], device=bins.device, dtype=torch.float32)
    shape = [1] * bins.ndim
    shape[dim] = -1
    return (bins.softmax(dim) * steps.reshape(shape)).sum(dim)


def shape_statistics(bins: Tensor, dim: int, top: int = 4) -> Tensor:
    """The `top` largest probabilities along `dim` in descending order, then their mean: `dim` becomes top + 1 long (GFLv2)."""
    largest = bins.softmax(dim).topk(top, dim=dim).values
    return torch.cat([largest, largest.mean(dim, keepdim=True)], dim=dim)


def cell_boxes(distances: Tensor) -> Tensor:
    """Distances (B, 4, F, F) in cells from each cell's centre, to corners (B, 4, F, F) in shares of the crop."""
    side = distances.shape[-1]
    centre = torch.arange(side, device=distances.device, dtype=distances.dtype) + 0.5
    columns, rows = centre[None, None, :], centre[None, :, None]
    left, top, right, bottom = distances.unbind(1)
    return torch.stack([columns - left, rows - top, columns + right, rows + bottom], dim=1) / side


class DistributionHead(nn.Module):
    """Two towers, class and distances, joined by the quality-aware path (JN, section 3.1).

    Args:
        channels: of the feature map.
        hidden: of the first convolution of each tower.
        bins: largest distance in cells, n.
        top: how many probabilities of each side describe its shape.
    """

    def __init__(self, channels: int = 768, hidden: int = 256, bins: int = 16, top: int = 4) -> None:
        super().__init__()
        self.bins, self.top = bins, top
        add_tower(self, "cls", channels, hidden, 1)
        add_tower(self, "reg", channels, hidden, 4 * (bins + 1))
        initialise_towers(self)
        self.reg_conf = nn.Sequential(nn.Conv2d(4 * (top + 1), 64, 1), nn.ReLU(inplace=True), nn.Conv2d(64, 1, 1))
        last = self.get_submodule("conv5_cls")
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        for layer in (last, self.get_submodule("conv5_reg"), self.reg_conf[0], self.reg_conf[2]):
            assert isinstance(layer, nn.Conv2d)
            nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(last.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, features: Tensor) -> DistributionMaps:
        """Feature map (B, channels, F, F) to maps of F × F."""
        logits = run_tower(self, "cls", features)
        # Exponentials and sums in float32 at least, whatever the convolutions ran in.
        bins = run_tower(self, "reg", features).float()
        bins = bins.reshape(len(bins), 4, self.bins + 1, *bins.shape[2:])
        statistics = shape_statistics(bins, 2, self.top).flatten(1, 2)
        quality = torch.sigmoid(self.reg_conf(statistics)).float()
        score = torch.sigmoid(logits).float() * quality
        return DistributionMaps(logits, bins, statistics, quality, score, expected_distance(bins, 2))


def corners_at(boxes: Tensor, cells: Tensor) -> Tensor:
    """Boxes at given cells: maps of corners (B, 4, F, F) and flat indices (B,), to (B, 4) `cx, cy, w, h`."""
    found = boxes.flatten(2).gather(2, cells[:, None, None].expand(-1, 4, 1)).squeeze(-1)
    low, high = found[:, :2], found[:, 2:]
    return torch.cat([(low + high) / 2, high - low], dim=1)


def positive_cells(boxes: Tensor, side: int) -> Tensor:
    """Cells that lie in a box: they learn its distances.

    Args:
        boxes: (B, 4) corners in shares of the crop; clamped to it.
        side: cells along each side, F.

    Returns:
        (B, F, F) bool: cells whose centre the box holds, and always the cell that holds the box's centre, so that a target
        smaller than a cell is not lost.
    """
    corners = boxes.clamp(0, 1) * side
    centre = torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5
    columns = (centre > corners[:, 0:1]) & (centre <= corners[:, 2:3])
    rows = (centre > corners[:, 1:2]) & (centre <= corners[:, 3:4])
    inside = rows[:, :, None] & columns[:, None, :]
    middle = ((corners[:, :2] + corners[:, 2:]) / 2).floor().long().clamp(0, side - 1)
    inside[torch.arange(len(boxes), device=boxes.device), middle[:, 1], middle[:, 0]] = True
    return inside
