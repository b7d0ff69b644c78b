"""One run of one tracker over one sequence, and what comes out of it.

A `Trial` is plain picklable data; on the worker `visits()` is a generator that says which frame comes next, which objects
begin there and which are tracked, and is sent the predictions. The engine knows only trials; protocols make them.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.frames import Frame
from trackzoo.sequence import Dataset, ObjectId, Sequence, Target
from trackzoo.tracker import Prediction, TrackerSpec
from trackzoo.trajectory import Trajectory

#: How a trial keeps masks: a file a frame, or a line a frame in one file.
FILES, LINES = "files", "lines"


@dataclass(frozen=True)
class Visit:
    """One frame of a trial.

    Attributes:
        frame: the frame.
        start: objects that begin here.
        step: objects that are tracked here (each was started on an earlier visit).
    """

    frame: Frame
    start: Mapping[ObjectId, Target] = field(default_factory=dict)
    step: tuple[ObjectId, ...] = ()


class Answers(dict[ObjectId, Prediction]):
    """What a trial is sent for a visit: the predictions of the objects named in it, and what they cost.

    Attributes:
        seconds: object -> seconds that the tracker took, measured as for `Track.seconds`.
    """

    def __init__(self, predictions: Mapping[ObjectId, Prediction], seconds: Mapping[ObjectId, float]) -> None:
        super().__init__(predictions)
        self.seconds = dict(seconds)


@dataclass(frozen=True)
class Piece:
    """What a trial keeps of the masks of one frame.

    Attributes:
        name: of its file, for trials that keep files.
        data: content of the file, or a line with its end.
        size: (width, height) of the picture.
    """

    name: str
    data: bytes
    size: tuple[int, int]


#: Yields visits, is sent `Answers`, and may return a `Trajectory` where boxes alone do not tell what happened.
Visits = Generator[Visit, Mapping[ObjectId, Prediction], Any]


@dataclass(frozen=True)
class Trial(ABC):
    """One run of one tracker. Plain data, picklable.

    Attributes:
        sequence: the video.
        seed: source of all the tracker's randomness in this trial.
        repeat: number of the repetition, from 0.
    """

    sequence: Sequence
    seed: int = 0
    repeat: int = 0

    #: Needs a worker to itself (its clock is part of the protocol).
    exclusive = False
    #: Its objects compete for pixels: on each visit `Tracker.merge` is given all that were started so far, also a single one.
    competes = False

    @property
    def brings_mask(self) -> bool:
        """Whether an object may be started with a mask beside its box; asked before a run, may read the annotation."""
        return True

    @property
    def keeps(self) -> str:
        """How it keeps masks: `files`, `lines`, or empty where it keeps none (see `keep`)."""
        return ""

    def keep(self, visit: Visit, predictions: Mapping[ObjectId, Prediction]) -> Piece | None:
        """What is written of a visit's masks, asked once a visit, after the objects were merged; None: nothing."""
        return None

    @property
    def name(self) -> str:
        """Unique within its repetition; what the result file is named after."""
        return self.sequence.name

    @abstractmethod
    def visits(self) -> Visits:
        """The run, as a conversation: yields visits, is sent the predictions of the objects named in them."""

    def frames_hint(self) -> ListOf[int]:
        """Indices of the frames that will probably be visited, in order, for the decoder."""
        return range(len(self.sequence.frames))

    def length(self) -> int:
        """About how many visits; longer trials are run first."""
        return len(self.sequence.frames)


class Protocol(ABC):
    """Turns a dataset into trials.

    Class attributes: `name` is part of the results' path, `version` rises when equal settings would give other trials.
    """

    name: str
    version: int = 1

    @abstractmethod
    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """Trials of `names` (in that order), each repetition with its own seed."""

    def settings(self) -> dict[str, Any]:
        """What the results depend on, as plain values; part of the run's identity."""
        return {}

    def wants(self, dataset: Dataset) -> frozenset[str]:
        """What its trials use of a prediction: `boxes`, and `masks` where a mask is kept; see `Tracker.wants`."""
        return frozenset({"boxes"})

    def usual_repeats(self, deterministic: bool) -> int:
        """Repetitions where nobody asks for a number. `deterministic`: as the tracker says of itself."""
        return 1

    def fitted(self, name: str, spec: TrackerSpec) -> Protocol:
        """The protocol as it runs a tracker: settings that the person left open follow from what that takes.

        Args:
            name: what results are filed under.
            spec: of the tracker.

        Raises:
            SettingsError: such a tracker cannot be run so; says what helps.
        """
        return self


def trial_seed(seed: int, sequence: str, repeat: int) -> int:
    """Seed (0 ≤ s < 2³¹) of one trial; the same on every machine and independent of the order of trials."""
    digest = hashlib.sha256(f"{seed}/{sequence}/{repeat}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1


def timestamp(seconds: float | None = None) -> str:
    """A time (now, or seconds since the epoch) as ISO 8601 in UTC, to the millisecond."""
    seconds = time.time() if seconds is None else seconds
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


@dataclass
class Track:
    """What one object got during a trial. M = number of visits in which it was started or stepped.

    Attributes:
        frames: M frame indices.
        boxes: M boxes (4,) float64.
        scores: M scores.
        seconds: M seconds that the tracker took, measured around its call, shared equally among the lanes of the call.
        started: M flags: the object was (re-)started here.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[np.ndarray[Any, Any]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    started: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class StreamedMasks:
    """Masks of a finished trial, written but not yet in the store. M = number of frames.

    Attributes:
        kind: `files` or `lines`.
        path: folder of the files, or the file of the lines.
        frames: M frame indices.
        size: (width, height) of the pictures.
        digests: name -> SHA-256 of each of M files in order, or of the whole under the empty name.
        keep: the files at `path` are somebody else's: they are copied, not moved.
    """

    kind: str
    path: Path
    frames: tuple[int, ...]
    size: tuple[int, int]
    digests: Mapping[str, str]
    keep: bool = False


@dataclass
class TrialResult:
    """All that a finished trial leaves.

    Attributes:
        name: the trial's name.
        repeat: its repetition.
        seed: its seed.
        tracks: object -> track.
        stages: seconds by stage (`decode` is time the worker waited for pictures, `tracker` the calls, and whatever
            stages the plugin marks), this trial's share.
        record: device, host, lanes, dtype, versions … as plain values.
        trajectory: regions and codes, from trials that return them; it is stored in place of the tracks.
        masks: from trials that keep them.
    """

    name: str
    repeat: int
    seed: int
    tracks: dict[ObjectId, Track]
    stages: dict[str, float] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    trajectory: Trajectory | None = None
    masks: StreamedMasks | None = None
