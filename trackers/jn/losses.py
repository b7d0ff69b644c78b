"""JN's losses: boxes are learned from positive pairs alone, scores from both kinds (paper, Eq. 6-10)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trackzoo.nn.distribution import cell_boxes, expected_distance, positive_cells
from trackzoo.nn.heat import heat_maps
from trackzoo.nn.losses import (
    LOWEST_SCORE,
    binary_cross_entropy,
    box_iou,
    distribution_focal,
    focal_heat_map,
    generalised_iou,
    giou_loss,
    l1_loss,
    quality_focal,
)

#: Weights of the terms (paper: 5, 2, 0.2; that of the quality focal loss is not given there).
L1, GIOU, DFL, QFL = 5.0, 2.0, 0.2, 1.0
#: Smallest sum of weights that terms are divided by.
LEAST = 1e-6


@dataclass(frozen=True)
class DistributionLosses:
    """Terms, each averaged over its group of images; a group without images gives 0.

    Attributes:
        l1, giou, dfl, positive: over positive pairs.
        negative: over negative pairs.
    """

    l1: Tensor
    giou: Tensor
    dfl: Tensor
    positive: Tensor
    negative: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return L1 * self.l1 + GIOU * self.giou + DFL * self.dfl + QFL * (self.positive + self.negative)


def distribution_losses(
    score: Tensor, bins: Tensor, truth: Tensor, positive: Tensor, search_factor: float = 4.0
) -> DistributionLosses:
    """Losses of the distribution head.

    Args:
        score: (B, 1, F, F) class probability times quality.
        bins: (B, 4, n + 1, F, F) logits of the distances.
        truth: (B, 4) corners in shares of the crop; of negatives it is not read.
        positive: (B,) bool, whether the target is in the search crop.
        search_factor: area factor of the search crop; says how many cells a target covers on average.
    """
    side = score.shape[-1]
    # Negatives get any proper box: what is computed from it is masked out, but must not be NaN.
    truth = torch.where(positive[:, None], truth.clamp(0, 1), truth.new_tensor([0.25, 0.25, 0.75, 0.75]))
    cells = positive_cells(truth, side) & positive[:, None, None]
    sigma = score.squeeze(1)
    boxes = cell_boxes(expected_distance(bins, 2)).permute(0, 2, 3, 1)  # (B, F, F, 4)
    wanted = truth[:, None, None, :].expand_as(boxes)
    weights = sigma.detach() * cells
    weights = weights / weights.flatten(1).sum(1).clamp(min=LEAST)[:, None, None]
    count = positive.sum().clamp(min=1)

    def weighted(values: Tensor) -> Tensor:
        """Mean over the positive images of the weighted mean over their cells."""
        return torch.where(cells, weights * values, 0.0).sum() / count

    quality = torch.where(cells, box_iou(boxes, wanted)[0].detach(), 0.0)
    classes = quality_focal(sigma, quality).flatten(1).sum(1)
    held = cells.flatten(1).sum(1).clamp(min=1)
    absent = ~positive
    return DistributionLosses(
        l1=weighted((boxes - wanted).abs().mean(-1)),
        giou=weighted(1 - generalised_iou(boxes, wanted)),
        dfl=weighted(distribution_focal(bins.permute(0, 3, 4, 1, 2), _distances(truth, side)).mean(-1)),
        positive=torch.where(positive, classes / held, 0.0).sum() / count,
        negative=torch.where(absent, classes, 0.0).sum() / (side / search_factor) ** 2 / absent.sum().clamp(min=1),
    )


def _distances(truth: Tensor, side: int) -> Tensor:
    """(B, F, F, 4) true distances in cells from each cell's centre: left, top, right, bottom."""
    x1, y1, x2, y2 = (truth * side)[:, :, None, None].unbind(1)
    centre = torch.arange(side, device=truth.device, dtype=truth.dtype) + 0.5
    columns, rows = (
        centre[None, None, :].expand(len(truth), side, side),
        centre[None, :, None].expand(len(truth), side, side),
    )
    return torch.stack([columns - x1, rows - y1, x2 - columns, y2 - rows], dim=-1)


def centre_losses(
    maps: tuple[Tensor, Tensor, Tensor], truth: Tensor, positive: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses of the centre head (paper, Eq. 6): focal, GIoU and L1 on positives, focal against nothing on negatives.

    Args:
        maps: scores, sizes, offsets of `CentreHead`.
        truth: (B, 4) corners in shares of the crop.
        positive: (B,) bool.

    Returns:
        Focal, GIoU, L1 of the positives, and the negatives' focal; weigh them 1, 2, 5, 1.
    """
    from trackzoo.nn.heads import best_cell, centre_boxes

    scores, sizes, offsets = maps
    zero = scores.sum() * 0
    focal, giou, l1, negative = zero, zero, zero, zero
    if positive.any():
        own = truth[positive]
        heat = heat_maps(torch.cat([own[:, :2], own[:, 2:] - own[:, :2]], dim=1), scores.shape[-1])
        focal = focal_heat_map(scores[positive].squeeze(1), heat)
        found = centre_boxes(best_cell(scores[positive]), sizes[positive], offsets[positive])
        corners = torch.cat([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], dim=1)
        giou, l1 = giou_loss(corners, own.clamp(0, 1)), l1_loss(corners, own.clamp(0, 1))
    if not positive.all():
        wrong = scores[~positive].clamp(min=LOWEST_SCORE)
        negative = -(wrong**2 * torch.log(1 - wrong)).sum() / len(wrong)
    return focal, giou, l1, negative


def corner_losses(logits: Tensor, boxes: Tensor, truth: Tensor, positive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of the corner head (paper, Eq. 7): GIoU and L1 on positives, cross-entropy of both maps against zero on negatives.

    Args:
        logits: (B, 2, F, F) of `CornerHead`.
        boxes: (B, 4) `cx, cy, w, h` in shares of the crop.
        truth: (B, 4) corners.
        positive: (B,) bool.

    Returns:
        GIoU and L1 of the positives, cross-entropy of the negatives (mean over cells); weigh them 2, 5, 1.
    """
    zero = logits.sum() * 0
    giou, l1, negative = zero, zero, zero
    if positive.any():
        found, own = boxes[positive], truth[positive].clamp(0, 1)
        corners = torch.cat([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], dim=1)
        giou, l1 = giou_loss(corners, own), l1_loss(corners, own)
    if not positive.all():
        negative = binary_cross_entropy(torch.sigmoid(logits[~positive]), torch.zeros_like(logits[~positive])).mean()
    return giou, l1, negative
