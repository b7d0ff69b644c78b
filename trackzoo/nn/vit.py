"""The Vision Transformer encoder of the one-stream trackers (ViT-B/16 as in MAE, OSTrack, ProContEXT, JN).

Names of modules map one to one onto the official checkpoints: `patch_embed.proj`, `blocks.{i}.norm1`, `blocks.{i}.attn.qkv`,
`blocks.{i}.attn.proj`, `blocks.{i}.norm2`, `blocks.{i}.mlp.fc1`, `blocks.{i}.mlp.fc2`, `norm`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.precision import full

#: LayerNorm's epsilon in ViT (torch's own default is 1e-5).
EPSILON = 1e-6


class PatchEmbed(nn.Module):
    """Cuts pictures into patches and projects each to a token.

    Args:
        patch: side of a patch in pixels.
        width: channels of a token.
    """

    def __init__(self, patch: int = 16, width: int = 768) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) normalised pictures to (B, H/patch · W/patch, width) tokens, row by row."""
        tokens: Tensor = self.proj(pictures).flatten(2).transpose(1, 2)
        return tokens


class Attention(nn.Module):
    """Multi-head self-attention with one fused projection for queries, keys and values.

    Args:
        width: channels of a token.
        heads: number of heads; each has width / heads channels.
    """

    def __init__(self, width: int = 768, heads: int = 12) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys, values, each (B, heads, L, width / heads)."""
        batch, length, width = tokens.shape
        fused = self.qkv(tokens).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = fused.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def join(self, heads: Tensor) -> Tensor:
        """(B, heads, L, width / heads) back to (B, L, width), projected."""
        joined: Tensor = self.proj(heads.transpose(1, 2).flatten(2))
        return joined

    def forward(self, tokens: Tensor) -> Tensor:
        """Every token attends to every other: (B, L, width) to (B, L, width). The attention map is never formed."""
        return self.join(F.scaled_dot_product_attention(*self.split(tokens)))

    def forward_from(self, tokens: Tensor, first: int) -> Tensor:
        """As `forward`, for the tokens from `first` on alone: (B, L, width) to (B, L - first, width)."""
        width, channels = tokens.shape[-1], tokens.shape[-1] // self.heads
        weight, bias = self.qkv.weight, self.qkv.bias
        query = F.linear(tokens[:, first:], weight[:width], bias[:width])
        pair = F.linear(tokens, weight[width:], bias[width:]).reshape(*tokens.shape[:2], 2, self.heads, channels)
        key, value = pair.permute(2, 0, 3, 1, 4).unbind(0)
        query = query.reshape(*query.shape[:2], self.heads, channels).transpose(1, 2)
        return self.join(F.scaled_dot_product_attention(query, key, value))

    def forward_with_rows(self, tokens: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and the attention of a few query tokens.

        Args:
            tokens: (B, L, width).
            rows: (R,) indices of the query tokens whose attention is wanted; the others' is not formed.

        Returns:
            (B, L, width), and the softmaxed attention (B, heads, R, L), float32 at least: candidates near the cut of the
            elimination differ by 1e-7, which half precision does not resolve.
        """
        query, key, value = self.split(tokens)
        chosen = query[:, :, rows]
        precise = torch.promote_types(chosen.dtype, torch.float32)
        with full(tokens):
            scores = chosen.to(precise) @ key.to(precise).transpose(-2, -1) * query.shape[-1] ** -0.5
        return self.join(F.scaled_dot_product_attention(query, key, value)), scores.softmax(-1)


class Mlp(nn.Module):
    """Two linear layers with the exact (erf) GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(…, width) to (…, width)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return out


class DropPath(nn.Module):
    """Stochastic depth: while training, a sample skips the residual with probability `rate`; kept ones are scaled up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, residual: Tensor) -> Tensor:
        """(B, …) to (B, …); the identity outside training."""
        if not self.training or self.rate == 0:
            return residual
        keep = 1 - self.rate
        shape = (residual.shape[0],) + (1,) * (residual.ndim - 1)
        return residual * residual.new_empty(shape).bernoulli_(keep) / keep


class Block(nn.Module):
    """Pre-norm transformer block: `x += attn(norm1(x))`, `x += mlp(norm2(x))`.

    Args:
        width: channels of a token.
        heads: attention heads.
        drop_path: rate of stochastic depth on both residuals.
        layer_scale: learned factors per channel on both residuals (CAE's `gamma_1`, `gamma_2`), initially 1.
    """

    def __init__(self, width: int = 768, heads: int = 12, drop_path: float = 0.0, layer_scale: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mlp(width, 4 * width)
        self.drop_path = DropPath(drop_path)
        self.gamma_1 = nn.Parameter(torch.ones(width)) if layer_scale else None
        self.gamma_2 = nn.Parameter(torch.ones(width)) if layer_scale else None

    def add_attention(self, tokens: Tensor) -> Tensor:
        """First half: (B, L, width) to (B, L, width)."""
        return self._residual(tokens, self.attn(self.norm1(tokens)), self.gamma_1)

    def add_attention_with_rows(self, tokens: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """First half, and the attention of a few tokens; see `Attention.forward_with_rows`."""
        out, attention = self.attn.forward_with_rows(self.norm1(tokens), rows)
        return self._residual(tokens, out, self.gamma_1), attention

    def add_attention_from(self, tokens: Tensor, first: int) -> Tensor:
        """First half for the tokens from `first` on; the others serve as keys and values alone."""
        return self._residual(tokens[:, first:], self.attn.forward_from(self.norm1(tokens), first), self.gamma_1)

    def add_mlp(self, tokens: Tensor) -> Tensor:
        """Second half: (B, L, width) to (B, L, width)."""
        return self._residual(tokens, self.mlp(self.norm2(tokens)), self.gamma_2)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, width) to (B, L, width)."""
        return self.add_mlp(self.add_attention(tokens))

    def _residual(self, tokens: Tensor, change: Tensor, gamma: Tensor | None) -> Tensor:
        out: Tensor = tokens + self.drop_path(change if gamma is None else gamma * change)
        return out


def drop_path_rates(depth: int, last: float) -> list[float]:
    """Rates of stochastic depth, linear from 0 in the first block to `last` in the last."""
    return [last * index / max(depth - 1, 1) for index in range(depth)]


def resize_position_embedding(embedding: Tensor, side: int, class_token: bool = True) -> Tensor:
    """Position embeddings for another grid, bicubic without aligned corners (how MAE weights start a tracker).

    Args:
        embedding: (1, n² + 1 or n², width).
        side: cells along each side of the new grid.
        class_token: whether the first position is the class token's; it is dropped.

    Returns:
        (1, side², width).
    """
    grid = embedding[:, 1:] if class_token else embedding
    old = round(grid.shape[1] ** 0.5)
    if old * old != grid.shape[1]:
        raise ValueError(f"a position embedding of {grid.shape[1]} tokens is not a square grid")
    planes = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    planes = F.interpolate(planes, size=(side, side), mode="bicubic", align_corners=False)
    return planes.flatten(2).transpose(1, 2)
