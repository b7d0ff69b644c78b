"""BERT's encoder, layer by layer, so that its layers can stand between the stages of another network.

Names of modules are those of the released checkpoints, behind `bert.`. Devlin et al., NAACL 2019, arXiv 1810.04805.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-12


class Embeddings(nn.Module):
    """Word, position and token type, summed and normed. The token type is 0 everywhere: there is one sentence."""

    def __init__(self, vocabulary: int, positions: int, width: int, dropout: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocabulary, width, padding_idx=0)
        self.position_embeddings = nn.Embedding(positions, width)
        self.token_type_embeddings = nn.Embedding(2, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids (B, L) to (B, L, width)."""
        places = self.position_embeddings.weight[: ids.shape[1]]
        values = self.word_embeddings(ids) + (self.token_type_embeddings.weight[0] + places)
        out: Tensor = self.dropout(self.LayerNorm(values))
        return out


class _Output(nn.Module):
    """A projection, added to what came in, and normed after."""

    def __init__(self, inner: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor, before: Tensor) -> Tensor:
        """(B, L, inner) and (B, L, width) to (B, L, width)."""
        out: Tensor = self.LayerNorm(before + self.dropout(self.dense(values)))
        return out


class _SelfAttention(nn.Module):
    """Multi-head attention without the projection at its end."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, L, width) to the same; `mask` (B, L) bool is true for tokens that may be seen."""
        query, key, value = (
            layer(values).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None], dropout_p=dropout)
        return heads.transpose(1, 2).flatten(2)


class Layer(nn.Module):
    """One post-norm layer: attention, then an MLP four times as wide with the exact GELU."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": _SelfAttention(width, heads, dropout), "output": _Output(width, width, dropout)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = _Output(4 * width, width, dropout)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, L, width) to the same; see `_SelfAttention` for the mask."""
        values = self.attention["output"](self.attention["self"](values, mask), values)
        out: Tensor = self.output(F.gelu(self.intermediate["dense"](values)), values)
        return out


class Bert(nn.Module):
    """BERT without its pooler, which has no reader here.

    Args:
        width, layers, heads: 768, 12, 12 in the base version.
        vocabulary: number of word pieces.
        positions: longest text.
        dropout: in training.
    """

    def __init__(
        self,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        vocabulary: int = 30522,
        positions: int = 512,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(vocabulary, positions, width, dropout)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers))})

    def run(self, values: Tensor, mask: Tensor, layers: range) -> Tensor:
        """Text (B, L, width) through some of the layers; `mask` (B, L) bool."""
        stack = self.encoder["layer"]
        assert isinstance(stack, nn.ModuleList)
        for index in layers:
            values = stack[index](values, mask)
        return values

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids (B, L) and mask (B, L) bool to the last layer's (B, L, width)."""
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        return self.run(self.embeddings(ids), mask.to(torch.bool), range(len(layers)))
