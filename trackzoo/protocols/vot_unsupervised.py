"""VOT's unsupervised experiment: one pass from the first frame, results as regions."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

from trackzoo.errors import DataError
from trackzoo.protocols.vot_common import OBJECT, RegionTrial, answer, region_of, usable
from trackzoo.protocols.vot_supervised import Supervised
from trackzoo.regions import Special
from trackzoo.trial import Visit, Visits


@dataclass(frozen=True)
class UnsupervisedTrial(RegionTrial):
    """The sequence from the target's first frame to its last."""

    def visits(self) -> Visits:
        """Starts once; the trajectory comes back at the end."""
        regions = self.regions()
        first = next((index for index, region in enumerate(regions) if usable(region)), None)
        if first is None:
            raise DataError(self.sequence.name, "no frame with a target", "one at least", "leave the sequence out")
        found = self.trajectory(f"{self.sequence.name}_{self.repeat + 1:03d}")
        found.skip(first)
        prediction, seconds = answer((yield self.start(first)))
        found.put(Special(1), seconds, prediction.score)
        for index in range(first + 1, len(regions)):
            prediction, seconds = answer((yield Visit(self.sequence.frames[index], step=(OBJECT,))))
            found.put(region_of(prediction, self.masks), seconds, prediction.score)
        return found

    def frames_hint(self) -> ListOf[int]:
        """All."""
        return range(len(self.sequence.frames))


class Unsupervised(Supervised):
    """One trial a sequence and repetition."""

    name = "vot-unsupervised"
    trial: type[RegionTrial] = UnsupervisedTrial

    def settings(self) -> dict[str, Any]:
        """The rule for the first box."""
        return {key: value for key, value in super().settings().items() if key != "skip"}

    def usual_repeats(self, deterministic: bool) -> int:
        """One."""
        return 1
