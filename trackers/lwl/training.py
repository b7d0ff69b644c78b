"""LWL's training: stage 1, stage 2 (`lwl-ytvos`), and the encoder of boxes (`lwl-boxinit`), as released.

Sampling, augmentation and the loop are not here yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trackzoo.nn.losses import binary_lovasz
from trackzoo.nn.rates import parameter_groups
from trackzoo.trackers.rts.filters import apply_filters
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.training import ITERATIONS, freeze

#: Weight of the Lovász loss of masks, and of the box pass.
MASK, BOX = 100.0, 10.0


@dataclass(frozen=True)
class Stage:
    """What is trained, and how.

    Attributes:
        rates: part of the network -> Adam's rate; all else stays as it is.
        drops: epochs after which rates fall to a fifth.
        epochs: how many.
    """

    rates: Mapping[str, float]
    drops: tuple[int, ...]
    epochs: int


_RATE = 2e-5
STAGES: Mapping[str, Stage] = {
    "first": Stage(
        {
            "label_encoder": 2e-4,
            "decoder": 1e-4,
            "target_model.filter_optimizer": 1e-4,
            "target_model.feature_extractor": 2e-5,
        },
        (40,),
        70,
    ),
    "second": Stage(
        dict.fromkeys(("feature_extractor", "label_encoder", "decoder", "target_model"), _RATE), (25, 75), 80
    ),
    "box": Stage({"box_label_encoder": 1e-3}, (20, 40), 50),
}


def optimiser(network: RTSNetwork, stage: str) -> torch.optim.Adam:
    """Adam over what a stage trains; freezes the rest.

    Args:
        network: without the instance branch.
        stage: `first`, `second`, `box`.
    """
    network.requires_grad_(False)
    rates = STAGES[stage].rates
    for part in rates:
        module = network.get_submodule(part).requires_grad_(True)
        if part == "feature_extractor":
            freeze(module)
    return torch.optim.Adam(parameter_groups(network, {f"{part}.": rate for part, rate in rates.items()}), lr=_RATE)


def schedule(steps: torch.optim.Optimizer, stage: str) -> torch.optim.lr_scheduler.MultiStepLR:
    """All rates of a stage fall to a fifth at its drops."""
    return torch.optim.lr_scheduler.MultiStepLR(steps, list(STAGES[stage].drops), 0.2)


def forward(network: RTSNetwork, train: Tensor, masks: Tensor, test: Tensor) -> Tensor:
    """Learn filters on the train frames and apply them to the test frames.

    Args:
        network: in training mode.
        train: (B, 3, H, W) normalised crops.
        masks: (B, 1, H, W) of 0 and 1.
        test: (T, B, 3, H, W) normalised crops.

    Returns:
        (T, B, 1, H, W) logits.
    """
    x = network.segmentation_features(network.features(train, normalise=False))
    labels, weights = network.encode_masks(masks)
    own = network.learn_segmentation(
        x[None],
        labels[None],
        weights[None],
        torch.ones(1, len(x), device=x.device),
        network.new_segmentation_filters(len(x)),
        ITERATIONS,
    )
    logits = []
    for crops in test:
        maps = network.features(crops, normalise=False)
        logits.append(network.decode(apply_filters(network.segmentation_features(maps), own), maps))
    return torch.stack(logits)


def box_forward(network: RTSNetwork, crops: Tensor, rectangles: Tensor) -> Tensor:
    """Logits (B, 1, H, W) of crops (B, 3, H, W), normalised, and rectangles (B, 1, H, W): the box pass alone."""
    maps = network.features(crops, normalise=False)
    size = int(crops.shape[2]), int(crops.shape[3])
    return network.decode(network.encode_boxes(network.segmentation_features(maps), rectangles), maps, size)


def mask_loss(logits: Tensor, masks: Tensor, weight: float = MASK) -> Tensor:
    """Scalar: weighted Lovász loss of all pixels together; `BOX` is the box pass's weight."""
    return weight * binary_lovasz(logits.sigmoid(), masks)
