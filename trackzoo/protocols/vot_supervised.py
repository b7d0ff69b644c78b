"""VOT's reset-based experiment (VOT2015 to 2019): a tracker that loses the target is started again five frames later.

One trial a sequence and repetition. Its trajectory has one entry a frame: code 1 where the tracker was started, 2 where the
overlap of its region with the annotated one was 0, 0 on the frames that were skipped after that.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

from trackzoo.protocols.vot_common import (
    OBJECT,
    RegionProtocol,
    RegionTrial,
    answer,
    region_of,
    size_of,
    usable,
)
from trackzoo.rasterise import region_overlap, trimmed
from trackzoo.regions import Region, Special
from trackzoo.sequence import Dataset
from trackzoo.trial import Trial, Visit, Visits, trial_seed

#: Frames from a failure to the next start.
SKIP = 5
#: Repetitions of trackers with randomness.
REPETITIONS = 15


@dataclass(frozen=True)
class SupervisedTrial(RegionTrial):
    """The sequence from its first frame to its last, with restarts."""

    def visits(self) -> Visits:
        """Looks at the overlap after each step; the trajectory comes back at the end."""
        regions = self.regions()
        size, ignore = size_of(self.sequence), self.sequence.annotation.ignore
        found, clock = self.trajectory(f"{self.sequence.name}_{self.repeat + 1:03d}"), self.started()
        last: Region = Special(0)
        running = False
        rest = 0
        for index, region in enumerate(regions):
            if not running:
                # A start waits for a frame on which the target is annotated.
                if rest or not usable(region):
                    rest = max(rest - 1, 0)
                    found.skip()
                    continue
                prediction, seconds = answer((yield self.start(index)))
                running, clock = True, self.started()
                clock.spend(seconds)
                last = region_of(prediction, self.masks)
                found.put(Special(1), seconds, prediction.score)
                continue
            spent: float | None = None
            score: float | None = None
            if not clock.missed():
                prediction, spent = answer((yield Visit(self.sequence.frames[index], step=(OBJECT,))))
                clock.spend(spent)
                last, score = region_of(prediction, self.masks), prediction.score
            if region_overlap(last, trimmed(region), size, trimmed(ignore[index]) if ignore else None) <= 0:
                running, rest = False, SKIP - 1
                found.put(Special(2), spent, score)
            else:
                found.put(last, spent, score)
        return found

    def frames_hint(self) -> ListOf[int]:
        """All; those after a failure turn out not to be needed."""
        return range(len(self.sequence.frames))


class Supervised(RegionProtocol):
    """One trial a sequence and repetition."""

    name = "vot-supervised"
    trial: type[RegionTrial] = SupervisedTrial

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        return [
            self.trial(dataset[name], trial_seed(seed, name, repeat), repeat, self.rule, self.corner, dataset.has_masks)
            for repeat in range(repeats)
            for name in names
        ]

    def settings(self) -> dict[str, Any]:
        """The rule for the first box, and the frames that are skipped after a failure."""
        return {**super().settings(), "skip": SKIP}

    def usual_repeats(self, deterministic: bool) -> int:
        """15; one for trackers without randomness, whose repetitions would be equal."""
        return 1 if deterministic else REPETITIONS
