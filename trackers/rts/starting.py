"""First masks: those that are given, and STA's for boxes without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.frames import Frame
from trackzoo.sequence import Target
from trackzoo.trackers.rts.first import on_device
from trackzoo.trackers.sta.mask import BoxToMask
from trackzoo.weights.chosen import describe

#: How a complaint about STA's weights begins.
_NEEDED = "a first box without a mask needs STA's weights"


class MaskMaker:
    """Makes masks of first boxes; STA's network is loaded when the first box without a mask comes, and then kept.

    Args:
        weights: STA's; see `BoxToMask`.
        slip: see `BoxToMask`.
        device, dtype: see `Tracker`.
    """

    def __init__(self, weights: Any, slip: bool, device: str, dtype: str) -> None:
        self.weights, self.slip, self.device, self.dtype = weights, slip, device, dtype
        self._sta: BoxToMask | None = None

    def identity(self) -> Mapping[str, Any]:
        """Which weights make masks of boxes; None where they are not here, so that only given masks can be tracked."""
        if not isinstance(self.weights, str | Path):
            return {}
        try:
            return {"sta": describe(str(self.weights)).identity}
        except TrackzooError:
            return {"sta": None}

    def lacking(self) -> str:
        """Why no mask can be made of a box, as a line for a person; empty where one can. Reads no network."""
        if self._sta is not None or not isinstance(self.weights, str | Path):
            return ""
        try:
            describe(str(self.weights))
        except TrackzooError as error:
            return f"{_NEEDED}: {error}"
        return ""

    def __call__(
        self, frames: ListOf[Frame], targets: ListOf[Target], given: ListOf[NDArray[np.bool_] | None]
    ) -> list[Tensor]:
        """B masks (1, height, width) float32 of 0 and 1 on the device.

        Args:
            frames, targets: see `Tracker.start`.
            given: B masks (height, width), or None where one is to be made.

        Raises:
            SettingsError: STA's weights are needed and not here.
        """
        lacking = [index for index, mask in enumerate(given) if mask is None]
        made: dict[int, Tensor] = {}
        if lacking:
            pictures = [frames[index].tensor(self.device) for index in lacking]
            masks = self.sta(pictures, [targets[index].box for index in lacking])
            made = {index: mask.float()[None] for index, mask in zip(lacking, masks, strict=True)}
        return [made[index] if mask is None else on_device(mask, self.device) for index, mask in enumerate(given)]

    @property
    def sta(self) -> BoxToMask:
        """The network that makes masks."""
        if self._sta is None:
            try:
                self._sta = BoxToMask(self.weights, device=self.device, dtype=self.dtype, slip=self.slip)
            except TrackzooError as error:
                raise SettingsError(f"{_NEEDED}: {error}") from None
        return self._sta
