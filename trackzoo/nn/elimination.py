"""Candidate elimination: the search tokens that the target's centre attends to least are dropped (OSTrack, section 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Cell of a template's grid that counts as its centre, by the grid's side (released code of OSTrack).
CENTRE_CELL = {7: 3, 8: 3, 12: 5, 14: 6}


def centre_token(side: int) -> int:
    """Row-major index of the centre token in a template grid of `side` × `side`.

    Raises:
        ValueError: a side that no released model uses; the code defines its centre for 7, 8, 12 and 14 alone.
    """
    if side not in CENTRE_CELL:
        raise ValueError(f"no centre token is defined for a template grid of side {side}; known: {sorted(CENTRE_CELL)}")
    return CENTRE_CELL[side] * side + CENTRE_CELL[side]


def survivors(ratio: float, count: int) -> int:
    """How many of `count` tokens stay: `ceil(ratio · count)` in double precision."""
    return math.ceil(ratio * count)


def eliminate(search: Tensor, positions: Tensor, attention: Tensor, ratio: float) -> tuple[Tensor, Tensor, Tensor]:
    """Drop the least attended search tokens of each sample.

    Args:
        search: (B, n, width) search tokens.
        positions: (B, n) their cells in the search grid.
        attention: (B, heads, R, n) softmaxed attention of R template tokens on them.
        ratio: share that stays.

    Returns:
        Tokens (B, k, width) and positions (B, k) of the survivors, most attended first, and the weights (B, n) that
        decided: the mean over rows, then over heads. Lengths are equal for all samples, so a batch stays rectangular.
    """
    weights = attention.mean(dim=2).mean(dim=1)
    keep = survivors(ratio, search.shape[1])
    if keep == search.shape[1]:
        return search, positions, weights
    order = weights.argsort(dim=1, descending=True)[:, :keep]
    tokens = search.gather(1, order.unsqueeze(-1).expand(-1, -1, search.shape[-1]))
    return tokens, positions.gather(1, order), weights


def restore(tokens: Tensor, positions: Tensor, cells: int) -> Tensor:
    """Survivors (B, k, width) at their cells of a map (B, cells, width) that is zero elsewhere."""
    grid = tokens.new_zeros(tokens.shape[0], cells, tokens.shape[-1])
    return torch.scatter(grid, 1, positions.unsqueeze(-1).expand_as(tokens), tokens)
