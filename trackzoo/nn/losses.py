"""Losses that several trackers train with. Boxes are corners `x1, y1, x2, y2`."""

from __future__ import annotations

import torch
from torch import Tensor

#: Scores are kept above this before their logarithm is taken (OSTrack's focal loss).
LOWEST_SCORE = 1e-12
#: Logarithms of probabilities are kept above this (torch's binary cross-entropy).
LOWEST_LOG = -100.0


def focal_heat_map(scores: Tensor, target: Tensor) -> Tensor:
    """CornerNet's focal loss of a heat map (arXiv 1808.01244, Eq. 1; α = 2, β = 4), as OSTrack uses it.

    Args:
        scores: probabilities of any shape.
        target: same shape; 1 at the cells that hold a centre, below 1 around them.

    Returns:
        Scalar: `(1 - p)² log p` where the target is 1, `(1 - t)⁴ p² log(1 - p)` elsewhere, summed, negated, and divided by the
        number of positive cells (undivided if there is none).
    """
    scores = scores.clamp(min=LOWEST_SCORE)
    positive = target == 1
    hit = torch.where(positive, (1 - scores) ** 2 * torch.log(scores), 0.0)
    # The far side is written so that a score of exactly 1 gives a large loss, not infinity, at cells beside a centre.
    missed = torch.where(positive, 0.0, (1 - target) ** 4 * scores**2 * torch.log((1 - scores).clamp(min=LOWEST_SCORE)))
    return -(hit.sum() + missed.sum()) / positive.sum().clamp(min=1)


def box_iou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Overlap and area of the union of boxes paired by broadcasting: (…, 4) each, to (…,) and (…,)."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    intersection = (high - low).clamp(min=0).prod(-1)
    union = (first[..., 2:] - first[..., :2]).prod(-1) + (second[..., 2:] - second[..., :2]).prod(-1) - intersection
    return intersection / union, union


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of boxes paired by broadcasting, (…,) in -1..1: overlap less the empty share of the hull."""
    iou, union = box_iou(first, second)
    low = torch.minimum(first[..., :2], second[..., :2])
    high = torch.maximum(first[..., 2:], second[..., 2:])
    hull = (high - low).prod(-1)
    return iou - (hull - union) / hull


def giou_loss(boxes: Tensor, truth: Tensor) -> Tensor:
    """Scalar: mean of `1 - GIoU` over the boxes (…, 4)."""
    return (1 - generalised_iou(boxes, truth)).mean()


def l1_loss(boxes: Tensor, truth: Tensor) -> Tensor:
    """Scalar: mean absolute difference over boxes and coordinates."""
    return (boxes - truth).abs().mean()


def binary_cross_entropy(probability: Tensor, target: Tensor) -> Tensor:
    """`-(y log p + (1 - y) log(1 - p))` of each value; logarithms are kept above -100."""
    hit, missed = torch.log(probability).clamp(min=LOWEST_LOG), torch.log(1 - probability).clamp(min=LOWEST_LOG)
    return -(target * hit + (1 - target) * missed)


def quality_focal(probability: Tensor, quality: Tensor, beta: float = 2.0) -> Tensor:
    """Quality focal loss (arXiv 2006.04388, Eq. 5) of each value.

    Args:
        probability: predicted quality in 0..1.
        quality: its target in 0..1, same shape; 0 is background.
        beta: exponent of the modulating factor.

    Returns:
        `|y - p|^β · cross-entropy(p, y)`, same shape.
    """
    return (quality - probability).abs() ** beta * binary_cross_entropy(probability, quality)


def distribution_focal(logits: Tensor, distance: Tensor) -> Tensor:
    """Distribution focal loss (arXiv 2006.04388, Eq. 6) of each distance.

    Args:
        logits: (…, n + 1) over the distances 0..n.
        distance: (…,) in cells; clamped to 0..n - 0.1, so that two bins always surround it.

    Returns:
        (…,): cross-entropy with the two neighbouring bins, weighted by nearness.
    """
    logs = logits.log_softmax(-1)
    distance = distance.clamp(0, logits.shape[-1] - 1 - 0.1)
    left = distance.floor().long()
    share = distance - left
    below = logs.gather(-1, left.unsqueeze(-1)).squeeze(-1)
    above = logs.gather(-1, (left + 1).unsqueeze(-1)).squeeze(-1)
    return -((1 - share) * below + share * above)


def lb_hinge(scores: Tensor, labels: Tensor, background: float = 0.05) -> Tensor:
    """DiMP's hinge for score maps (arXiv 1904.07220, Eq. 2, with a hard mask), as ToMP and RTS train with it.

    Args:
        scores: of any shape.
        labels: same shape, 0..1.
        background: labels below this are background, which may score what it likes below zero.

    Returns:
        Scalar: mean over all cells of the squared difference to the label, and on background of the squared positive score.
    """
    behind = labels < background
    return torch.where(behind, scores.relu(), scores - labels).square().mean()


def binary_lovasz(probability: Tensor, mask: Tensor) -> Tensor:
    """Lovász-Softmax of the foreground (Berman et al., CVPR 2018, Eq. 8 and Alg. 1): the Jaccard loss, made continuous.

    Args:
        probability: of the foreground, 0..1, any shape; all values count together.
        mask: same shape, bool or 0 and 1.

    Returns:
        Scalar. For probabilities of 0 and 1 it is 1 - IoU; without any foreground it is the largest probability.
    """
    truth = mask.flatten().to(probability.dtype)
    errors, order = (truth - probability.flatten()).abs().sort(descending=True)
    truth = truth[order]
    # Jaccard loss when the pixels with the n largest errors are wrong, for every n; its steps weigh the errors.
    total = truth.sum()
    jaccard = 1 - (total - truth.cumsum(0)) / (total + (1 - truth).cumsum(0))
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return errors @ steps
