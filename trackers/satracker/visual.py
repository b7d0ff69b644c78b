"""The visual side of the Synchronous Learning Backbone: CvT's token embedding and the Target Enhance Modules.

Maps are (B, H, W, C), so that LayerNorm and Linear read them as they lie; convolutions see them transposed, without a copy.
Names of modules are those of the original CvT release, behind `backbone.`.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.vit import DropPath, drop_path_rates


def convolve(layer: nn.Module, maps: Tensor) -> Tensor:
    """A layer for (B, C, H, W) on a map (B, H, W, C)."""
    out: Tensor = layer(maps.permute(0, 3, 1, 2))
    return out.permute(0, 2, 3, 1)


class Projected(NamedTuple):
    """One map's part in an attention.

    Attributes:
        query: (B, heads, H · W, C / heads).
        keys, values: (B, heads, ⌈H/2⌉ · ⌈W/2⌉, C / heads).
    """

    query: Tensor
    keys: Tensor
    values: Tensor


class TokenEmbedding(nn.Module):
    """Convolutional Token Embedding (paper, section 3.1.1; CvT): a strided convolution, then LayerNorm over channels."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride, padding)
        self.norm = nn.LayerNorm(width)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, H, W, channels) to (B, H/stride, W/stride, width)."""
        out: Tensor = self.norm(convolve(self.proj, maps))
        return out


class DepthwiseProjection(nn.Module):
    """Separable projection before queries, keys or values: depth-wise 3×3 without bias, BatchNorm (CvT)."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, ⌈H/stride⌉, ⌈W/stride⌉)."""
        out: Tensor = self.bn(self.conv(maps))
        return out


class MixedAttention(nn.Module):
    """Attention whose queries come from one map and whose keys and values may come from several (paper, Eq. 1, 2).

    The printed equations have one softmax for each map; what CvT's weights and MixFormer need is one softmax over the keys
    together, whose two parts the paper names CA and SA. The scale is that of the whole width, not of one head, likewise.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, width**-0.5
        self.conv_proj_q = DepthwiseProjection(width, 1)
        self.conv_proj_k = DepthwiseProjection(width, 2)
        self.conv_proj_v = DepthwiseProjection(width, 2)
        self.proj_q = nn.Linear(width, width)
        self.proj_k = nn.Linear(width, width)
        self.proj_v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def split(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to (B, heads, L, C / heads)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)

    def project(self, maps: Tensor) -> Projected:
        """Queries, keys and values of a normed map (B, H, W, C)."""
        return Projected(
            self.split(self.proj_q(convolve(self.conv_proj_q, maps).flatten(1, 2))),
            self.split(self.proj_k(convolve(self.conv_proj_k, maps).flatten(1, 2))),
            self.split(self.proj_v(convolve(self.conv_proj_v, maps).flatten(1, 2))),
        )

    def forward(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(B, L, C) from queries, keys, values as `project` gives them."""
        heads = F.scaled_dot_product_attention(query, keys, values, scale=self.scale)
        out: Tensor = self.proj(heads.transpose(1, 2).flatten(2))
        return out


def quick_gelu(values: Tensor) -> Tensor:
    """`x · sigmoid(1.702 x)`, CvT's activation."""
    return values * torch.sigmoid(1.702 * values)


class MLP(nn.Module):
    """Two layers, four times as wide between."""

    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.activation = quick_gelu if activation == "quick_gelu" else F.gelu

    def forward(self, values: Tensor) -> Tensor:
        """(…, width) to the same."""
        out: Tensor = self.fc2(self.activation(self.fc1(values)))
        return out


class TargetEnhanceModule(nn.Module):
    """TEM (paper, section 3.1.2, Fig. 3): one set of weights for template and search region."""

    def __init__(self, width: int, heads: int, activation: str = "quick_gelu", drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = MixedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, activation)
        self.drop_path = DropPath(drop_path)

    def project(self, maps: Tensor) -> Projected:
        """What a map (B, H, W, C) brings to the attention."""
        found: Projected = self.attn.project(self.norm1(maps))
        return found

    def forward(self, maps: Tensor, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The map (B, H, W, C) after attending with its own queries to the keys that it may see."""
        maps = maps + self.drop_path(self.attn(query, keys, values)).reshape(maps.shape)
        out: Tensor = maps + self.drop_path(self.mlp(self.norm2(maps)))
        return out

    def alone(self, maps: Tensor) -> tuple[Tensor, Projected]:
        """The map when it sees itself alone, and what it brought."""
        own = self.project(maps)
        return self(maps, *own), own

    def together(self, templates: ListOf[Tensor], search: Tensor, attention: str) -> tuple[list[Tensor], Tensor]:
        """Template maps and the search map, each seeing what `attention` lets it see; template keys stand first.

        Args:
            templates: (B, h, w, C) each; all of them see each other but in `self`.
            search: (B, H, W, C).
            attention: see `Design`.
        """
        own, other = [self.project(each) for each in templates], self.project(search)
        if attention == "self":
            pairs = zip(templates, own, strict=True)
            return [self(each, *part) for each, part in pairs], self(search, *other)
        keys, values = torch.cat([each.keys for each in own], 2), torch.cat([each.values for each in own], 2)
        all_keys, all_values = torch.cat([keys, other.keys], 2), torch.cat([values, other.values], 2)
        seen = (all_keys, all_values) if attention == "symmetric" else (keys, values)
        pairs = zip(templates, own, strict=True)
        return [self(each, part.query, *seen) for each, part in pairs], self(search, other.query, all_keys, all_values)


class Stage(nn.Module):
    """Token embedding and TEMs of one stage. There is no norm at its end (MixFormer)."""

    def __init__(
        self, number: int, channels: int, width: int, heads: int, depth: int, activation: str, drop_path: float
    ) -> None:
        super().__init__()
        self.patch_embed = TokenEmbedding(channels, width, *((7, 4, 2) if number == 0 else (3, 2, 1)))
        rates = drop_path_rates(depth, drop_path)
        self.blocks = nn.ModuleList(TargetEnhanceModule(width, heads, activation, rate) for rate in rates)

    @property
    def modules_of_target(self) -> list[TargetEnhanceModule]:
        """The TEMs, typed."""
        return [block for block in self.blocks if isinstance(block, TargetEnhanceModule)]
