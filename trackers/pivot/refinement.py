"""Test-time Prompt Refinement: candidates of the prompt, their crops, what CLIP says of them (paper, section III-D)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.nn.clip import resize
from trackzoo.nn.precision import full
from trackzoo.trackers.tomp.boxes import Float32, Integers, clipped, corners

#: The paper's eq. 6 has none; the released code multiplies cosines by it, which makes the softmax nearly one-hot.
SHARPNESS = 100.0


@dataclass(frozen=True)
class Regression:
    """What the head said of the previous frame: where candidates take their sizes from.

    Attributes:
        ltrb: (4, n, n) left, top, right, bottom, in shares of the sample.
        coords: (4,) `y0, x0, y1, x1` of that frame's crop in the picture.
        picture: (height, width) of the picture.
    """

    ltrb: Float32
    coords: Float32
    picture: tuple[int, int]


@dataclass(frozen=True)
class Candidates:
    """Local maxima of a prompt (eq. 5), the highest first.

    Attributes:
        cells: (N, 2) rows and columns.
        scores: (N,) float32 values there.
        sizes: (N, 2) widths and heights of their boxes, whole pixels of the picture.
    """

    cells: Integers
    scores: Float32
    sizes: Integers


def local_maxima(prompt: Tensor, threshold: float, kernel: int = 3) -> tuple[Integers, Float32]:
    """Cells (N, 2) that are the largest of their neighbourhood and above a threshold, the highest first; and their values.

    All cells of a plateau count. Equal values keep the map's order, row by row.

    Args:
        prompt: (n, n).
        threshold: τ; a cell must exceed it.
        kernel: side of the neighbourhood; it moves by one cell (the paper says three).
    """
    values = prompt.detach().float().cpu()
    highest = F.max_pool2d(values[None, None], kernel, stride=1, padding=kernel // 2)[0, 0]
    cells = ((values == highest) & (values > threshold)).nonzero().numpy()
    scores = values.numpy()[cells[:, 0], cells[:, 1]]
    order = np.argsort(-scores, kind="stable")
    return cells[order], scores[order]


def box_sizes(cells: Integers, previous: Regression) -> Integers:
    """Whole widths and heights (N, 2) of the boxes that the previous frame's regression holds at these cells.

    Args:
        cells: (N, 2) of the current grid, at which the previous map is read.
        previous: regression and crop; boxes are clipped to its picture.
    """
    rows, columns = cells.T
    _, sizes = clipped(corners(previous.ltrb, (rows, columns), previous.coords), previous.picture)
    return sizes[::-1].T.astype(np.int64)


def candidate_crops(crop: Tensor, cells: Integers, sizes: Integers, side: int) -> Tensor:
    """Crops (N, 3, R, R) of candidates from the network's normalised input (3, R, R).

    As released, sizes in the picture's pixels are used as if they were the input's, a window is centred on the cell's corner,
    moved inside at the upper and left edge, and filled with zeros beyond the others.

    Args:
        crop: what the backbone sees.
        cells, sizes: of `Candidates`; those that are wanted.
        side: cells along each side of the prompt.
    """
    resolution = crop.shape[-1]
    step = resolution / side
    found = []
    for (row, column), (width, height) in zip(cells.tolist(), sizes.tolist(), strict=True):
        x = max(0, math.floor(int(column * step) - width / 2))
        y = max(0, math.floor(int(row * step) - height / 2))
        window = crop[:, y : y + height, x : x + width]
        window = F.pad(window, (0, width - window.shape[2], 0, height - window.shape[1]))
        found.append(resize(window[None], resolution))
    return torch.cat(found)


def unit(features: Tensor) -> Tensor:
    """Vectors (…, D) of length one."""
    out: Tensor = features / features.norm(dim=-1, keepdim=True)
    return out


def similarities(candidates: Tensor, references: Tensor) -> Tensor:
    """Share of each candidate in the softmax over all candidates (eq. 6): CLIP's (N, D) and (M, D) to (N, M)."""
    # In float32 whatever the network computes in: a hundred times a cosine needs its digits.
    with full(candidates):
        cosines = unit(candidates.float()) @ unit(references.float()).T
        return (SHARPNESS * cosines).softmax(dim=0)


def refine(prompt: Tensor, cells: Integers, importance: Tensor, threshold: float) -> Tensor:
    """The prompt (n, n) with 1 at candidates whose importance (N,) exceeds the threshold ν. Nothing is lowered."""
    refined = prompt.clone()
    chosen = cells[(importance > threshold).cpu().numpy()]
    if len(chosen):
        rows, columns = torch.from_numpy(chosen).to(prompt.device).unbind(1)
        refined[rows, columns] = 1.0
    return refined


def foregone(scores: Float32, threshold: float) -> NDArray[np.bool_] | None:
    """Which cropped candidates become 1, where eq. 6 cannot decide otherwise; None where CLIP must be asked.

    The importance of candidate k is `D_k = ½ Σ_j p_kj`, with `p_kj` the softmax over the N candidates of its similarity to
    template j. Refinement does no more than write 1 at candidates with `D_k > ν`. Whatever CLIP's features are (finite and
    nonzero), for each j all `p_kj` lie in 0..1 and sum to 1 over k, so `D_k` lies in 0..1. Hence

    - N = 0: there is nothing to write;
    - ν ≥ 1: no `D_k` exceeds ν, nothing is written;
    - N = 1 and ν < 1: `exp(s) / exp(s)` is 1 for both templates (in floating point too, since the softmax subtracts the
      maximum: `exp(0) / exp(0)`), so `D = 1 > ν`: the one candidate becomes 1;
    - ν < 0: every `D_k` exceeds ν, all become 1;
    - every candidate's value is 1 already: writing 1, or not, gives the same map.

    The factor before the cosine does not matter. In all other cases N ≥ 2 and 0 ≤ ν < 1, and there are features for which a
    value below 1 is raised and others for which it is not (at ν = 0 since small shares are rounded to 0): CLIP decides.

    Args:
        scores: (N,) values of the prompt at the candidates that would be cropped.
        threshold: ν.
    """
    if not len(scores) or threshold >= 1:
        return np.zeros(len(scores), bool)
    if len(scores) == 1 or threshold < 0 or bool((scores == 1).all()):
        return np.ones(len(scores), bool)
    return None
