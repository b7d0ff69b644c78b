"""Little videos of a textured square that moves, grows and hides, for the tests of trackers."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import Floats
from trackzoo.sequence import Target
from trackzoo.tracker import Tracker


@dataclass(frozen=True)
class Pictures:
    """Gives the pictures of a video by index."""

    pictures: NDArray[np.uint8]

    def __call__(self, index: int) -> NDArray[np.uint8]:
        return self.pictures[index]


@dataclass(frozen=True)
class Video:
    """Pictures (N, H, W, 3) RGB and boxes (N, 4) of the target."""

    pictures: NDArray[np.uint8]
    boxes: Floats
    name: str

    def frames(self) -> list[Frame]:
        """New frames, nothing decoded yet."""
        return list(ArrayFrames(Pictures(self.pictures), len(self.pictures), self.name))


def _texture(random: np.random.Generator, height: int, width: int, low: int, high: int) -> NDArray[np.uint8]:
    """Smooth blotches of colour, (height, width, 3)."""
    import cv2

    coarse = random.integers(low, high, (height // 6 + 2, width // 6 + 2, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def moving(
    seed: int,
    length: int = 12,
    size: tuple[int, int] = (160, 120),
    side: float = 28,
    speed: tuple[float, float] = (2.5, 1.0),
    growth: float = 1.0,
    hidden: range = range(0),
) -> Video:
    """A square of its own texture over a still background.

    Args:
        seed: another seed gives other textures.
        length: frames.
        size: (width, height) of the pictures.
        side: of the square on the first frame, in pixels.
        speed: of its centre, in pixels a frame, along x and y.
        growth: ratio of its sides from one frame to the next.
        hidden: frames on which the background covers it.
    """
    import cv2

    random = np.random.default_rng(seed)
    width, height = size
    background = _texture(random, height, width, 60, 180)
    skin = _texture(random, 64, 64, 0, 255)
    centre = np.array([width * 0.3, height * 0.4])
    pictures, boxes = [], []
    for index in range(length):
        wide = side * growth**index
        x, y = centre + np.array(speed) * index - wide / 2
        picture = background.copy()
        if index not in hidden:
            place = np.array([[wide / 64, 0, x + wide / 128 - 0.5], [0, wide / 64, y + wide / 128 - 0.5]])
            cv2.warpAffine(skin, place, size, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
        pictures.append(picture)
        boxes.append([x, y, wide, wide])
    return Video(np.stack(pictures), np.array(boxes), f"moving-{seed}-{size}-{side}-{hidden}")


def follow(
    tracker: Tracker[Any], videos: ListOf[Video], boxes: ListOf[Any] | None = None, seed: int = 0
) -> list[Floats]:
    """Run a batch of videos of equal length in lockstep; boxes (N, 4) of each.

    Args:
        boxes: first boxes in place of the videos' own.
    """
    frames = [video.frames() for video in videos]
    first = [np.array(video.boxes[0] if boxes is None else boxes[k], float) for k, video in enumerate(videos)]
    begun = tracker.start([each[0] for each in frames], [Target(box) for box in first], [seed] * len(videos))
    states = [state for state, _ in begun]
    found = [[prediction.box for _, prediction in begun]]
    for index in range(1, len(frames[0])):
        predictions = tracker.step([each[index] for each in frames], states)
        assert all(np.isfinite(prediction.score) for prediction in predictions)
        found.append([prediction.box for prediction in predictions])
    tracker.release(states)
    return [np.array([row[k] for row in found]) for k in range(len(videos))]
