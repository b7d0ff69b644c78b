"""MixFormer (CVPR 2022) as far as its arrays prove SATracker's TEM, corner head and loop: a double for `verify`, no plugin.

It always has two templates: the first frame's and an online one, which is a copy of the first here, since no run of the arrays
replaces it. Their keys count twice in the softmax: this is not SATracker's case, which has one.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.nn.crops import Window
from trackzoo.nn.search_tracking import CropSettings, Located, SearchState, SearchTracker
from trackzoo.sequence import Target
from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.model import SATracker


class MixFormer(nn.Module):
    """SATracker's visual parts with two templates."""

    def __init__(self) -> None:
        super().__init__()
        network = SATracker(Design(sam=False))
        self.backbone, self.box_head = network.backbone, network.box_head

    def forward(self, templates: ListOf[Tensor], search: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised crops, each (B, 3, H, W), to the corners' logits, boxes `cx, cy, w, h`, and the map (B, F, F, C)."""
        maps, others = search.permute(0, 2, 3, 1), [each.permute(0, 2, 3, 1) for each in templates]
        for stage in self.backbone.stages:
            maps, others = stage.patch_embed(maps), [stage.patch_embed(each) for each in others]
            for block in stage.modules_of_target:
                others, maps = block.together(others, maps, "asymmetric")
        logits, boxes = self.box_head(maps.permute(0, 3, 1, 2))
        return logits, boxes, maps


class MixFormerTracker(SearchTracker[SearchState]):
    """Its loop with a fixed online template.

    Args:
        network: filled.
        settings: device, dtype, compile; see `SearchTracker`.
    """

    network: MixFormer

    def __init__(self, network: MixFormer, **settings: Any) -> None:
        super().__init__(network, CropSettings(128, 320, (2.0,), 5.0, True), **settings)

    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[SearchState]:
        """Keep the template's crop."""
        return [SearchState(target.box.copy(), 0, own[0]) for target, own in zip(targets, crops, strict=True)]

    def locate(self, search: Tensor, states: ListOf[SearchState]) -> Located:
        """One network call."""
        template = torch.stack([state.templates for state in states])
        logits, boxes, _ = self.network([template, template], search)
        self.probe("boxes", boxes)
        chance = logits.flatten(2).softmax(-1)
        return Located(boxes, chance.amax(-1).prod(1), chance.reshape(logits.shape).sum(1))
