"""OSTrack's training (also ProContEXT's): losses and optimiser, as the released configurations have them.

Sampling, augmentation and the loop are not here yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackzoo.nn.heads import best_cell, centre_boxes
from trackzoo.nn.heat import heat_maps
from trackzoo.nn.losses import focal_heat_map, giou_loss, l1_loss
from trackzoo.nn.rates import parameter_groups

#: Weights of the terms.
FOCAL, GIOU, L1 = 1.0, 2.0, 5.0
#: AdamW: rates of the encoder and of the rest, weight decay on everything; total norm of the gradient is clipped.
ENCODER_RATE, RATE, DECAY, CLIP = 4e-5, 4e-4, 1e-4, 0.1


@dataclass(frozen=True)
class Losses:
    """Terms of one batch.

    Attributes:
        focal, giou, l1: unweighted.
    """

    focal: Tensor
    giou: Tensor
    l1: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return FOCAL * self.focal + GIOU * self.giou + L1 * self.l1


def losses(maps: tuple[Tensor, Tensor, Tensor], truth: Tensor) -> Losses:
    """Losses of the centre head.

    Args:
        maps: scores (B, 1, F, F), sizes and offsets (B, 2, F, F).
        truth: (B, 4) `x, y, w, h` in shares of the search crop; may leave it.

    Gradient flows through sizes and offsets at the predicted maximum alone.
    """
    scores, sizes, offsets = maps
    focal = focal_heat_map(scores.squeeze(1), heat_maps(truth, scores.shape[-1]))
    found = centre_boxes(best_cell(scores), sizes, offsets)
    corners = torch.cat([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], dim=1)
    wanted = torch.cat([truth[:, :2], truth[:, :2] + truth[:, 2:]], dim=1).clamp(0, 1)
    return Losses(focal, giou_loss(corners, wanted), l1_loss(corners, wanted))


def optimiser(network: nn.Module) -> torch.optim.AdamW:
    """AdamW with the encoder at a tenth of the head's rate."""
    return torch.optim.AdamW(parameter_groups(network, {"backbone.": ENCODER_RATE}), lr=RATE, weight_decay=DECAY)


def schedule(steps: torch.optim.Optimizer, drop: int = 240) -> torch.optim.lr_scheduler.StepLR:
    """Both rates fall to a tenth after `drop` epochs (240 of 300; GOT-10k: 80 of 100)."""
    return torch.optim.lr_scheduler.StepLR(steps, drop, 0.1)
