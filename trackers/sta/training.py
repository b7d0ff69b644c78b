"""STA's training. No script of it was released; the structure is the released network's, the loss its sister's."""

from __future__ import annotations

from torch import Tensor

from trackzoo.nn.losses import binary_lovasz
from trackzoo.trackers.sta.network import Masks

#: LWL's weight of the Lovász loss.
MASK = 100.0


def loss(found: Masks, masks: Tensor) -> Tensor:
    """Scalar: Lovász loss of both passes against masks (B, 1, H, W); the first teaches what the second begins with."""
    terms = [binary_lovasz(each.logits.sigmoid(), masks) for each in (found.coarse, found.final)]
    return MASK * (terms[0] + terms[1])
