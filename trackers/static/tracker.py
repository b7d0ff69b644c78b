"""The floor: what a benchmark gives to a tracker that never looks."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker


@dataclass
class StaticState:
    """State of one object.

    Attributes:
        box: (4,) float64 `x, y, w, h` of the first frame.
    """

    box: Floats


class StaticTracker(Tracker[StaticState]):
    """Says the first box on every frame, unchanged to the last bit; decodes no picture."""

    looks = False

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[StaticState, Prediction]]:
        """See `Tracker.start`."""
        return [(StaticState(target.box.copy()), Prediction(target.box.copy())) for target in targets]

    def step(self, frames: ListOf[Frame], states: ListOf[StaticState]) -> list[Prediction]:
        """See `Tracker.step`."""
        return [Prediction(state.box.copy()) for state in states]
