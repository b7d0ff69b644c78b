"""First masks: those that are given, and STA's for boxes without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.frames import Frame
from trackzoo.sequence import Target
from trackzoo.trackers.rts.first import on_device


class MaskMaker:
    """Makes masks of first boxes; STA's network is loaded when the first box without a mask comes.

    Args:
        weights: STA's; see `trackzoo.weights.loading.fill_from`.
        slip: see `RTSTracker`.
        device, dtype: see `Tracker`.
    """

    def __init__(self, weights: Any, slip: bool, device: str, dtype: str) -> None:
        self.weights, self.slip, self.device, self.dtype = weights, slip, device, dtype
        self._sta: Any = None

    def identity(self) -> Mapping[str, Any]:
        """Which weights."""
        return {}

    def __call__(
        self, frames: ListOf[Frame], targets: ListOf[Target], given: ListOf[NDArray[np.bool_] | None]
    ) -> list[Tensor]:
        """B masks (1, height, width) float32 of 0 and 1 on the device."""
        return [on_device(mask, self.device) for mask in given if mask is not None]
