"""Generated videos for comparisons and benchmarks, and a tracker over several of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import Floats
from trackzoo.parity.scene import scene
from trackzoo.sequence import Target
from trackzoo.tracker import StageClock, Tracker

#: Frames (N, height, width, 3) uint8, and the first box (4,).
Clip = tuple[NDArray[np.uint8], Floats]
#: Videos that differ; further ones are the same again.
DIFFERENT = 4


def videos(count: int, frames: int, size: tuple[int, int] = (240, 320)) -> list[Clip]:
    """So many clips of `frames` frames, (height, width) pixels, each with a box of its own."""
    made = [scene(seed, frames, *size) for seed in range(1, min(count, DIFFERENT) + 1)]
    chosen = [made[index % len(made)] for index in range(count)]
    return [(video, boxes[0].copy()) for video, boxes, _ in chosen]


def frame_by_frame(clips: ListOf[Clip]) -> list[list[Frame]]:
    """Frame by frame the pictures of B clips, as a tracker takes them; nothing is shared between clips."""
    handles = [
        ArrayFrames(lambda index, video=video: np.asarray(video[index]), len(video), f"clip {number}")  # type: ignore[misc]
        for number, (video, _) in enumerate(clips)
    ]
    return [[each[index] for each in handles] for index in range(len(clips[0][0]))]


def in_lanes(
    tracker: Tracker[Any],
    clips: ListOf[Clip],
    taken: list[dict[str, float]] | None = None,
    clock: Callable[[], StageClock] = StageClock,
) -> list[list[Floats]]:
    """All clips at once: boxes by clip, first frames included.

    Args:
        tracker: any.
        clips: of equal length.
        taken: is given each later frame's seconds by stage.
        clock: makes what measures them.
    """
    frames = frame_by_frame(clips)
    started = tracker.start(frames[0], [Target(box) for _, box in clips], list(range(len(clips))))
    states = [state for state, _ in started]
    boxes = [[prediction.box] for _, prediction in started]
    for pictures in frames[1:]:
        own = clock()
        tracker.clock(own if taken is not None else None)
        for track, prediction in zip(boxes, tracker.step(pictures, states), strict=True):
            track.append(prediction.box)
        if taken is not None:
            taken.append(own.seconds)
    tracker.clock(None)
    tracker.release(states)
    return boxes
