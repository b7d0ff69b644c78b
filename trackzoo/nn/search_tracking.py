"""The loop that the one-stream trackers share: crop about the last box, network, window, box, map back, clip.

OSTrack's released loop (also ProContEXT's and JN's), for B objects at once. What differs between trackers is the network and
what a state keeps: subclasses implement `begin` and `locate`, and `update` where templates change.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from trackzoo.errors import DataError, SettingsError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats, clip_boxes
from trackzoo.nn.crops import Window, crop_batch, normalise, window
from trackzoo.nn.precision import autocast, dtype_named
from trackzoo.nn.windows import hann
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker

#: A box keeps at least this many pixels inside the picture, and at least this size (OSTrack's `clip_box`).
CLIP_MARGIN = 10.0
#: Pixels of a crop to a cell of the network's map, along each side.
CELL = 16


@dataclass(frozen=True)
class CropSettings:
    """How crops are cut (OSTrack's configuration).

    Attributes:
        template_size, search_size: sides of the crops in pixels.
        template_factors: area factor of each template crop.
        search_factor: area factor of the search crop.
        exact: cut with OpenCV wherever the network runs; see `crop_batch`.

    Raises:
        SettingsError: sides that cells of 16 pixels do not fill, or a factor that is not above 0.
    """

    template_size: int
    search_size: int
    template_factors: tuple[float, ...] = (2.0,)
    search_factor: float = 4.0
    exact: bool | None = None

    def __post_init__(self) -> None:
        for name, side in (("template_size", self.template_size), ("search_size", self.search_size)):
            if side < CELL or side % CELL:
                raise SettingsError(f"{name} is {side}, expected a multiple of {CELL} pixels")
        for factor in (*self.template_factors, self.search_factor):
            if not 0 < factor < float("inf"):
                raise SettingsError(f"a crop of {factor:g} times the target, expected a factor above 0")


@dataclass
class SearchState:
    """What changes while one object is tracked.

    Attributes:
        box: (4,) float64 last box, unrounded.
        count: frames since the first.
        templates: (T · Lz, width) embedded template tokens.
    """

    box: Floats
    count: int
    templates: Tensor


@dataclass(frozen=True)
class Located:
    """What a network says about B search crops.

    Attributes:
        boxes: (B, 4) `cx, cy, w, h` in shares of the crop's side.
        confidence: (B,) the tracker's own, before the window.
        response: (B, F, F) windowed map that chose the cell.
    """

    boxes: Tensor
    confidence: Tensor
    response: Tensor


State = TypeVar("State", bound=SearchState)


def back_to_picture(box: Floats, where: Window, last: Floats) -> Floats:
    """A box in shares of the crop, to pixels of the picture.

    Args:
        box: (4,) `cx, cy, w, h` in shares of the crop's side.
        where: the crop.
        last: (4,) `x, y, w, h` of the box that the crop was cut about; its centre is the crop's.
    """
    cx, cy, w, h = box * (where.size / where.resize_factor)
    half = 0.5 * where.size / where.resize_factor
    x, y = last[0] + 0.5 * last[2] + cx - half, last[1] + 0.5 * last[3] + cy - half
    return np.array([x - 0.5 * w, y - 0.5 * h, w, h])


class SearchTracker(Tracker[State], Generic[State]):
    """Base of the one-stream trackers.

    Args:
        network: in eval mode, on `device`.
        crops: how crops are cut.
        device, dtype: see `Tracker`.
        compile: whether to compile the network's forward pass (torch.compile); the first frames then take minutes.
    """

    def __init__(
        self, network: nn.Module, crops: CropSettings, *, device: str, dtype: str, compile: bool = False
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        dtype_named(dtype)
        self.network, self.crops = network.to(device).eval().requires_grad_(False), crops
        if compile:
            # In place, so that the network keeps its class and its names.
            self.network.compile()
        self.window = hann(crops.search_size // CELL).to(device)

    @abstractmethod
    def begin(self, crops: Tensor, windows: ListOf[ListOf[Window]], targets: ListOf[Target]) -> list[State]:
        """States of B new objects from their normalised template crops (B, T, 3, side, side)."""

    @abstractmethod
    def locate(self, search: Tensor, states: ListOf[State]) -> Located:
        """Find B objects in their normalised search crops (B, 3, side, side)."""

    def update(self, frames: ListOf[Frame], states: ListOf[State], confidence: ListOf[float]) -> None:
        """Refresh templates where the tracker does so; the boxes of the states are the new ones."""

    def template_crops(self, frames: ListOf[Frame], boxes: ListOf[Floats]) -> tuple[Tensor, list[list[Window]]]:
        """Normalised template crops (B, T, 3, side, side) of B objects, one for each factor, and where they lie."""
        settings = self.crops
        windows = [
            [window(box, factor, settings.template_size) for factor in settings.template_factors] for box in boxes
        ]
        flat = [each for windows_of_one in windows for each in windows_of_one]
        repeated = [frame for frame in frames for _ in settings.template_factors]
        crops = normalise(crop_batch(repeated, flat, self.device, self.crops.exact))
        crops = crops.reshape(len(boxes), -1, *crops.shape[1:])
        self.probe("templates", crops)
        return crops, windows

    @torch.inference_mode()
    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[State, Prediction]]:
        """See `Tracker.start`. These trackers have no randomness."""
        for frame, target in zip(frames, targets, strict=True):
            if target.box[2] * target.box[3] <= 0:
                raise DataError(frame.label, "a first box without area", "positive width and height")
        with self.stage("crop"):
            crops, windows = self.template_crops(frames, [target.box for target in targets])
        with self.stage("network"), autocast(self.device, self.dtype):
            states = self.begin(crops, windows, targets)
        return [(state, Prediction(np.array(target.box))) for state, target in zip(states, targets, strict=True)]

    @torch.inference_mode()
    def step(self, frames: ListOf[Frame], states: ListOf[State]) -> list[Prediction]:
        """See `Tracker.step`: one network call for all objects."""
        with self.stage("crop"):
            windows = [window(state.box, self.crops.search_factor, self.crops.search_size) for state in states]
            search = normalise(crop_batch(frames, windows, self.device, self.crops.exact))
        self.probe("search", search)
        with self.stage("network"):
            with autocast(self.device, self.dtype):
                located = self.locate(search, states)
            # One transfer for everything that the host needs.
            rows = torch.cat([located.boxes.double(), located.confidence.double()[:, None]], dim=1).cpu().numpy()
        for index, (frame, state) in enumerate(zip(frames, states, strict=True)):
            box = back_to_picture(rows[index, :4], windows[index], state.box)
            state.box = clip_boxes(box, frame.size, CLIP_MARGIN)
            state.count += 1
        confidence = [float(value) for value in rows[:, 4]]
        with self.stage("update"), autocast(self.device, self.dtype):
            self.update(frames, states, confidence)
        if self._probe is not None:
            self.probe("response", located.response)
            self.probe("windows", windows)
        return [Prediction(state.box.copy(), score) for state, score in zip(states, confidence, strict=True)]
