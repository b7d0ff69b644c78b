"""ToMP's training, also ToMP-L's (PiVOT's stage 1): targets, losses, optimiser, as the released configurations have them.

Sampling, augmentation and the loop are not here yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackzoo.nn.losses import lb_hinge
from trackzoo.nn.rates import parameter_groups
from trackzoo.trackers.tomp.boxes import STRIDE

#: Weights of the terms.
GIOU, CLASSIFICATION = 1.0, 100.0
#: Width of the label in target sizes, of which a search area has five along each side.
SIGMA = 0.25 / 5
EPSILON = 1e-7
#: AdamW: rates of the head (with the adapter) and of ResNet's third layer; weight decay.
RATE, BACKBONE_RATE, DECAY = 1e-4, 2e-5, 1e-4
#: Epochs after which all rates fall to a fifth: ToMP-50 (of 300), ToMP-L (of 70; 60 in the paper).
DROPS = {"resnet50": (150, 250), "dinov2": (30, 50)}


def label_maps(boxes: Tensor, side: int) -> Tensor:
    """Gaussians about the centres of boxes in a sample.

    Args:
        boxes: (..., 4) `x, y, w, h` in the sample's pixels.
        side: cells along each side, n.

    Returns:
        (..., n, n), 1 at a centre that falls on a cell's.
    """
    sample = STRIDE * side
    centre = side * (boxes[..., :2] + boxes[..., 2:] / 2 - sample / 2) / sample
    steps = torch.arange(side, device=boxes.device, dtype=boxes.dtype) - (side - 1) / 2
    curves = torch.exp(-0.5 / (SIGMA * side) ** 2 * (steps - centre[..., None]) ** 2)  # (..., 2, n): x, y
    return curves[..., 1, :, None] * curves[..., 0, None, :]


def distance_maps(boxes: Tensor, side: int) -> Tensor:
    """Signed distances of each cell's centre to left, top, right, bottom of boxes, over the sample's side.

    Args:
        boxes: (..., 4) `x, y, w, h` in the sample's pixels.
        side: n.

    Returns:
        (..., 4, n, n).
    """
    centres = torch.arange(side, device=boxes.device, dtype=boxes.dtype) * STRIDE + STRIDE // 2
    columns, rows = centres[None, :], centres[:, None]
    x, y, w, h = (each[..., None, None] for each in boxes.unbind(-1))
    shape = (*boxes.shape[:-1], side, side)
    planes = [each.expand(shape) for each in (columns - x, rows - y, x + w - columns, y + h - rows)]
    return torch.stack(planes, dim=-3) / (STRIDE * side)


def positive_cells(boxes: Tensor, side: int) -> Tensor:
    """(..., n, n) bool: cells whose centre lies less than a stride from the box's, along each axis, and inside the box."""
    centres = torch.arange(side, device=boxes.device, dtype=boxes.dtype) * STRIDE + STRIDE // 2
    middle = boxes[..., :2] + boxes[..., 2:] / 2
    near = (centres - middle[..., None]).abs() < STRIDE  # (..., 2, n): x, y
    return near[..., 1, :, None] & near[..., 0, None, :] & (distance_maps(boxes, side) > 0).all(-3)


def giou_of_distances(found: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """GIoU and overlap of boxes that cells say by their distances, (..., 4) left, top, right, bottom each, to (...,) twice."""
    overlap = torch.minimum(found[..., :2], wanted[..., :2]) + torch.minimum(found[..., 2:], wanted[..., 2:])
    hull = torch.maximum(found[..., :2], wanted[..., :2]) + torch.maximum(found[..., 2:], wanted[..., 2:])
    inside = overlap.clamp(min=0).prod(-1)
    area, other = ((each[..., :2] + each[..., 2:]).prod(-1) for each in (found, wanted))
    union = area + other - inside
    iou = inside / (union + EPSILON)
    around = hull.prod(-1)
    return iou - (around - union) / (around + EPSILON), iou


@dataclass(frozen=True)
class Losses:
    """Terms of one batch.

    Attributes:
        giou, classification: unweighted.
    """

    giou: Tensor
    classification: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return GIOU * self.giou + CLASSIFICATION * self.classification


def losses(scores: Tensor, ltrb: Tensor, boxes: Tensor) -> Losses:
    """Losses of the head's maps.

    Args:
        scores: (B, n, n).
        ltrb: (B, 4, n, n).
        boxes: (B, 4) `x, y, w, h` of the targets in the test samples' pixels.

    The box's term is a mean over the positive cells; over all cells where there are none.
    """
    side = scores.shape[-1]
    positive = positive_cells(boxes, side)
    if not positive.any():
        positive = torch.ones_like(positive)
    found, wanted = (each.movedim(1, -1)[positive] for each in (ltrb, distance_maps(boxes, side)))
    giou, _ = giou_of_distances(found, wanted)
    return Losses((1 - giou).mean(), lb_hinge(scores, label_maps(boxes, side)))


def freeze(network: nn.Module, backbone: str) -> None:
    """Take gradients from what is not trained: ResNet's stem, first two and unused layers; DINOv2 as a whole."""
    for name, parameter in network.named_parameters():
        own = name.startswith("feature_extractor.")
        parameter.requires_grad_(not own or (backbone == "resnet50" and name.startswith("feature_extractor.layer3.")))


def optimiser(network: nn.Module) -> torch.optim.AdamW:
    """AdamW over what `freeze` left; ResNet's third layer at a fifth of the head's rate."""
    groups = parameter_groups(network, {"feature_extractor.": BACKBONE_RATE})
    return torch.optim.AdamW(groups, lr=RATE, weight_decay=DECAY)


def schedule(steps: torch.optim.Optimizer, backbone: str) -> torch.optim.lr_scheduler.MultiStepLR:
    """All rates fall to a fifth at the backbone's two epochs; see `DROPS`."""
    return torch.optim.lr_scheduler.MultiStepLR(steps, DROPS[backbone], 0.2)
