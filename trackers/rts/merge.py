"""Competing masks of one video's objects: soft aggregation (RTS's and LWL's released wrapper for several objects)."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import torch
from torch import Tensor

from trackzoo.trackers.rts.pasting import Pasted

#: The background's probability keeps this distance from 0 and 1.
MARGIN = 1e-7


def merge_logits(logits: ListOf[Pasted]) -> tuple[Tensor, Tensor]:
    """Probabilities of K objects that share a picture, and who owns each pixel.

    The background is what no object claims, `p₀ = Π(1 - pᵢ)`; objects and background then compete in a softmax of their
    logits. One object alone is not left as it is: its probability becomes about `sigmoid(2 l)`, its mask stays.

    Args:
        logits: K maps of one picture size.

    Returns:
        Probabilities (K, height, width), and labels (height, width) int64: 0 background, k for the k-th object. Of equal
        probabilities the first wins, the background before all.
    """
    maps = torch.stack([each.full() for each in logits])
    background = (1 - maps.sigmoid()).prod(0).clamp(MARGIN, 1 - MARGIN)
    shares = torch.cat([(background / (1 - background)).log()[None], maps]).softmax(0)
    # Not argmax, which takes forty times as long along the first axis on a CPU.
    return shares[1:], shares.max(0).indices


def mask_logits(mask: Tensor) -> Pasted:
    """What an object that starts on this frame contributes: ±100 (height, width)."""
    values = (mask.float() - 0.5) * 200
    return Pasted(values, 0, 0, (mask.shape[0], mask.shape[1]))
