"""The clock of VOT's real-time experiment: frames arrive at the video's own rate, whether the tracker is ready or not.

A tracker that needs longer than one interval misses the frames that arrive meanwhile; there its last answer stands
(zero-order hold). Only the measured seconds of the tracker count, never reading or decoding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trackzoo.errors import SettingsError

#: Frames per second of sequences whose metadata does not say it.
USUAL_FPS = 20.0
#: So many late answers after each start are forgiven: a first call may build things.
GRACE = 3


@dataclass(frozen=True)
class RealTime:
    """Settings of the clock.

    Attributes:
        fps: frames per second; None takes the sequence's own, and 20 where it has none.
        grace: late answers that are forgiven after each start.
    """

    fps: float | None = None
    grace: int = GRACE

    def __post_init__(self) -> None:
        if self.fps is not None and not (
            isinstance(self.fps, int | float) and math.isfinite(self.fps) and self.fps > 0
        ):
            raise SettingsError(f"fps: found {self.fps}, expected frames per second, more than 0")
        if not isinstance(self.grace, int) or self.grace < 0:
            raise SettingsError(f"grace: found {self.grace}, expected a number of frames, 0 or more")

    def start(self, fps: float | None) -> Clock:
        """A clock for a sequence of that rate."""
        return Clock(1 / (self.fps or fps or USUAL_FPS), self.grace)


class Clock:
    """Counts the frames that pass while a tracker works.

    Args:
        interval: seconds between two frames.
        grace: late answers that are forgiven.
    """

    def __init__(self, interval: float, grace: int) -> None:
        self._interval, self._grace, self._missed = interval, grace, 0

    def spend(self, seconds: float) -> None:
        """The tracker took so long over the frame that it was given."""
        # A frame that arrives just as the tracker ends is not missed.
        missed = max(math.ceil(round(seconds / self._interval, 9)) - 1, 0)
        if missed and self._grace:
            self._grace -= 1
            missed = 0
        self._missed = missed

    def missed(self) -> bool:
        """Whether the tracker is still at work when the next frame arrives. Ask once a frame."""
        if self._missed:
            self._missed -= 1
            return True
        return False


class NoClock:
    """Lets the tracker take its time."""

    def spend(self, seconds: float) -> None:
        """Nothing counts."""

    def missed(self) -> bool:
        """Never."""
        return False
