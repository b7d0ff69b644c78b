"""Learning the filters of many objects: those whose lanes lie together in the arena in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListOf

import numpy as np
import torch
from torch import Tensor

from trackzoo.trackers.rts.memory import neighbours
from trackzoo.trackers.rts.states import Branch


def learn_together(
    branches: ListOf[Branch],
    most: int,
    device: str,
    learn: Callable[[range, int, Tensor, Tensor], Tensor],
) -> None:
    """Replace the filters of B branches by learnt ones.

    Args:
        branches: of one arena.
        most: samples in one call, which bounds what it needs at once.
        device: of the arena.
        learn: given lanes, the number of their slots that are filled, the samples' importance (slots, lanes) and filters
            (lanes, …), gives filters.
    """
    slots = max((branch.slots.stored for branch in branches), default=1)
    for group in neighbours([branch.lane for branch in branches], max(1, most // slots)):
        members = [branches[index] for index in group]
        lanes = range(members[0].lane, members[-1].lane + 1)
        count = max(branch.slots.stored for branch in members)
        importance = torch.from_numpy(np.stack([branch.slots.weights[:count] for branch in members], 1))
        filters = learn(lanes, count, importance.to(device), torch.stack([branch.filter for branch in members]))
        for branch, filter in zip(members, filters, strict=True):
            # Contiguous and its own, so that no object keeps its neighbours' filters alive.
            branch.filter, branch.fresh = filter.clone(memory_format=torch.contiguous_format), False
