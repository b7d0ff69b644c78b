"""SATracker's training: losses, optimisers, what is frozen, as the paper and STARK's procedure have them.

Sampling, augmentation and the loop are not here yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.losses import giou_loss, l1_loss
from trackzoo.nn.rates import parameter_groups
from trackzoo.trackers.satracker.model import Found, SATracker, dense_scores
from trackzoo.trackers.satracker.visual import DepthwiseProjection

#: Weights of the terms (paper, section 4.1).
GIOU, L1, MATCHING = 2.0, 5.0, 1.0
#: Cells along each side that the score map is upsampled to, and the temperature (paper, section 4.1).
UPSAMPLED, TEMPERATURE = 40, 0.07
#: ADAM of the fine-tuning: rate of the backbone (TEM, SAM, BERT) and of the head; weight decay (paper, section 4.1).
BACKBONE_RATE, HEAD_RATE, DECAY = 1e-5, 1e-4, 1e-4
#: The fine-tuning takes 200 epochs; both rates fall to a tenth after so many.
DROP_AFTER = 160
#: Words that a mirrored picture makes wrong.
SIDES = frozenset({"left", "right", "clockwise", "counterclockwise", "anticlockwise", "leftmost", "rightmost"})


@dataclass(frozen=True)
class Losses:
    """Terms of one batch.

    Attributes:
        giou, l1, matching: unweighted.
    """

    giou: Tensor
    l1: Tensor
    matching: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised (paper, Eq. 6)."""
        return GIOU * self.giou + L1 * self.l1 + MATCHING * self.matching


def upsampled(scores: Tensor, side: int = UPSAMPLED) -> Tensor:
    """Scores (B, F, F) bilinearly upsampled to (B, side, side), corners not aligned."""
    return F.interpolate(scores[:, None], size=(side, side), mode="bilinear", align_corners=False)[:, 0]


def inside(boxes: Tensor, side: int = UPSAMPLED) -> Tensor:
    """(B, side, side) bool: cells whose centre lies in the box.

    Args:
        boxes: (B, 4) `x1, y1, x2, y2` in shares of the crop. The upper edges do not belong to a box.
        side: cells along each side.
    """
    centres = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5) / side
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    across, down = (centres >= x1) & (centres < x2), (centres >= y1) & (centres < y2)
    return down[:, :, None] & across[:, None, :]


def matching_loss(scores: Tensor, boxes: Tensor) -> Tensor:
    """Dense matching loss (paper, Eq. 4, 5).

    Args:
        scores: (B, F, F) cosines of `dense_scores`.
        boxes: (B, 4) truth, `x1, y1, x2, y2` in shares of the crop.

    Returns:
        Scalar: binary cross-entropy over all upsampled cells.
    """
    logits = upsampled(scores) / TEMPERATURE
    return F.binary_cross_entropy_with_logits(logits, inside(boxes).to(logits.dtype))


def losses(found: Found, truth: Tensor) -> Losses:
    """All terms.

    Args:
        found: what the network says of B pairs.
        truth: (B, 4) `x, y, w, h` in shares of the search crop; may leave it.

    Without text (a network without SAM) the matching loss is 0.
    """
    centre, size = found.boxes[:, :2], found.boxes[:, 2:]
    corners = torch.cat([centre - size / 2, centre + size / 2], dim=1)
    # The head cannot answer with a corner outside of the crop (STARK).
    wanted = torch.cat([truth[:, :2], truth[:, :2] + truth[:, 2:]], dim=1).clamp(0, 1)
    matching = corners.new_zeros(())
    if found.text.shape[1]:
        matching = matching_loss(dense_scores(found.features, found.text), wanted)
    return Losses(_giou(corners, wanted), l1_loss(corners, wanted), matching)


def _giou(corners: Tensor, wanted: Tensor) -> Tensor:
    """GIoU loss; an untrained head's corners may stand in the wrong order, which the formula is not made for (STARK)."""
    ordered = torch.cat([corners[:, :2], torch.maximum(corners[:, 2:], corners[:, :2])], dim=1)
    # A box without extent has no overlap; a hair's breadth keeps the quotient defined.
    hair = torch.tensor([0, 0, 1e-6, 1e-6], device=corners.device, dtype=corners.dtype)
    return giou_loss(ordered + hair, wanted)


def optimiser(network: SATracker) -> torch.optim.Adam:
    """ADAM with the backbone and BERT at a tenth of the head's rate."""
    groups = parameter_groups(network, {("backbone.", "bert."): BACKBONE_RATE})
    return torch.optim.Adam(groups, lr=HEAD_RATE, weight_decay=DECAY)


def schedule(steps: torch.optim.Optimizer, drop: int = DROP_AFTER) -> torch.optim.lr_scheduler.StepLR:
    """Both rates fall to a tenth after `drop` epochs."""
    return torch.optim.lr_scheduler.StepLR(steps, drop, 0.1)


def train_mode(network: nn.Module) -> nn.Module:
    """Training mode in which the norms inside TEM keep their statistics (MixFormer); SAM's and the head's learn theirs."""
    network.train()
    for module in network.modules():
        if isinstance(module, DepthwiseProjection):
            module.bn.eval()
            module.bn.requires_grad_(False)
    return network


def may_be_mirrored(text: str) -> bool:
    """Whether a picture may be flipped sideways without making its description wrong."""
    words = "".join(letter if letter.isalpha() else " " for letter in text.lower().replace("-", "")).split()
    return SIDES.isdisjoint(words)
