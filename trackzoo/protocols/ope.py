"""One-pass evaluation (OPE): start on the first frame with the annotated box, never look back (OTB, LaSOT, GOT-10k …)."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.errors import DataError, SettingsError
from trackzoo.frames import Frame
from trackzoo.sequence import Dataset, Sequence, Target
from trackzoo.tracker import check_first_box
from trackzoo.trial import Protocol, Trial, Visit, Visits, trial_seed

OBJECT = 1


def first_target(sequence: Sequence, frame: Frame) -> Target:
    """What the tracker is told on the first frame. Raises `DataError` when the first box cannot start a tracker."""
    box = sequence.boxes[0]
    try:
        check_first_box(box, frame.size, sequence.name)
    except SettingsError as error:
        raise DataError(
            frame.label,
            str(error).split(": ", 1)[1],
            "a first box with area inside the picture",
            f"mend the first annotation row of '{sequence.name}' or leave the sequence out with --sequences",
        ) from None
    mask = sequence.masks.mask(0, OBJECT) if sequence.masks is not None else None
    return Target(np.array(box), mask, sequence.text, OBJECT)


@dataclass(frozen=True)
class OnePassTrial(Trial):
    """The sequence from its first frame to its last."""

    def visits(self) -> Visits:
        """First frame with the annotated target, then every frame in order."""
        for index, frame in enumerate(self.sequence.frames):
            if index == 0:
                yield Visit(frame, start={OBJECT: first_target(self.sequence, frame)})
            else:
                yield Visit(frame, step=(OBJECT,))


class OnePass(Protocol):
    """One trial a sequence and repetition."""

    name = "ope"

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        return [
            OnePassTrial(dataset[name], trial_seed(seed, name, repeat), repeat)
            for repeat in range(repeats)
            for name in names
        ]
