"""One-stream encoder: template and search tokens in one ViT, with candidate elimination (OSTrack; ProContEXT)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence as ListOf
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.nn.elimination import CENTRE_CELL, centre_token, eliminate, restore
from trackzoo.nn.vit import EPSILON, Block, PatchEmbed, drop_path_rates

PATCH = 16
Probe = Callable[[str, Any], None]


#: Sizes that the setting `encoder` may name.
SIZES = ("width", "depth", "heads")


def encoder_sizes(encoder: Mapping[str, int] | None) -> dict[str, int]:
    """The trackers' setting `encoder`: other sizes of the ViT than ViT-B's; raises `SettingsError` for what is none."""
    if encoder is None:
        return {}
    if not isinstance(encoder, Mapping) or not set(encoder) <= {*SIZES}:
        raise SettingsError(f"encoder: found {encoder!r}, expected sizes by name, of {', '.join(SIZES)}")
    odd = next((name for name, size in encoder.items() if type(size) is not int or size < 1), None)
    if odd is not None:
        raise SettingsError(f"encoder: found {odd} {encoder[odd]!r}, expected a whole number from 1")
    width, heads = encoder.get("width", 768), encoder.get("heads", 12)
    if width % heads:
        raise SettingsError(f"encoder: found a width of {width} for {heads} heads, expected a multiple")
    return dict(encoder)


class OneStreamEncoder(nn.Module):
    """ViT over `[template tokens …, search tokens]`.

    Args:
        template: side of a template crop in pixels.
        search: side of the search crop in pixels.
        prune_at: block index (from 0) -> share of the search tokens that stays; pruning sits between attention and MLP.
        width, depth, heads: of the ViT.
        drop_path: rate of stochastic depth in the last block.
        layer_scale: see `Block`.
        spare: whether it has `cls_token` and `pos_embed`, which belong to OSTrack's checkpoints and are not used.

    Raises:
        SettingsError: a share that is not above 0 and at most 1, or tokens to be dropped by the centre of a template whose
            centre the released code does not define.
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
        layer_scale: bool = False,
        spare: bool = True,
    ) -> None:
        super().__init__()
        self.width = width
        self.template_side, self.search_side = template // PATCH, search // PATCH
        for ratio in prune_at.values():
            if not 0 < ratio <= 1:
                raise SettingsError(f"keep_ratio: found {ratio:g}, expected a share above 0 and at most 1")
        if any(ratio < 1 for ratio in prune_at.values()) and self.template_side not in CENTRE_CELL:
            sides = ", ".join(str(side * PATCH) for side in sorted(CENTRE_CELL))
            raise SettingsError(
                f"template_size: found {template}, expected {sides} where tokens are dropped (keep_ratio below 1)"
            )
        self.prune_at = dict(prune_at)
        self._rows: dict[tuple[tuple[int, ...], torch.device], Tensor] = {}
        if spare:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
            self.pos_embed = nn.Parameter(torch.zeros(1, 14 * 14 + 1, width))
        self.pos_embed_z = nn.Parameter(torch.zeros(1, self.template_side**2, width))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, self.search_side**2, width))
        self.patch_embed = PatchEmbed(PATCH, width)
        rates = drop_path_rates(depth, drop_path)
        self.blocks = nn.ModuleList(Block(width, heads, rate, layer_scale) for rate in rates)
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def embed_templates(self, crops: Tensor) -> Tensor:
        """T normalised template crops (B, T, 3, side, side) to (B, T · Lz, width) tokens, crop after crop."""
        tokens: Tensor = self.patch_embed(crops.flatten(0, 1)) + self.pos_embed_z
        return tokens.reshape(crops.shape[0], -1, tokens.shape[-1])

    def embed_search(self, crops: Tensor) -> Tensor:
        """Normalised search crops (B, 3, side, side) to (B, Lx, width) tokens."""
        tokens: Tensor = self.patch_embed(crops) + self.pos_embed_x
        return tokens

    def centre_rows(self, templates: int) -> list[int]:
        """Indices of the centre token of each of `templates` crops."""
        cells = self.template_side**2
        return [centre_token(self.template_side) + cells * index for index in range(templates)]

    def _chosen(self, rows: ListOf[int] | None, length: int, device: torch.device) -> Tensor | None:
        """Indices of the template tokens that decide, on the device, or None where nothing is pruned."""
        if not self.prune_at:
            return None
        rows = self.centre_rows(length // self.template_side**2) if rows is None else rows
        key = (tuple(rows), device)
        if key not in self._rows:
            # Kept: a tensor made from a list in each call would make the host wait for the device.
            self._rows[key] = torch.tensor(rows, device=device)
        return self._rows[key]

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
            templates: (B, T · Lz, width) embedded templates; they can be kept from frame to frame. Other tokens may stand
                among them where nothing is pruned.
            search: (B, Lx, width) embedded search crops.
            keep: one share for all pruning blocks in place of `prune_at`'s (training's warm-up).
            rows: template tokens whose attention decides; the centres of all templates by default.
            probe: is offered `embedded` and `block{i}` tokens and `elimination{n}` (weights, positions, surviving positions).

        Returns:
            (B, Lx, width); cells that were pruned are zero (they are left out of the last norm).
        """
        length = templates.shape[1]
        chosen = self._chosen(rows, length, search.device)
        tokens = torch.cat([templates, search], dim=1)
        if probe is not None:
            probe("embedded", tokens)
        cells = search.shape[1]
        positions = torch.arange(cells, device=search.device).expand(search.shape[0], -1)
        stages = 0
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            ratio = self.prune_at.get(index)
            if ratio is not None and keep is not None:
                ratio = keep
            last = index == len(self.blocks) - 1
            if last and probe is None and (ratio is None or ratio >= 1):
                # Nobody reads the templates after the last block: they serve as keys and values alone.
                tokens, length = block.add_attention_from(tokens, length), 0
            elif ratio is None or ratio >= 1:
                tokens = block.add_attention(tokens)
            else:
                assert chosen is not None
                tokens, attention = block.add_attention_with_rows(tokens, chosen)
                before = positions
                survivors, positions, weights = eliminate(tokens[:, length:], positions, attention[..., length:], ratio)
                tokens = torch.cat([tokens[:, :length], survivors], dim=1)
                if probe is not None:
                    probe(f"elimination{stages}", {"weights": weights, "before": before, "after": positions})
                stages += 1
            tokens = block.add_mlp(tokens)
            if probe is not None:
                probe(f"block{index}", tokens)
        return restore(self.norm(tokens[:, length:]), positions, cells)
