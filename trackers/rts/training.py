"""RTS's training: a sequence's forward pass, losses, optimiser, as the released configuration has them.

Sampling, augmentation and the loop are not here yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackzoo.nn.losses import binary_lovasz, lb_hinge
from trackzoo.nn.rates import parameter_groups
from trackzoo.trackers.rts.filters import apply_filters, learn_instance_filters
from trackzoo.trackers.rts.network import RTSNetwork

#: Weight of the mask's term, and of the score maps of each iterate of the instance filter.
MASK, SCORES = 10.0, 100.0
#: Iterations of either filter on the train frame, and after each test frame.
ITERATIONS, REFINEMENTS = 5, 2
#: Adam: rates of layer2, 3, 4 of the backbone; of the segmentation branch and decoder, which come from LWL; of the rest.
BACKBONE_RATE, SEGMENTATION_RATE, INSTANCE_RATE = 4e-5, 8e-5, 2e-4
#: Epochs (of 200) after which all rates fall to a fifth.
DROPS = (25, 115, 160)
#: Parts of the backbone that stay as they are.
FROZEN = ("conv1", "bn1", "layer1")
#: Width of the instance label over the target's size, of which a search area has five along each side.
SIGMA = 0.25 / 5


@dataclass(frozen=True)
class Batch:
    """B sequences of one train frame and T test frames.

    Attributes:
        train: (B, 3, H, W) normalised crops.
        masks: (B, 1, H, W) of 0 and 1.
        boxes: (B, 4) `x, y, w, h` in crop pixels.
        test: (T, B, 3, H, W) normalised crops.
        test_masks: (T, B, 1, H, W).
        test_boxes: (T, B, 4).
    """

    train: Tensor
    masks: Tensor
    boxes: Tensor
    test: Tensor
    test_masks: Tensor
    test_boxes: Tensor


@dataclass(frozen=True)
class Found:
    """What the network says of the test frames.

    Attributes:
        logits: (T, B, 1, H, W).
        scores: of each iterate of the instance filter, from the first to the learnt one, (T, B, 1, h + 1, w + 1).
    """

    logits: Tensor
    scores: tuple[Tensor, ...]


def label_maps(boxes: Tensor, crop: tuple[int, int]) -> Tensor:
    """Gaussians about the centres of boxes: what the instance filter is to answer.

    Args:
        boxes: (…, 4) `x, y, w, h` in crop pixels.
        crop: (height, width).

    Returns:
        (…, h + 1, w + 1) for features of h x w cells, 32 pixels each.
    """
    cells = [(side + 31) // 32 for side in crop]
    sigma = SIGMA * (cells[0] * cells[1]) ** 0.5
    curves = []
    for axis, (count, side) in enumerate(zip(cells, crop, strict=True)):
        low, extent = boxes[..., 1 - axis], boxes[..., 3 - axis]
        # A filter of an even number of cells answers half a cell further on.
        centre = count * (low + extent / 2 - side / 2) / side + 0.5
        steps = torch.arange(count + 1, device=boxes.device, dtype=boxes.dtype) - (count - 1) / 2
        curves.append(torch.exp(-0.5 * ((steps - centre[..., None]) / sigma).square()))
    return curves[0][..., :, None] * curves[1][..., None, :]


def forward(network: RTSNetwork, batch: Batch, refine: bool = False) -> Found:
    """Learn both filters on the train frames, and apply them to the test frames in turn.

    Args:
        network: in training mode (its batch norms stay as they are).
        batch: see `Batch`.
        refine: learn on from each test frame's own mask, as the paper says. The released code computes these refinements and
            never uses them, so that its weights are trained without.
    """
    crop = int(batch.train.shape[2]), int(batch.train.shape[3])
    maps = network.features(batch.train, normalise=False)
    x, y = network.segmentation_features(maps), network.classification_features(maps)
    memory = [(x, *network.encode_masks(batch.masks))]
    own = _learn(network, memory, network.new_segmentation_filters(len(x)), ITERATIONS)
    iterates: list[Tensor] = []
    learn_instance_filters(
        y[None],
        label_maps(batch.boxes, crop)[None],
        torch.ones(1, len(y), device=y.device),
        network.new_instance_filters(y[:, None], batch.boxes[:, None]),
        ITERATIONS,
        lambda step, filters, losses: iterates.append(filters),
    )
    logits: list[Tensor] = []
    scores: list[list[Tensor]] = [[] for _ in iterates]
    for index, crops in enumerate(batch.test):
        maps = network.features(crops, normalise=False)
        x, y = network.segmentation_features(maps), network.classification_features(maps)
        for kept, filters in zip(scores, iterates, strict=True):
            kept.append(apply_filters(y, filters))
        encoding = network.fuse(apply_filters(x, own), scores[-1][-1])
        logits.append(network.decode(encoding, maps))
        if refine and index + 1 < len(batch.test):
            memory.append((x, *network.encode_masks(logits[-1].detach().sigmoid())))
            own = _learn(network, memory, own, REFINEMENTS)
    return Found(torch.stack(logits), tuple(torch.stack(kept) for kept in scores))


def _learn(
    network: RTSNetwork, memory: list[tuple[Tensor, Tensor, Tensor]], filters: Tensor, iterations: int
) -> Tensor:
    """In training all samples of a sequence weigh alike."""
    samples, labels, weights = (torch.stack(each) for each in zip(*memory, strict=True))
    ones = torch.ones(samples.shape[:2], device=samples.device)
    return network.learn_segmentation(samples, labels, weights, ones, filters, iterations)


@dataclass(frozen=True)
class Losses:
    """Terms of one batch.

    Attributes:
        mask: Lovász loss of all pixels of all test frames.
        scores: hinge of each iterate of the instance filter; empty without the instance branch.
    """

    mask: Tensor
    scores: tuple[Tensor, ...] = ()

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return torch.stack([MASK * self.mask, *(SCORES * each for each in self.scores)]).sum()


def losses(found: Found, batch: Batch) -> Losses:
    """Losses of what `forward` found."""
    crop = int(batch.train.shape[2]), int(batch.train.shape[3])
    labels = label_maps(batch.test_boxes, crop)[:, :, None]
    mask = binary_lovasz(found.logits.sigmoid(), batch.test_masks)
    return Losses(mask, tuple(lb_hinge(each, labels) for each in found.scores))


def freeze(backbone: nn.Module) -> None:
    """Keep `conv1`, `bn1` and `layer1` as they are."""
    for name in FROZEN:
        backbone.get_submodule(name).requires_grad_(False)


def optimiser(network: RTSNetwork) -> torch.optim.Adam:
    """Adam over what is trained; freezes the rest."""
    freeze(network.feature_extractor)
    segmentation = ("target_model.", "label_encoder.", "decoder.")
    groups = parameter_groups(network, {"feature_extractor.": BACKBONE_RATE, segmentation: SEGMENTATION_RATE})
    return torch.optim.Adam(groups, lr=INSTANCE_RATE)


def schedule(steps: torch.optim.Optimizer) -> torch.optim.lr_scheduler.MultiStepLR:
    """All rates fall to a fifth at `DROPS`."""
    return torch.optim.lr_scheduler.MultiStepLR(steps, list(DROPS), 0.2)
