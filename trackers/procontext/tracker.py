"""ProContEXT's inference: OSTrack's loop over static and dynamic templates at several scales.

The network is OSTrack's, with more template tokens: the method adds no parameter. All crops of a template share one position
embedding, and the centre tokens of all of them decide which search tokens survive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from typing import Any

import torch
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.nn.crops import Window
from trackzoo.nn.heads import best_cell, centre_boxes
from trackzoo.nn.onestream import encoder_sizes
from trackzoo.nn.search_tracking import CropSettings, Located, SearchState, SearchTracker
from trackzoo.sequence import Target
from trackzoo.trackers.ostrack.model import OSTrack
from trackzoo.weights.loading import fill_from

#: Area factors of one to four scales (paper, Table 2).
SCALES: dict[int, tuple[float, ...]] = {1: (2.0,), 2: (2.0, 4.0), 3: (2.0, 3.0, 4.0), 4: (2.0, 2.7, 3.3, 4.0)}


class ProContEXTTracker(SearchTracker[SearchState]):
    """ProContEXT over B objects at once.

    A state's tokens are `[static crop at each scale, dynamic crop at each scale]`, embedded once and replaced by half.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        template_size, search_size, search_factor: crops (released configuration).
        scales: how many template scales; their area factors are the paper's (Table 2).
        dynamic: whether there are dynamic templates besides the static ones.
        update_interval: dynamic templates are cut anew at frames whose number is a multiple of it. 100 in the released code,
            which the checkpoints were measured with; the paper's Algorithm 1 has no interval (1).
        threshold: and whose confidence is above this (τ).
        keep_ratio: share of search tokens kept at each elimination.
        encoder: other sizes of the ViT than ViT-B's: `width`, `depth`, `heads`.
        exact_crops: cut with OpenCV wherever the network runs; by default on the CPU alone.
        device, dtype, compile: see `SearchTracker`.

    Raises:
        SettingsError: a number of scales that is not 1 to 4, an interval below 1, a threshold that is no confidence.
    """

    network: OSTrack

    def __init__(
        self,
        *,
        weights: Any = None,
        template_size: int = 192,
        search_size: int = 384,
        search_factor: float = 5.0,
        scales: int = 2,
        dynamic: bool = True,
        update_interval: int = 100,
        threshold: float = 0.7,
        keep_ratio: float = 0.7,
        encoder: Mapping[str, int] | None = None,
        exact_crops: bool | None = None,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
    ) -> None:
        if scales not in SCALES:
            raise SettingsError(f"scales: found {scales!r}, expected 1, 2, 3 or 4")
        if update_interval < 1:
            raise SettingsError(f"update_interval: found {update_interval!r}, expected a number of frames from 1")
        if not 0 <= threshold <= 1:
            raise SettingsError(f"threshold: found {threshold:g}, expected a confidence, 0 to 1")
        network = OSTrack(template_size, search_size, keep_ratio, **encoder_sizes(encoder))
        fill_from(network, weights)
        crops = CropSettings(template_size, search_size, SCALES[scales], search_factor, exact_crops)
        super().__init__(network, crops, device=device, dtype=dtype, compile=compile)
        self.dynamic, self.update_interval, self.threshold = dynamic, update_interval, threshold

    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[SearchState]:
        """Embed the static templates; the dynamic ones begin as their copies."""
        tokens = self.network.backbone.embed_templates(crops)
        if self.dynamic:
            tokens = torch.cat([tokens, tokens], dim=1)
        return [SearchState(target.box.copy(), 0, own) for target, own in zip(targets, tokens, strict=True)]

    def locate(self, search: Tensor, states: ListOf[SearchState]) -> Located:
        """One network call; the window chooses the cell, the raw maximum is the confidence."""
        templates = torch.stack([state.templates for state in states])
        scores, sizes, offsets = self.network(templates, search, probe=self._probe)
        response = scores.squeeze(1) * self.window
        boxes = centre_boxes(best_cell(response), sizes, offsets)
        return Located(boxes, scores.flatten(1).amax(1), response)

    def update(self, frames: ListOf[Frame], states: ListOf[SearchState], confidence: ListOf[float]) -> None:
        """Cut the dynamic templates of sure objects anew about their new boxes, in one batch."""
        due = [
            index
            for index, (state, score) in enumerate(zip(states, confidence, strict=True))
            if self.dynamic and state.count % self.update_interval == 0 and score > self.threshold
        ]
        self.probe("updated", due)
        if not due:
            return
        crops, _ = self.template_crops([frames[index] for index in due], [states[index].box for index in due])
        fresh = self.network.backbone.embed_templates(crops)
        for index, tokens in zip(due, fresh, strict=True):
            static = states[index].templates[: len(tokens)]
            states[index].templates = torch.cat([static, tokens])
