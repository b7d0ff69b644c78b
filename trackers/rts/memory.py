"""Memories of samples: which slot a new one takes, what each weighs, and the arena that holds them all.

The weights of one object are a handful of numbers and stay on the host (`SlotWeights`). What is stored lies in an arena on the
device, slots first and lanes second, so that the filled slots of consecutive lanes are one batch without being copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass
class SlotWeights:
    """Weights of one object's slots, as PyTracking's memories keep them.

    Attributes:
        size: slots.
        first: how many hold samples of the first frame.
        minimum: what those weigh together at least; 0 lets them be replaced as any other.
        keep_first: they are never replaced, whatever they weigh (`rts50-paper`).
        equal_start: the first insertion weighs 1 before weights are normalised, not the learning rate (LWL from boxes).
        oldest: what was stored longest ago is replaced, not what weighs least (`rts50-paper`).
        weights: (size,) float32, unfilled slots 0; they sum to 1.
        stored: how many slots are filled.
        taken: how many samples were ever stored.
    """

    size: int
    first: int = 1
    minimum: float = 0.0
    keep_first: bool = False
    equal_start: bool = False
    oldest: bool = False
    weights: NDArray[np.float32] = field(init=False)
    stored: int = field(init=False)
    taken: int = field(init=False)
    _last: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.weights = np.zeros(self.size, np.float32)
        self.weights[: self.first] = 1 / self.first
        self.stored = self.taken = self.first

    def insert(self, rate: float) -> int:
        """Make room for a sample that is learnt at `rate` (0..1); the slot that it takes."""
        self.taken += 1
        protected = self.first if self.minimum > 0 or self.keep_first else 0
        if self.stored < self.size:
            slot = self.stored
            self.stored += 1
        elif self.oldest:
            # Filled in order, so that the oldest follows the newest.
            last = self.size - 1 if self._last is None else self._last
            slot = last + 1 if last + 1 < self.size else protected
        else:
            slot = protected + int(self.weights[protected:].argmin())
        weights, share = self.weights, np.float32(1 - rate)
        if self._last is not None:
            weights[slot] = weights[self._last] / share
        elif self.equal_start:
            weights[slot] = 1
        else:
            weights /= share
            weights[slot] = rate
        weights /= weights.sum()
        if self.minimum > 0 and weights[: self.first].sum() < self.minimum:
            weights /= np.float32(self.minimum) + weights[self.first :].sum()
            weights[: self.first] = self.minimum / self.first
        self._last = slot
        return slot


class Arena:
    """Slots of all objects: for each thing that is stored, a tensor (slots, lanes, …).

    Args:
        slots: of each lane.
        shapes: name -> shape of what one slot holds.
        device: where.

    A lane belongs to one object from `take` to `give`. The arena grows when all lanes are taken (which copies it; `reserve`
    beforehand avoids that) and never shrinks. Slots that are not filled hold zeros or an earlier object's: their weight is 0.
    """

    def __init__(self, slots: int, shapes: Mapping[str, tuple[int, ...]], device: str | torch.device) -> None:
        self.slots, self.shapes, self.device = slots, dict(shapes), device
        self.lanes = 0
        self.tensors = {name: torch.zeros(slots, 0, *shape, device=device) for name, shape in self.shapes.items()}
        self._free: list[int] = []

    def reserve(self, lanes: int) -> None:
        """Have at least so many lanes."""
        if lanes <= self.lanes:
            return
        for name, shape in self.shapes.items():
            tensor = torch.zeros(self.slots, lanes, *shape, device=self.device)
            tensor[:, : self.lanes] = self.tensors[name]
            self.tensors[name] = tensor
        self._free += range(self.lanes, lanes)
        self.lanes = lanes

    def take(self) -> int:
        """A free lane, the lowest: neighbours are learnt from together."""
        if not self._free:
            self.reserve(self.lanes + max(1, self.lanes // 2))
        lane = min(self._free)
        self._free.remove(lane)
        return lane

    def give(self, lane: int) -> None:
        """Give a lane back; giving it twice does nothing."""
        if lane not in self._free:
            self._free.append(lane)

    def put(self, name: str, lane: int, slot: int, value: Tensor) -> None:
        """Store a value of the name's shape."""
        self.tensors[name][slot, lane].copy_(value)

    def view(self, name: str, lanes: range, count: int) -> Tensor:
        """The first `count` slots of consecutive lanes, (count, lanes, …), without a copy."""
        return self.tensors[name][:count, lanes.start : lanes.stop]

    @property
    def bytes(self) -> int:
        """Memory that all lanes take."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())


def neighbours(lanes: ListOf[int], most: int) -> list[list[int]]:
    """Positions in `lanes`, in groups of at most `most` whose lanes are consecutive and rise.

    A group can be learnt from in one call without copying its memories.
    """
    groups: list[list[int]] = []
    for position in sorted(range(len(lanes)), key=lanes.__getitem__):
        if groups and len(groups[-1]) < most and lanes[groups[-1][-1]] + 1 == lanes[position]:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups
