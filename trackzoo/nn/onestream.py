"""One-stream encoder: template and search tokens in one ViT, with candidate elimination (OSTrack; ProContEXT)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as ListOf
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.nn.elimination import centre_token, eliminate, restore
from trackzoo.nn.vit import EPSILON, Block, PatchEmbed, drop_path_rates

PATCH = 16
Probe = Callable[[str, Any], None]


class OneStreamEncoder(nn.Module):
    """ViT over `[template tokens …, search tokens]`.

    Args:
        template: side of a template crop in pixels.
        search: side of the search crop in pixels.
        prune_at: block index (from 0) -> share of the search tokens that stays; pruning sits between attention and MLP.
        width, depth, heads: of the ViT.
        drop_path: rate of stochastic depth in the last block.

    `cls_token` and `pos_embed` belong to the checkpoints and are not used.
    """

    def __init__(
        self,
        template: int,
        search: int,
        prune_at: Mapping[int, float],
        *,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.template_side, self.search_side = template // PATCH, search // PATCH
        self.prune_at = dict(prune_at)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 14 * 14 + 1, width))
        self.pos_embed_z = nn.Parameter(torch.zeros(1, self.template_side**2, width))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, self.search_side**2, width))
        self.patch_embed = PatchEmbed(PATCH, width)
        self.blocks = nn.ModuleList(Block(width, heads, rate) for rate in drop_path_rates(depth, drop_path))
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def embed_templates(self, crops: Tensor) -> Tensor:
        """T normalised template crops (B, T, 3, side, side) to (B, T · Lz, width) tokens, crop after crop."""
        tokens = self.patch_embed(crops.flatten(0, 1)) + self.pos_embed_z
        return tokens.reshape(crops.shape[0], -1, tokens.shape[-1])

    def embed_search(self, crops: Tensor) -> Tensor:
        """Normalised search crops (B, 3, side, side) to (B, Lx, width) tokens."""
        tokens: Tensor = self.patch_embed(crops) + self.pos_embed_x
        return tokens

    def centre_rows(self, templates: int) -> list[int]:
        """Indices of the centre token of each of `templates` crops."""
        cells = self.template_side**2
        return [centre_token(self.template_side) + cells * index for index in range(templates)]

    def forward(
        self,
        templates: Tensor,
        search: Tensor,
        *,
        keep: float | None = None,
        rows: ListOf[int] | None = None,
        probe: Probe | None = None,
    ) -> Tensor:
        """Search features after the last block.

        Args:
            templates: (B, T · Lz, width) embedded templates; they can be kept from frame to frame.
            search: (B, Lx, width) embedded search crops.
            keep: one share for all pruning blocks in place of `prune_at`'s (training's warm-up).
            rows: template tokens whose attention decides; the centres of all templates by default.
            probe: is offered `block{i}` tokens and `elimination{n}` (weights, positions, surviving positions).

        Returns:
            (B, Lx, width); cells that were pruned are zero (they are left out of the last norm).
        """
        length = templates.shape[1]
        if rows is None:
            rows = self.centre_rows(length // self.template_side**2)
        chosen = torch.tensor(rows, device=search.device)
        tokens = torch.cat([templates, search], dim=1)
        cells = search.shape[1]
        positions = torch.arange(cells, device=search.device).expand(search.shape[0], -1)
        stages = 0
        for index, block in enumerate(self.blocks):
            ratio = self.prune_at.get(index)
            if ratio is not None and keep is not None:
                ratio = keep
            if ratio is None or ratio >= 1:
                tokens = block.add_attention(tokens)
            else:
                tokens, attention = block.add_attention_with_rows(tokens, chosen)
                before = positions
                survivors, positions, weights = eliminate(tokens[:, length:], positions, attention[..., length:], ratio)
                tokens = torch.cat([tokens[:, :length], survivors], dim=1)
                if probe is not None:
                    probe(f"elimination{stages}", {"weights": weights, "before": before, "after": positions})
                stages += 1
            if index == len(self.blocks) - 1 and probe is None:
                # Nobody reads the templates after the last block: its MLP runs on the search tokens alone.
                tokens, length = tokens[:, length:], 0
            tokens = block.add_mlp(tokens)
            if probe is not None:
                probe(f"block{index}", tokens)
        return restore(self.norm(tokens[:, length:]), positions, cells)
