"""JN's inference: OSTrack's loop; the score is class probability times quality, and falls where the target is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.nn.crops import Window, box_in_crop
from trackzoo.nn.distribution import DistributionMaps, corners_at
from trackzoo.nn.heads import best_cell, centre_boxes
from trackzoo.nn.onestream import encoder_sizes
from trackzoo.nn.search_tracking import CropSettings, Located, SearchState, SearchTracker
from trackzoo.sequence import Target
from trackzoo.trackers.jn.model import JN
from trackzoo.weights.loading import fill_from


class JNTracker(SearchTracker[SearchState]):
    """JN over B objects at once.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        template_size, search_size, template_factor, search_factor: crops (144 and 256: 81 + 256 tokens).
        head: `distribution`, `centre` or `corner` (paper, Table 2).
        indicator: how the target's place is told: `one` token, `four`, `sine`, `add`, `none` (Table 5).
        tit_box: numbers that tell it: `cxcywh`, `xyxy`, `wh` (Table A1).
        encoder: other sizes of the ViT than ViT-B's: `width`, `depth`, `heads`.
        exact_crops: cut with OpenCV wherever the network runs; by default on the CPU alone.
        device, dtype, compile: see `SearchTracker`.
    """

    network: JN

    def __init__(
        self,
        *,
        weights: Any = None,
        template_size: int = 144,
        search_size: int = 256,
        template_factor: float = 2.0,
        search_factor: float = 4.0,
        head: str = "distribution",
        indicator: str = "one",
        tit_box: str = "cxcywh",
        encoder: Mapping[str, int] | None = None,
        exact_crops: bool | None = None,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
    ) -> None:
        network = JN(template_size, search_size, head, indicator, tit_box, **encoder_sizes(encoder))
        fill_from(network, weights)
        crops = CropSettings(template_size, search_size, (template_factor,), search_factor, exact_crops)
        super().__init__(network, crops, device=device, dtype=dtype, compile=compile)

    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[SearchState]:
        """Embed each object's template, and the token that tells its box, once."""
        size = self.crops.template_size
        boxes = np.stack(
            [
                box_in_crop(target.box, target.box, where.resize_factor, size)
                for target, (where,) in zip(targets, windows, strict=True)
            ]
        )
        told = torch.from_numpy(boxes).to(self.device, torch.float32)
        tokens = self.network.embed_templates(crops, told)
        return [SearchState(target.box.copy(), 0, own) for target, own in zip(targets, tokens, strict=True)]

    def locate(self, search: Tensor, states: ListOf[SearchState]) -> Located:
        """One network call; see `read_maps`."""
        templates = torch.stack([state.templates for state in states])
        maps = self.network(templates, search, probe=self._probe)
        self.probe("maps", maps)
        return read_maps(maps, self.window)


def read_maps(maps: Any, window: Tensor) -> Located:
    """Boxes of the best cells under the window (F, F), from the maps of whichever head."""
    if isinstance(maps, DistributionMaps):
        response = maps.score.squeeze(1) * window
        return Located(corners_at(maps.boxes(), best_cell(response)), maps.score.flatten(1).amax(1), response)
    if len(maps) == 3:
        scores, sizes, offsets = maps
        response = scores.squeeze(1) * window
        return Located(centre_boxes(best_cell(response), sizes, offsets), scores.flatten(1).amax(1), response)
    # Corners are expectations over all cells, so that there is no cell to choose; what absence lowers is each corner's
    # own probability, trained towards zero on negatives.
    logits, boxes = maps
    chances = torch.sigmoid(logits)
    return Located(boxes, chances.flatten(2).amax(2).mean(1), chances.mean(1))
