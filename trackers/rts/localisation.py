"""Where the instance branch sees the target, and how sure it is of it (PyTracking's `localize_advanced`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trackzoo.trackers.rts.settings import RTSSettings

Float32 = NDArray[np.float32]


class Flag(IntEnum):
    """What a score map says; the numbers are the goldens'."""

    NORMAL = 0
    HARD_NEGATIVE = 1
    UNCERTAIN = 2
    NOT_FOUND = 3


@dataclass(frozen=True)
class Located:
    """What was read off a score map.

    Attributes:
        translation: (2,) from the crop's position to the target, in pixels of the picture.
        flag: see `Flag`.
        peak: the map's maximum.
    """

    translation: Float32
    flag: Flag
    peak: float


def localise(
    scores: NDArray[np.float32],
    position: Float32,
    size: Float32,
    sample_position: Float32,
    sample_scale: float,
    settings: RTSSettings,
) -> Located:
    """Read a score map.

    Args:
        scores: (h + 1, w + 1) for features of (h, w) cells.
        position, size: (2,) of the target as the instance branch knew it last, in pixels of the picture.
        sample_position, sample_scale: of the crop; see `patches.PatchWindow`.
        settings: thresholds, and the crop's size.
    """
    shape = np.array(scores.shape, np.float32)
    cells = shape - 1
    crop = np.array(settings.image_sample_size, np.float32)
    pixels = (crop / cells * np.float32(sample_scale)).astype(np.float32)
    centre = ((shape - 1) / 2).astype(np.float32)
    first, peak = _peak(scores)
    offset: Float32 = (first - centre).astype(np.float32)

    def found(flag: Flag, at: Float32 = offset) -> Located:
        return Located((at * pixels).astype(np.float32), flag, float(peak))

    if peak < settings.clf_target_not_found_threshold:
        return found(Flag.NOT_FOUND)
    if settings.clf_uncertain_threshold is not None and peak < settings.clf_uncertain_threshold:
        return found(Flag.UNCERTAIN)
    if settings.clf_hard_sample_threshold is not None and peak < settings.clf_hard_sample_threshold:
        return found(Flag.HARD_NEGATIVE)
    rest, second = _second(scores, first, settings.clf_target_neighborhood_scale * (size / sample_scale) * cells / crop)
    if rest > settings.clf_distractor_threshold * peak:
        # How far the two peaks are from where the target was.
        other: Float32 = (second - centre).astype(np.float32)
        before = (position - sample_position) / pixels
        far = settings.clf_displacement_scale * np.sqrt(shape.prod()) / 2
        one, two = (float(np.sqrt(np.square(each - before).sum())) for each in (offset, other))
        if two > far and one < far:
            return found(Flag.HARD_NEGATIVE)
        if two < far and one > far:
            return found(Flag.HARD_NEGATIVE, other)
        return found(Flag.UNCERTAIN)
    if rest > settings.clf_hard_negative_threshold * peak and rest > settings.clf_target_not_found_threshold:
        return found(Flag.HARD_NEGATIVE)
    return found(Flag.NORMAL)


def _peak(scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], np.float32]:
    """(row, column) of the maximum, and the maximum; of equal ones, that of the first column, then of the first row."""
    rows = scores.argmax(axis=0)
    column = int(scores.max(axis=0).argmax())
    row = int(rows[column])
    return np.array([row, column]), scores[row, column]


def _second(
    scores: NDArray[np.float32], first: NDArray[np.int64], size: Float32
) -> tuple[np.float32, NDArray[np.int64]]:
    """The largest score outside a neighbourhood of `size` cells about the first, and where it is."""
    low = [max(round(float(at - extent / 2)), 0) for at, extent in zip(first, size, strict=True)]
    high = [
        min(round(float(at + extent / 2 + 1)), count)
        for at, extent, count in zip(first, size, scores.shape, strict=True)
    ]
    rest = scores.copy()
    rest[low[0] : high[0], low[1] : high[1]] = 0
    at, value = _peak(rest)
    return value, at
