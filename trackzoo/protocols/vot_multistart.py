"""VOT's anchor-based experiment (VOT2020 to 2022): runs from anchors, forward or backward, without restarts.

The benchmark names the anchors (`anchor.value`: above 0 forward, below 0 backward). Each gives one trial, from the anchor to
that end of the video. Its trajectory has one entry a visited frame, in the order of the visits; the anchor's is code 1.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.errors import DataError
from trackzoo.protocols.vot_common import OBJECT, RegionProtocol, RegionTrial, answer, region_of
from trackzoo.regions import Region, Special
from trackzoo.sequence import Dataset, Sequence
from trackzoo.trial import Trial, Visit, Visits, trial_seed


def anchors(sequence: Sequence) -> list[tuple[int, bool]]:
    """(frame, whether backward) of a sequence's anchors: all forward ones, then all backward ones.

    Raises:
        DataError: the annotation cannot be read, or names no anchor.
    """
    marks = sequence.annotation.labels.get("anchor")
    if marks is None or not np.nan_to_num(marks).any():
        raise DataError(
            sequence.name,
            "no anchor" if marks is not None else "no file anchor.value",
            "frames where runs begin (VOT2020 and later)",
            "--protocol vot-supervised needs none",
        )
    marks = np.nan_to_num(marks)
    forward, backward = np.flatnonzero(marks > 0), np.flatnonzero(marks < 0)
    return [(int(index), False) for index in forward] + [(int(index), True) for index in backward]


def trial_name(sequence: str, anchor: int) -> str:
    """Name of a trial, and of its files: `ants1_00000050`."""
    return f"{sequence}_{anchor:08d}"


def visited(anchor: int, backward: bool, length: int) -> range:
    """Frames of a run in the order of the visits."""
    return range(anchor, -1, -1) if backward else range(anchor, length)


@dataclass(frozen=True)
class MultistartTrial(RegionTrial):
    """One run from an anchor.

    Attributes:
        anchor: frame on which it begins.
        backward: it goes to the first frame, not to the last.
    """

    anchor: int = 0
    backward: bool = False

    @property
    def name(self) -> str:
        """Sequence and anchor."""
        return trial_name(self.sequence.name, self.anchor)

    def visits(self) -> Visits:
        """From the anchor to the end; the trajectory comes back at the end."""
        length = len(self.regions())
        anchors(self.sequence)  # says what is missing, should a run have been planned without
        found, clock = self.trajectory(self.name), self.started()
        last: Region = Special(0)
        for index in visited(self.anchor, self.backward, length):
            if index == self.anchor:
                prediction, seconds = answer((yield self.start(index)))
                clock.spend(seconds)
                last = region_of(prediction, self.masks)
                found.put(Special(1), seconds, prediction.score)
            elif clock.missed():
                found.put(last)
            else:
                prediction, seconds = answer((yield Visit(self.sequence.frames[index], step=(OBJECT,))))
                clock.spend(seconds)
                last = region_of(prediction, self.masks)
                found.put(last, seconds, prediction.score)
        return found

    def frames_hint(self) -> ListOf[int]:
        """From the anchor on."""
        return visited(self.anchor, self.backward, len(self.sequence.frames))

    def length(self) -> int:
        """Frames from the anchor on."""
        return len(self.frames_hint())


class Multistart(RegionProtocol):
    """One trial an anchor and repetition."""

    name = "vot-multistart"
    trial: type[MultistartTrial] = MultistartTrial

    def __init__(self, first_box: str = "bounds") -> None:
        super().__init__(first_box)
        self._anchors: dict[tuple[str, str], list[tuple[int, bool]]] = {}

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        return [
            self.trial(
                dataset[name],
                trial_seed(seed, trial_name(name, anchor), repeat),
                repeat,
                self.rule,
                self.corner,
                dataset.has_masks,
                anchor=anchor,
                backward=backward,
            )
            for repeat in range(repeats)
            for name in names
            for anchor, backward in self.anchors(dataset, name)
        ]

    def anchors(self, dataset: Dataset, name: str) -> list[tuple[int, bool]]:
        """Anchors of a sequence, read once. One that cannot be read has a single trial, which fails with the reason."""
        key = (dataset.id, name)
        if key not in self._anchors:
            try:
                self._anchors[key] = anchors(dataset[name])
            except DataError:
                self._anchors[key] = [(0, False)]
        return self._anchors[key]
