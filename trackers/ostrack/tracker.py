"""OSTrack's inference: one fixed template, a search crop about the last box, a Hann window on the score map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from typing import Any

import torch
from torch import Tensor

from trackzoo.nn.crops import Window
from trackzoo.nn.heads import best_cell, centre_boxes
from trackzoo.nn.onestream import encoder_sizes
from trackzoo.nn.search_tracking import CropSettings, Located, SearchState, SearchTracker
from trackzoo.sequence import Target
from trackzoo.trackers.ostrack.model import OSTrack
from trackzoo.weights.loading import fill_from


class OSTrackTracker(SearchTracker[SearchState]):
    """OSTrack over B objects at once.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        template_size, search_size, template_factor, search_factor: crops (released configuration).
        keep_ratio: share of search tokens kept at each elimination.
        encoder: other sizes of the ViT than ViT-B's: `width`, `depth`, `heads`.
        exact_crops: cut with OpenCV wherever the network runs; by default on the CPU alone.
        device, dtype, compile: see `SearchTracker`.
    """

    network: OSTrack

    def __init__(
        self,
        *,
        weights: Any = None,
        template_size: int = 128,
        search_size: int = 256,
        template_factor: float = 2.0,
        search_factor: float = 4.0,
        keep_ratio: float = 0.7,
        encoder: Mapping[str, int] | None = None,
        exact_crops: bool | None = None,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
    ) -> None:
        network = OSTrack(template_size, search_size, keep_ratio, **encoder_sizes(encoder))
        fill_from(network, weights)
        crops = CropSettings(template_size, search_size, (template_factor,), search_factor, exact_crops)
        super().__init__(network, crops, device=device, dtype=dtype, compile=compile)

    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[SearchState]:
        """Embed each object's template once."""
        tokens = self.network.backbone.embed_templates(crops)
        return [SearchState(target.box.copy(), 0, own) for target, own in zip(targets, tokens, strict=True)]

    def locate(self, search: Tensor, states: ListOf[SearchState]) -> Located:
        """One network call; the window chooses the cell, the raw maximum is the confidence."""
        templates = torch.stack([state.templates for state in states])
        scores, sizes, offsets = self.network(templates, search, probe=self._probe)
        response = scores.squeeze(1) * self.window
        boxes = centre_boxes(best_cell(response), sizes, offsets)
        return Located(boxes, scores.flatten(1).amax(1), response)
