"""Candidate elimination: the search tokens that the target's centre attends to least are dropped (OSTrack, section 3.2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

#: Cell of a template's grid that counts as its centre, by the grid's side (released code of OSTrack).
CENTRE_CELL = {7: 3, 8: 3, 12: 5, 14: 6}
#: First and last row (and column) of the centre rectangle, by the grid's side; in the released code, unused by its models.
RECTANGLE = {7: (3, 3), 8: (3, 4), 12: (5, 6)}


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


def keep_rate(epoch: int, start: int = 20, length: int = 80, ratio: float = 0.7) -> float:
    """Share of search tokens kept while training: 1 before epoch `start`, then down a cosine to `ratio` over `length` epochs.

    Args:
        epoch: from 1.
        start, length: 20 and 80 for 300 epochs, 20 and 50 for GOT-10k's 100 (released configurations).
        ratio: where it ends.
    """
    if epoch < start:
        return 1.0
    if epoch >= start + length:
        return ratio
    return ratio + (1 - ratio) * (math.cos(math.pi * (epoch - start) / length) + 1) / 2


def template_tokens(side: int, region: str = "point", box: Tensor | None = None) -> Tensor:
    """Indices (n,) of the template tokens whose attention decides.

    Args:
        side: of the template grid.
        region: `point`, the centre token (released models); `rectangle`, the tokens about the centre, 2 × 2 (7: the centre
            alone); `box`, every cell that the target's box touches once drawn at the crop's resolution and scaled down
            bilinearly; `all`.
        box: (4,) `x, y, w, h` in shares of the template crop, for `box`.

    Raises:
        ValueError: another region, or a grid without a defined centre.
    """
    if region == "all":
        return torch.arange(side * side)
    if region == "point":
        return torch.tensor([centre_token(side)])
    if region == "rectangle":
        cells = RECTANGLE.get(side)
        if cells is None:
            raise ValueError(
                f"no centre rectangle is defined for a template grid of side {side}; known: {sorted(RECTANGLE)}"
            )
        line = torch.arange(cells[0], cells[1] + 1)
        return (line[:, None] * side + line[None, :]).flatten()
    if region == "box" and box is not None:
        return box_tokens(box, side)
    raise ValueError(f"unknown region '{region}' of the template; one of point, rectangle, box (with a box), all")


def box_tokens(box: Tensor, side: int, patch: int = 16) -> Tensor:
    """Row-major indices of the template cells that a box (4,) in shares of the crop touches; see `template_tokens`."""
    crop = side * patch
    corners = torch.cat([box[:2], box[:2] + box[2:]]) * crop
    x1, y1, x2, y2 = (int(value) for value in corners.round())
    mask = torch.zeros(1, 1, crop, crop)
    mask[..., max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 1
    small = F.interpolate(mask, size=(side, side), mode="bilinear", align_corners=False)
    return small.flatten().nonzero().flatten()
