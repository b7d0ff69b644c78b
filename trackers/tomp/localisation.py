"""Which cell is the target, and how sure that is: the advanced localisation of PyTracking's trackers, as ToMP is set."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trackzoo.trackers.tomp.boxes import STRIDE, Float32, Place, float32

Flag = Literal["normal", "hard_negative", "uncertain", "not_found"]


@dataclass(frozen=True)
class Thresholds:
    """Settings of the localisation, by their released names.

    Attributes:
        target_not_found_threshold: a maximum below this is no target.
        distractor_threshold: a second peak above this share of the first may be the target.
        hard_negative_threshold: one above this share is a distractor worth learning.
        target_neighborhood_scale: how many target sizes about the first peak are not a second one.
        dispalcement_scale: share of half the map that a target may move (the released name, as it is spelt).
    """

    target_not_found_threshold: float = 0.25
    distractor_threshold: float = 0.8
    hard_negative_threshold: float = 0.5
    target_neighborhood_scale: float = 2.2
    dispalcement_scale: float = 0.8


@dataclass(frozen=True)
class Located:
    """What was decided.

    Attributes:
        flag: how sure it is.
        cell: (row, column) of the target.
        score: the map's largest value.
    """

    flag: Flag
    cell: tuple[int, int]
    score: float


def _peak(scores: Float32) -> tuple[float, tuple[int, int]]:
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return float(scores[row, column]), (row, column)


def locate(scores: Float32, before: Place, position: Float32, scale: float, settings: Thresholds) -> Located:
    """Choose the cell of one object.

    Args:
        scores: (n, n) of the classifier, no window.
        before: where the target was on the last frame.
        position: (2,) centre of the sample in the picture.
        scale: pixels of the picture per pixel of the sample.
        settings: thresholds.
    """
    side = scores.shape[0]
    first, cell = _peak(scores)
    if first < settings.target_not_found_threshold:
        return Located("not_found", cell, first)

    # A second peak, outside the first one's neighbourhood.
    half = np.float32(settings.target_neighborhood_scale) * (before.size / np.float32(scale)) / STRIDE / 2
    rest = scores.copy()
    rows, columns = (
        slice(max(round(middle - float(reach)), 0), min(round(middle + float(reach) + 1), side))
        for middle, reach in zip(cell, half, strict=True)
    )
    rest[rows, columns] = 0
    second, other = _peak(rest)

    if second > settings.distractor_threshold * first:
        # Which of both lies where the target was?
        expected = (before.position - position) / np.float32(STRIDE * scale)
        middle = np.float32((side - 1) / 2)
        far = settings.dispalcement_scale * side / 2
        moved, moved_other = (float(np.linalg.norm(float32(each) - middle - expected)) for each in (cell, other))
        if moved_other > far and moved < far:
            return Located("hard_negative", cell, first)
        if moved_other < far and moved > far:
            return Located("hard_negative", other, first)
        return Located("uncertain", cell, first)
    if second > settings.hard_negative_threshold * first and second > settings.target_not_found_threshold:
        return Located("hard_negative", cell, first)
    return Located("normal", cell, first)


#: While a target is lost, so many of its last scales are looked at, and of the large ones at least and at most so many used.
REMEMBERED, FEWEST, MOST = 60, 2, 30


def scale_while_lost(history: ListOf[float], counter: int) -> float:
    """The scale to search at while the target is not found: the mean of recent scales no smaller than the last.

    Args:
        history: scales of the frames on which it was found, at least one.
        counter: how often it was not found since the start; never reset, as released.
    """
    recent = [scale for scale in history[-REMEMBERED:] if scale >= history[-1]]
    return float(float32(recent[-min(max(counter, FEWEST), MOST) :]).mean())
