"""Where the boxes of two runs part."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.geometry import Floats
from trackzoo.report.boxes_text import STEPS


@dataclass(frozen=True)
class Parting:
    """Where two sets of boxes part.

    Attributes:
        sequence: name of the first sequence, in the data set's order.
        frame: index of its first frame, from 0.
        now, then: the boxes (4,).
        gap: largest difference of a coordinate there, in pixels.
    """

    sequence: str
    frame: int
    now: Floats
    then: Floats
    gap: float

    def __str__(self) -> str:
        return (
            f"sequence '{self.sequence}' frame {self.frame} (from 0): box {_box(self.now)}, baseline {_box(self.then)}"
        )


def parting(
    names: ListOf[str], now: ListOf[Floats], then: ListOf[Floats], tolerance: float = 1 / STEPS
) -> Parting | None:
    """The first sequence and frame whose boxes differ by more than `tolerance` pixels in a coordinate, or None.

    NaN parts from numbers and agrees with NaN. The default is what the stored boxes resolve.
    """
    for name, ours, theirs in zip(names, now, then, strict=True):
        rows = min(len(ours), len(theirs))
        apart = _apart(ours[:rows], theirs[:rows])
        differing = np.flatnonzero(apart > tolerance)
        if differing.size:
            frame = int(differing[0])
            return Parting(name, frame, ours[frame], theirs[frame], float(apart[frame]))
    return None


def _apart(ours: Floats, theirs: Floats) -> Floats:
    """(N,) largest difference of a coordinate; infinite where one alone is NaN."""
    gaps = np.abs(ours - theirs)
    unknown = np.isnan(ours), np.isnan(theirs)
    gaps[unknown[0] ^ unknown[1]] = np.inf
    gaps[unknown[0] & unknown[1]] = 0
    # Infinite boxes agree with themselves.
    gaps[ours == theirs] = 0
    return np.asarray(gaps.max(axis=1)) if len(gaps) else np.zeros(0)


def gap(now: ListOf[Floats], then: ListOf[Floats]) -> float:
    """Largest difference of a coordinate, in pixels; see `parting`."""
    return max((float(_apart(a, b).max(initial=0)) for a, b in zip(now, then, strict=True)), default=0.0)


def _box(box: Floats) -> str:
    return ",".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in box)
