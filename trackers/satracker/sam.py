"""The Semantic Aware Module (paper, section 3.1.3, Fig. 4): text selects channels of the map, the template prompts the text."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.trackers.satracker.visual import convolve


class SemanticAwareModule(nn.Module):
    """SAM of one stage.

    The visual stream is split in two: `select` reads the search map and a selector, which `read` makes of template and text.

    Args:
        channels: of the maps.
        text_width: of the text's tokens.
        width, heads: of the common space and its attention.
        update_text: whether there is a textual stream.
        fusion: `product` or `add`: how the textual stream fuses the pooled template.
    """

    def __init__(
        self,
        channels: int,
        text_width: int = 768,
        width: int = 512,
        heads: int = 8,
        update_text: bool = True,
        fusion: str = "product",
    ) -> None:
        super().__init__()
        self.heads, self.fusion = heads, fusion
        self.visual_in = nn.Conv2d(channels, width, 3, padding=1)
        self.text_in = nn.Linear(text_width, width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.norm = nn.BatchNorm2d(width)
        self.visual_out = nn.Conv2d(width, channels, 3, padding=1)
        self.text_out = nn.Linear(width, text_width) if update_text else None
        # A network starts as its pretrained parts: what a SAM adds is zero at first.
        for layer in (self.visual_out, self.text_out):
            if layer is not None:
                nn.init.zeros_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def read(self, template: Tensor, text: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What template and text say of the channels, and the text after the textual stream.

        Args:
            template: (B, h, w, channels).
            text: (B, L, text_width).
            mask: (B, L) bool, true for real tokens.

        Returns:
            Selector (B, width), and the text (B, L, text_width).
        """
        pooled = convolve(self.visual_in, template).amax((1, 2))  # (B, width)
        words = self.text_in(text)  # (B, L, width)
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(pooled[:, None]), self.key(words), self.value(words))
        )
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])  # Eq. 3
        selector = heads.transpose(1, 2).flatten(1)
        if self.text_out is not None:
            fused = words + pooled[:, None] if self.fusion == "add" else words * pooled[:, None]
            text = text + self.text_out(fused)
        return selector, text

    def select(self, search: Tensor, selector: Tensor) -> Tensor:
        """The search map (B, H, W, channels) under the selector (B, width)."""
        chosen = convolve(self.visual_in, search) * selector[:, None, None]
        return search + convolve(self.visual_out, convolve(self.norm, chosen))
