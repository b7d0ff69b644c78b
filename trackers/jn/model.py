"""JN: `[target-indicating token, template, search]` through one plain ViT, then a box head (arXiv 2309.02903, Fig. 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.nn.distribution import DistributionHead
from trackzoo.nn.heads import CentreHead, CornerHead
from trackzoo.nn.onestream import PATCH, OneStreamEncoder, Probe
from trackzoo.trackers.jn.indicator import MaskEmbedding, box_numbers, indicator

#: Paper, Table 2; keys of the setting `head`.
HEADS: dict[str, type[nn.Module]] = {"distribution": DistributionHead, "centre": CentreHead, "corner": CornerHead}


class JN(nn.Module):
    """The network. There is no official code; the names follow OSTrack's checkpoints.

    Args:
        template, search: sides of the crops in pixels.
        head: `distribution` (the paper's), `centre`, `corner` (its ablation).
        kind: how the target's place is told; see `indicator`.
        source: which numbers of the box tell it; see `box_numbers`.
        encoder: further settings of the encoder (width, depth, heads).

    Raises:
        SettingsError: a head, kind or source that does not exist.
    """

    def __init__(
        self,
        template: int = 144,
        search: int = 256,
        head: str = "distribution",
        kind: str = "one",
        source: str = "cxcywh",
        **encoder: Any,
    ) -> None:
        super().__init__()
        if not isinstance(head, str) or head not in HEADS:
            raise SettingsError(f"head: found '{head}', expected one of {', '.join(HEADS)}")
        self.side, self.template, self.source = search // PATCH, template, source
        self.backbone = OneStreamEncoder(template, search, {}, layer_scale=True, spare=False, **encoder)
        width = self.backbone.width
        self.target_token_embed = indicator(kind, source, width)
        self.box_head = HEADS[head](width)

    def embed_templates(self, crops: Tensor, boxes: Tensor) -> Tensor:
        """What is fixed while tracking.

        Args:
            crops: (B, 1, 3, T, T) normalised template crops.
            boxes: (B, 4) `x, y, w, h` of the target in shares of its crop.

        Returns:
            (B, tokens, width): the indicating tokens (no position embedding), then the template's.
        """
        tokens: Tensor = self.backbone.embed_templates(crops)
        told = self.target_token_embed
        if told is None:
            return tokens
        if isinstance(told, MaskEmbedding):
            placed: Tensor = tokens + told(boxes, self.template)
            return placed
        return torch.cat([told(box_numbers(boxes, self.source)).to(tokens.dtype), tokens], dim=1)

    def forward(self, templates: Tensor, search: Tensor, *, probe: Probe | None = None) -> Any:
        """Embedded templates and normalised search crops (B, 3, S, S) to the head's maps; see the heads."""
        tokens = self.backbone(templates, self.backbone.embed_search(search), probe=probe)
        return self.box_head(tokens.transpose(1, 2).reshape(len(tokens), -1, self.side, self.side))  # (B, 768, F, F)
