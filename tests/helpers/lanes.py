"""Generated videos tracked alone and side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from trackzoo.parity.videos import DIFFERENT, Clip, in_lanes, videos

Boxes = list[list[np.ndarray]]


def objects(count: int, frames: int) -> list[Clip]:
    """Clips of as many different objects, out of a few videos."""
    clips = videos(count, frames)
    for index, (_, box) in enumerate(clips):
        box += np.array([3.0, -2.0, 4.0, 5.0]) * (index // DIFFERENT)
    return clips


def alone(tracker: Any, clips: list[Clip]) -> Boxes:
    return side_by_side(tracker, clips, 1)


def side_by_side(tracker: Any, clips: list[Clip], lanes: int) -> Boxes:
    """Boxes by clip, so many of them at once."""
    groups = [clips[start : start + lanes] for start in range(0, len(clips), lanes)]
    return [boxes for group in groups for boxes in in_lanes(tracker, group)]


def apart(first: Boxes, second: Boxes) -> float:
    """Largest difference between the boxes of the same clips, pixels."""
    return max(float(np.abs(np.stack(a) - np.stack(b)).max()) for a, b in zip(first, second, strict=True))
