"""What a report is about: runs with their scores, gathered in boards. Plain data; nothing is read or drawn here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trackzoo.metrics.bootstrap import Interval
from trackzoo.metrics.types import Scores
from trackzoo.report.columns import Column, columns
from trackzoo.report.published import Figure, Row


@dataclass(frozen=True)
class Speed:
    """How fast a run was. It is a latency figure only where each frame had a lane, and the machine, to itself.

    Attributes:
        frames: frames that were timed, the first of each sequence included.
        seconds: their sum, in seconds.
        lanes: most objects that shared a call.
        jobs: most processes that ran at once; they compete for the machine.
        devices: names of the devices.
        shared: the run's records say that its machine was shared.
    """

    frames: int
    seconds: float
    lanes: int = 1
    jobs: int = 1
    devices: tuple[str, ...] = ()
    shared: bool = False

    @property
    def latency(self) -> bool:
        """Whether `fps` may be read as one over the time a frame takes."""
        return self.lanes == 1 and self.jobs == 1 and not self.shared

    @property
    def fps(self) -> float:
        """Frames per second: timed frames over their seconds; NaN where nothing was timed."""
        return self.frames / self.seconds if self.seconds > 0 else float("nan")


@dataclass(frozen=True)
class Deviation:
    """A figure of ours beside that of the tracker's own paper.

    Attributes:
        figure: what the paper prints, and under which profile.
        ours: computed under that profile, unrounded, in the unit of `Figure.percent`.
        version: the profile's version here.
        value: ours minus the paper's, both as the paper rounds.
    """

    figure: Figure
    ours: float
    version: int
    value: float


@dataclass(frozen=True)
class Entry:
    """One tracker's run on one data set, scored under one profile.

    Attributes:
        tracker: what the run is filed under.
        dataset: id of data set and split.
        protocol: how it was run.
        scores: metrics, curves, values per sequence.
        fingerprint: of the annotation that it was scored on.
        path: the run's folder.
        identity: what the run's `run.json` says.
        expected: the sequences that the run is meant to have.
        missing: those of them that it has not; empty for complete runs.
        repeats: number of repetitions that were averaged.
        frames: number of frames of each scored sequence (of `scores.names`, where those are objects).
        speed: how fast it was, where it was timed.
        random_weights: the network had no trained weights: its scores mean nothing.
        other_data: it was run on annotation with another fingerprint than that on disk now.
        as_released: boxes were cut to integers first.
        deviations: from the tracker's own paper.
        intervals: metric -> where the figure lies with some confidence, by resampling the sequences.
        remarks: what a reader must know of how the network's weights came to be.
    """

    tracker: str
    dataset: str
    protocol: str
    scores: Scores
    fingerprint: str
    path: Path
    identity: Mapping[str, Any] = field(default_factory=dict)
    expected: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    repeats: int = 1
    frames: tuple[int, ...] = ()
    speed: Speed | None = None
    random_weights: bool = False
    other_data: bool = False
    as_released: bool = False
    deviations: tuple[Deviation, ...] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every sequence that the run is meant to have is there."""
        return not self.missing

    @property
    def sequences(self) -> int:
        """Number of sequences that were scored."""
        return len(self.scores.sequences)


@dataclass(frozen=True)
class Board:
    """Runs that may be compared: same data set, protocol, profile, and sequences they are meant to have.

    Attributes:
        dataset: id of data set and split, e.g. `lasot-test`.
        name: of the data set alone, e.g. `lasot`.
        title: its name as papers print it, e.g. `LaSOT`.
        split: its split; empty where the data set has none.
        protocol: how the runs were made.
        profile: name of the profile.
        version: its version.
        describe: the profile in a few words.
        fingerprint: of the annotation on disk.
        names: the sequences that the runs are meant to have, in the benchmark's order.
        total: number of sequences of the whole split.
        entries: the runs, best first by the main metric; incomplete ones after the complete ones.
        attributes: sequence -> its attributes.
        published: figures of papers, best first; each carries its source, rounding and profile.
        common: entries were scored on the sequences that all have.
        notes: what a reader must know, a line each.
    """

    dataset: str
    name: str
    title: str
    split: str
    protocol: str
    profile: str
    version: int
    describe: str
    fingerprint: str
    names: tuple[str, ...]
    total: int
    entries: tuple[Entry, ...]
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: tuple[Row, ...] = ()
    common: bool = False
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of its table."""
        return columns(metric for entry in self.entries for metric in entry.scores.metrics)

    @property
    def main(self) -> Column:
        """The column that ranks."""
        return self.columns[0]

    @property
    def partial(self) -> bool:
        """Whether the runs were meant for a part of the split only."""
        return len(self.names) < self.total

    @property
    def key(self) -> str:
        """Short name, unique within a report, fit for file names."""
        text = (
            f"{self.dataset}-{self.profile}"
            if self.protocol == "ope"
            else f"{self.dataset}-{self.protocol}-{self.profile}"
        )
        if self.partial:
            digest = hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:6]
            text += f"-{len(self.names)}of{self.total}-{digest}"
        return "".join(letter if letter.isalnum() or letter in "-_.@+=" else "_" for letter in text)


@dataclass(frozen=True)
class Cross:
    """Some boxes under one profile.

    Attributes:
        profile: name of the profile.
        version: its version.
        kind: whose boxes: the tracker's, the annotation itself (the most that a tracker can reach), or the first box in every
            frame (what no tracking at all gives).
        scores: what they score; None where the profile refuses them.
        refused: why, in a line.
        intervals: see `Entry`.
    """

    profile: str
    version: int
    kind: Literal["run", "ceiling", "floor"]
    scores: Scores | None = None
    refused: str = ""
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class CrossBoard:
    """One tracker on one data set under every profile that applies to it.

    Attributes:
        tracker, dataset, name, title, split, protocol, fingerprint: as of `Board` and `Entry`.
        sequences: number of sequences that were scored.
        expected: number of sequences that the run is meant to have.
        rows: profile by profile: the run, the ceiling, the floor.
        others: profiles that are not made for the data set.
        as_released: boxes were cut to integers first.
    """

    tracker: str
    dataset: str
    name: str
    title: str
    split: str
    protocol: str
    fingerprint: str
    sequences: int
    expected: int
    rows: tuple[Cross, ...]
    others: tuple[str, ...] = ()
    as_released: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of its table."""
        return columns(metric for row in self.rows if row.scores is not None for metric in row.scores.metrics)

    @property
    def key(self) -> str:
        """Short name, unique within a report, fit for file names."""
        text = f"{self.dataset}-{self.protocol}-{self.tracker}-profiles"
        return "".join(letter if letter.isalnum() or letter in "-_.@+=" else "_" for letter in text)


@dataclass(frozen=True)
class Comparison:
    """All boards of a report, in order of the data sets, and what was left out.

    Attributes:
        boards: one a data set, protocol, profile and set of sequences.
        notes: what concerns all of it, a line each.
        crosses: trackers under every profile, where that was asked for.
    """

    boards: tuple[Board, ...]
    notes: tuple[str, ...] = ()
    crosses: tuple[CrossBoard, ...] = ()
