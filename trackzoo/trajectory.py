"""What a trial leaves where boxes alone do not tell it: a region or a code for each frame (VOT's protocols)."""

from __future__ import annotations

from dataclasses import dataclass, field

from trackzoo.regions import Region, Special


@dataclass
class Trajectory:
    """Raw results of one trial, in the order in which the frames were visited. L = number of frames it is about.

    Attributes:
        group: folder of its files within the run's folder: the sequence.
        name: of its files, without ending.
        regions: L regions; `Special` codes where there is none (0 unknown or skipped, 1 started here, 2 failed here).
        seconds: L seconds that the tracker took, None on frames that it was not asked about.
        scores: L scores, likewise.
    """

    group: str
    name: str
    regions: list[Region] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)

    def put(self, region: Region, seconds: float | None = None, score: float | None = None) -> None:
        """Add a frame."""
        self.regions.append(region)
        self.seconds.append(seconds)
        self.scores.append(score)

    def skip(self, count: int = 1) -> None:
        """Add frames that the tracker did not see."""
        for _ in range(count):
            self.put(Special(0))

    def __len__(self) -> int:
        return len(self.regions)
