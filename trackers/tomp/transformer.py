"""ToMP's transformer: DETR's encoder and decoder, post-norm, whose attention runs through one fused operation.

Mayer et al.: Transforming model prediction for tracking, CVPR 2022, Fig. 2; Carion et al.: End-to-end object detection with
transformers, ECCV 2020. Parameters are named as `torch.nn.MultiheadAttention` names its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        width: channels of queries, keys, values.
        heads: how many heads share them.
        dropout: of the attention's weights, in training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.heads, self.dropout = width, heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Queries (B, L, width), keys and values (B, S, width) to (B, L, width)."""
        weight, bias, width = self.in_proj_weight, self.in_proj_bias, self.width
        if query is key:
            q, k = F.linear(query, weight[: 2 * width], bias[: 2 * width]).chunk(2, dim=-1)
        else:
            q = F.linear(query, weight[:width], bias[:width])
            k = F.linear(key, weight[width : 2 * width], bias[width : 2 * width])
        v = F.linear(value, weight[2 * width :], bias[2 * width :])
        dropout = self.dropout if self.training else 0.0
        out = F.scaled_dot_product_attention(self._split(q), self._split(k), self._split(v), dropout_p=dropout)
        mixed: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return mixed

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, L, width) to (B, heads, L, width / heads)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Self-attention and a two-layer network, each followed by its norm."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Tokens (B, L, width) and their position encoding (L, width) to (B, L, width)."""
        placed = tokens + places
        tokens = self.norm1(tokens + self.dropout(self.self_attn(placed, placed, tokens)))
        out: Tensor = self.norm2(tokens + self.dropout(_feed_forward(self, tokens)))
        return out


class DecoderLayer(nn.Module):
    """Self-attention among the queries, cross-attention to the memory, a two-layer network."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, dropout)
        self.multihead_attn = Attention(width, heads, dropout)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, target: Tensor, query: Tensor, memory: Tensor, placed: Tensor) -> Tensor:
        """One step of the queries.

        Args:
            target: (B, Q, width) what the queries hold.
            query: (Q, width) the queries' own embedding.
            memory: (B, L, width) values.
            placed: (B, L, width) the memory with its position encoding: keys.

        Returns:
            (B, Q, width).
        """
        asking = target + query
        target = self.norm1(target + self.dropout(self.self_attn(asking, asking, target)))
        target = self.norm2(target + self.dropout(self.multihead_attn(target + query, placed, memory)))
        out: Tensor = self.norm3(target + self.dropout(_feed_forward(self, target)))
        return out


def _feed_forward(layer: EncoderLayer | DecoderLayer, tokens: Tensor) -> Tensor:
    hidden: Tensor = layer.linear2(layer.dropout(F.relu(layer.linear1(tokens))))
    return hidden


class Encoder(nn.Module):
    """Layers in a row; no norm after the last."""

    def __init__(self, depth: int, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, hidden, dropout) for _ in range(depth))

    def forward(self, tokens: Tensor, places: Tensor) -> Tensor:
        """See `EncoderLayer`."""
        for layer in self.layers:
            tokens = layer(tokens, places)
        return tokens


class Decoder(nn.Module):
    """Layers in a row, and a norm after the last."""

    def __init__(self, depth: int, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(width, heads, hidden, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, query: Tensor, memory: Tensor, places: Tensor) -> Tensor:
        """Queries (Q, width), memory (B, L, width) with its position encoding (L, width) to (B, Q, width)."""
        placed = memory + places
        target = query.new_zeros(len(memory), *query.shape)
        for layer in self.layers:
            target = layer(target, query, memory, placed)
        out: Tensor = self.norm(target)
        return out


class Transformer(nn.Module):
    """Encoder over all frames' tokens, decoder that asks what the target looks like.

    Args:
        width, heads, hidden, depth: sizes; as published 256, 8, 2048, 6 layers each.
        dropout: in training.
    """

    def __init__(
        self, width: int = 256, heads: int = 8, hidden: int = 2048, depth: int = 6, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.encoder = Encoder(depth, width, heads, hidden, dropout)
        self.decoder = Decoder(depth, width, heads, hidden, dropout)

    def forward(self, tokens: Tensor, places: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of all frames to what the decoder answers, and the tokens after the encoder.

        Args:
            tokens: (B, L, width).
            places: (L, width) position encoding.
            query: (Q, width).

        Returns:
            (B, Q, width) and (B, L, width).
        """
        memory = self.encoder(tokens, places)
        return self.decoder(query, memory, places), memory
