"""OSTrack: template and search region in one ViT with early candidate elimination, and a centre head (arXiv 2203.11991)."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import Any

from torch import Tensor, nn

from trackzoo.nn.heads import CentreHead
from trackzoo.nn.onestream import PATCH, OneStreamEncoder, Probe

#: Blocks (from 0) whose attention decides which search tokens are dropped: the 4th, 7th and 10th.
PRUNING_BLOCKS = (3, 6, 9)


class OSTrack(nn.Module):
    """The network. Its parameters are named as in the official checkpoints.

    Args:
        template, search: sides of the crops in pixels.
        keep_ratio: share of the search tokens that stays at each elimination; 1 switches it off.
        encoder: other sizes of the ViT than ViT-B's (`width`, `depth`, `heads`).
    """

    def __init__(self, template: int = 128, search: int = 256, keep_ratio: float = 0.7, **encoder: Any) -> None:
        super().__init__()
        self.side = search // PATCH
        self.backbone = OneStreamEncoder(template, search, dict.fromkeys(PRUNING_BLOCKS, keep_ratio), **encoder)
        self.box_head = CentreHead(self.backbone.width)

    def forward(
        self,
        templates: Tensor,
        search: Tensor,
        *,
        keep: float | None = None,
        rows: ListOf[int] | None = None,
        probe: Probe | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Embedded templates (B, T · Lz, 768) and normalised search crops (B, 3, S, S) to the head's maps.

        Returns:
            Scores (B, 1, F, F), sizes (B, 2, F, F), offsets (B, 2, F, F); see `CentreHead`.
        """
        tokens = self.backbone(templates, self.backbone.embed_search(search), keep=keep, rows=rows, probe=probe)
        features = tokens.transpose(1, 2).reshape(len(tokens), -1, self.side, self.side)  # (B, 768, F, F)
        maps: tuple[Tensor, Tensor, Tensor] = self.box_head(features)
        return maps
