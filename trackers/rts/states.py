"""What changes while one object is tracked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.nn.patches import PatchWindow
from trackzoo.trackers.rts.memory import SlotWeights
from trackzoo.trackers.rts.pasting import Facts, Pasted
from trackzoo.trackers.rts.region import Region, Scale


@dataclass
class Branch:
    """One branch's memory and filter.

    Attributes:
        lane: in the branch's arena.
        slots: weights of the lane's slots.
        filter: (16, 512, 3, 3) or (1, 512, 4, 4).
        fresh: something was stored since the filter was last refined.
    """

    lane: int
    slots: SlotWeights
    filter: Tensor
    fresh: bool = False


@dataclass
class InstanceState:
    """The instance branch of one object.

    Attributes:
        branch: memory and filter.
        position, size: (2,) of the target as this branch has it, in pixels of the picture.
        scale: the search region's that this size would have.
        sigma: of labels, in cells.
        lost: the score map's maximum was too low.
    """

    branch: Branch
    position: NDArray[np.float32]
    size: NDArray[np.float32]
    scale: Scale
    sigma: float
    lost: bool = False


@dataclass
class SegmentationState:
    """One object of RTS or LWL.

    Attributes:
        number: frames so far, the first included.
        picture: (height, width) of the video's frames.
        region: search region.
        branch: the segmentation branch's memory and filter.
        logits: of the last frame, this object's own; what merging starts from.
        previous: probabilities that the next frame reads, merged ones where there was a merge.
        seen: facts of `previous`.
        own: facts of this object's own logits.
        features: (512, h, w) segmentation features of the last tracked frame.
        window: its crop.
        lost, small: no pixel was in the mask; the probabilities summed to too little.
        instance: RTS's second branch, where it runs.
        decisions: what was decided on the last frame, by name, for traces.
    """

    number: int
    picture: tuple[int, int]
    region: Region
    branch: Branch
    logits: Pasted
    previous: Pasted
    seen: Facts
    own: Facts
    features: Tensor | None = None
    window: PatchWindow | None = None
    lost: bool = False
    small: bool = False
    instance: InstanceState | None = None
    decisions: dict[str, Any] = field(default_factory=dict)

    @property
    def no_mask(self) -> bool:
        """The segmentation branch did not find the target."""
        return self.lost or self.small

    @property
    def lost_instance(self) -> bool:
        """The instance branch ran and did not find the target."""
        return self.instance is not None and self.instance.lost
