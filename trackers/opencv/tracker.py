"""OpenCV's own trackers behind trackzoo's interface.

They take BGR pictures and integer boxes. Some of them loop for ever or assert on boxes that are tiny or leave the picture,
so the first box is fitted to what each can take and the difference is carried over to what it returns.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker
from trackzoo.trackers.opencv.available import CLASSES, creator, model_files


@dataclass
class OpenCVState:
    """State of one object.

    Attributes:
        tracker: OpenCV's object; all that it learned is in there.
        box: (4,) float64, the last box that was found.
        shift: (4,) float64, given box minus the box that OpenCV was started with; zero for ordinary boxes.
        seed: of the object.
        steps: frames seen since the first.
    """

    tracker: Any
    box: Floats
    shift: Floats
    seed: int
    steps: int = 0


@cache
def _libc() -> Any | None:
    """The C library, for `srand`; None where it is not found by its usual name."""
    try:
        return ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    except OSError:
        return None


def _reseed(seed: int) -> None:
    """Set both random sources of OpenCV's trackers.

    MIL draws its negative samples with cv::theRNG() (one a thread) and its features with C's rand() (one a process), and
    goes on from wherever the last user left them. With both set before every call, what it finds depends on the seed and
    the frames alone (measured with 4.14 and 5.0).
    """
    import cv2

    cv2.setRNGSeed(seed)
    if (library := _libc()) is not None:
        library.srand(ctypes.c_uint(seed))


def fit_box(
    box: Floats, size: tuple[int, int], smallest: int, room: int = 0, slimmest: float = 0.0
) -> NDArray[np.int64]:
    """`box` as integers, cut to the picture, at least `smallest` and at most the picture less `room` in each direction.

    Args:
        box: (4,) `x, y, w, h` in pixels; touches the picture.
        size: (width, height) of the picture.
        smallest: least width and height in pixels.
        room: pixels that must be left over in width and height.
        slimmest: least short side as a part of the long side.

    Raises:
        SettingsError: the picture is too small for any box.
    """
    limits = np.array(size) - room
    if (limits < smallest).any():
        raise SettingsError(
            f"found a picture of {size[0]}x{size[1]} pixels, expected at least {smallest + room}x{smallest + room} for "
            "this tracker; leave the sequence out"
        )
    # Round the size, not the far corner: a box of width 17 stays one wherever it lies.
    low = np.rint(box[:2])
    high = np.minimum(low + np.maximum(np.rint(box[2:]), 1), size)
    low = np.maximum(low, 0)
    extent = np.clip(high - low, smallest, limits)
    extent = np.minimum(np.maximum(extent, np.ceil(slimmest * extent.max())), limits)
    low = np.clip(low, 0, np.array(size) - extent)
    return np.concatenate([low, extent]).astype(np.int64)


class OpenCVTracker(Tracker[OpenCVState]):
    """Base of the family: a new OpenCV object for each target.

    Args:
        device: ignored; OpenCV's trackers run on the CPU.
        dtype: ignored.
        settings: fields of cv2's `Tracker*_Params` by their OpenCV names, e.g. `samplerSearchWinSize=30.0`.

    Raises:
        SettingsError: a setting that this OpenCV does not know, or a value of the wrong kind.
    """

    name: ClassVar[str]
    #: Least side of the first box in pixels, how much smaller than the picture it must be, and its least short side as a
    #: part of the long one; found by trying.
    smallest: ClassVar[int] = 2
    room: ClassVar[int] = 0
    slimmest: ClassVar[float] = 0.0

    def __init__(self, *, device: str = "cpu", dtype: str = "fp32", **settings: Any) -> None:
        super().__init__(device=device, dtype=dtype)
        self.files = model_files(self.name, settings)
        self.settings = {**settings, **self.files}
        self._create()

    def identity(self) -> Mapping[str, str]:
        """See `Tracker.identity`: OpenCV's version and the SHA-256 of the model files."""
        import cv2

        digests = {name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in self.files.items()}
        return {"opencv": cv2.__version__, **digests}

    def _create(self) -> Any:
        import cv2

        create = creator(self.name)
        if create is None:
            raise SettingsError(f"tracker '{self.name}': this OpenCV ({cv2.__version__}) has no {CLASSES[self.name]}")
        if not self.settings:
            return create()
        parameters = getattr(cv2, f"{CLASSES[self.name]}_Params")()
        known = [field for field in dir(parameters) if not field.startswith("_")]
        for key, value in self.settings.items():
            if key not in known:
                raise SettingsError(f"tracker '{self.name}' has no setting '{key}'; it has {', '.join(known)}")
            try:
                setattr(parameters, key, value)
            except (TypeError, cv2.error):
                kind = type(getattr(parameters, key)).__name__
                raise SettingsError(
                    f"tracker '{self.name}': {key}={value!r}, expected a value of type {kind}"
                ) from None
        try:
            return create(parameters)
        except cv2.error as error:
            text = " ".join(str(error).split())
            raise SettingsError(f"tracker '{self.name}': OpenCV refuses its model or settings: {text}") from None

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[OpenCVState, Prediction]]:
        """See `Tracker.start`."""
        begun = []
        for frame, target, seed in zip(frames, targets, seeds, strict=True):
            fitted = fit_box(target.box, frame.size, self.smallest, self.room, self.slimmest)
            # The sub-pixel part is lost, as in every use of these trackers; what the fit moved or grew is given back.
            rounded = np.concatenate([np.rint(target.box[:2]), np.maximum(np.rint(target.box[2:]), 1)])
            with self.stage("init"):
                tracker = self._create()
                _reseed(seed)
                tracker.init(_bgr(frame), tuple(fitted.tolist()))
            state = OpenCVState(tracker, np.array(target.box), rounded - fitted, seed)
            begun.append((state, Prediction(np.array(target.box))))
        return begun

    def step(self, frames: ListOf[Frame], states: ListOf[OpenCVState]) -> list[Prediction]:
        """See `Tracker.step`. Where OpenCV says that it lost the target, the last box stands with score 0."""
        predictions = []
        for frame, state in zip(frames, states, strict=True):
            state.steps += 1
            with self.stage("update"):
                # Another number for each frame: the same draws over and over would be no random sample.
                _reseed((state.seed + 7919 * state.steps) & 0x7FFFFFFF)
                found, values = state.tracker.update(_bgr(frame))
            box = np.array(values, dtype=np.float64)
            found = bool(found) and bool(np.isfinite(box).all()) and bool((box[2:] > 0).all())
            if found:
                box = box + state.shift
                box[2:] = np.maximum(box[2:], 1)
                state.box = box
            predictions.append(Prediction(state.box.copy(), self.score(state.tracker, found)))
        return predictions

    def score(self, tracker: Any, found: bool) -> float:
        """1 where the target was found, else 0; networks give their own."""
        return float(found)


def _bgr(frame: Frame) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame.array()[:, :, ::-1])


class MilTracker(OpenCVTracker):
    """`cv2.TrackerMIL`."""

    name = "opencv-mil"
    # Below 5x5 it draws features for ever; without room around the box it has no negative samples and asserts.
    smallest = 6
    room = 8


class CsrtTracker(OpenCVTracker):
    """`cv2.TrackerCSRT`."""

    name = "opencv-csrt"
    # Its template, resized to a fixed area, loses a side of boxes that are slimmer than about 1:27.
    smallest = 4
    slimmest = 1 / 16


class KcfTracker(OpenCVTracker):
    """`cv2.TrackerKCF`."""

    name = "opencv-kcf"


class _NetworkTracker(OpenCVTracker):
    def score(self, tracker: Any, found: bool) -> float:
        value = float(tracker.getTrackingScore())
        return value if found and np.isfinite(value) else 0.0


class NanoTracker(_NetworkTracker):
    """`cv2.TrackerNano`; settings `backbone` and `neckhead` are its ONNX files."""

    name = "opencv-nano"


class VitTracker(_NetworkTracker):
    """`cv2.TrackerVit`; setting `net` is its ONNX file."""

    name = "opencv-vit"
