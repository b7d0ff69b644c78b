"""PiVOT's training, stage 2: forward pass and losses, as the released configuration has them (paper, section III-C).

Stage 1 is ToMP's (`trackzoo.trackers.tomp.training`). CLIP and refinement take no part in either.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trackzoo.nn.losses import lb_hinge
from trackzoo.nn.rates import parameter_groups
from trackzoo.trackers.pivot.model import PiVOT50, PiVOTL
from trackzoo.trackers.tomp.training import label_maps, losses as tomp_losses

#: Weights of the terms (paper: λ_reg, λ_cls, λ_can).
GIOU, CLASSIFICATION, PROMPT = 1.0, 100.0, 10.0
#: AdamW: rates of what stage 1 trained, and of the prompting; weight decay. They fall to a fifth after the 30th of 40 epochs.
RATE, PROMPT_RATE, DECAY = 4e-6, 5e-3, 1e-4
DROPS = (30,)
#: Modules whose rate is the prompting's. `test_shrink` is in no group, as released.
PROMPTING = ("test_fuse.", "test_fuse_head.", "hint_test_feat_head.")
UNTRAINED = ("feature_extractor.", "test_shrink.")


@dataclass(frozen=True)
class Found:
    """What a training step gives.

    Attributes:
        scores, prompt: (B, n, n).
        ltrb: (B, 4, n, n).
    """

    scores: Tensor
    ltrb: Tensor
    prompt: Tensor


def train_forward(
    network: PiVOT50 | PiVOTL,
    references: Tensor,
    test: Tensor,
    labels: Tensor,
    ltrb: Tensor,
    templates: Tensor | None = None,
) -> Found:
    """Forward pass of a training step.

    Args:
        network: in training or evaluation mode.
        references: (2, B, C, n, n) features of the reference frames.
        test: (B, C, n, n) features of the test frame.
        labels: (2, B, n, n) of the references.
        ltrb: (2, B, 4, n, n) of the references.
        templates: (2, B, C, n, n) features of tight template crops, as the paper has it and as tracking does. By default the
            references', as released: the crops are computed there, and then overwritten by the whole frames.
    """
    pair = references if templates is None else templates
    prompt = network.prompt(network.test_fuse.share(pair.transpose(0, 1)), test)
    prompted = network.prompted(test, prompt)
    scores, distances = network.head.train_forward(list(references), prompted, labels, ltrb)
    return Found(scores, distances, prompt)


@dataclass(frozen=True)
class Losses:
    """Terms of one batch (eq. 4).

    Attributes:
        giou, classification, prompt: unweighted.
    """

    giou: Tensor
    classification: Tensor
    prompt: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return GIOU * self.giou + CLASSIFICATION * self.classification + PROMPT * self.prompt


def losses(found: Found, boxes: Tensor) -> Losses:
    """Losses of a training step; `boxes` (B, 4) `x, y, w, h` of the targets in the test samples' pixels."""
    own = tomp_losses(found.scores, found.ltrb, boxes)
    return Losses(own.giou, own.classification, lb_hinge(found.prompt, label_maps(boxes, found.prompt.shape[-1])))


def freeze(network: PiVOT50 | PiVOTL) -> None:
    """Take gradients from what stage 2 does not train: the backbone, of either kind, and the unused modules."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.startswith(UNTRAINED))


def optimiser(network: PiVOT50 | PiVOTL) -> torch.optim.AdamW:
    """AdamW over what `freeze` left: the prompting fast, what stage 1 trained slowly."""
    return torch.optim.AdamW(parameter_groups(network, {PROMPTING: PROMPT_RATE}), lr=RATE, weight_decay=DECAY)


def schedule(steps: torch.optim.Optimizer) -> torch.optim.lr_scheduler.MultiStepLR:
    """Both rates fall to a fifth; see `DROPS`."""
    return torch.optim.lr_scheduler.MultiStepLR(steps, DROPS, 0.2)
