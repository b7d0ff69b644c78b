"""A lane: one trial that is being run, with its conversation, its states and what it has got so far."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.engine.prefetch import FramePool, Reel
from trackzoo.frames import Frame
from trackzoo.sequence import ObjectId
from trackzoo.store.spool import Spool
from trackzoo.tracker import Prediction, Tracker
from trackzoo.trajectory import Trajectory
from trackzoo.trial import Track, Trial, TrialResult, Visit, timestamp


@dataclass(frozen=True)
class Task:
    """A trial to be run.

    Attributes:
        trial: the trial.
        alone: it was in a batch (or a worker) that broke down, and is run apart from others to see whether it was the cause.
    """

    trial: Trial
    alone: bool = False

    @property
    def key(self) -> tuple[int, str]:
        """(repetition, name): what tells it from every other of its run."""
        return self.trial.repeat, self.trial.name

    def __str__(self) -> str:
        return label(self.trial)


def label(trial: Trial) -> str:
    """What a message calls a trial."""
    return trial.name if trial.repeat == 0 else f"{trial.name} (repetition {trial.repeat})"


def check_prediction(prediction: object) -> Prediction:
    """A tracker's prediction, with its box as float64 and its mask as bool.

    Raises:
        TypeError: not a `Prediction`.
        ValueError: box or score are not finite, the box is not four numbers with sizes of at least zero, or the mask is no
            plane of booleans.
    """
    if not isinstance(prediction, Prediction):
        raise TypeError(f"the tracker returned {type(prediction).__name__}, expected Prediction")
    box = np.asarray(prediction.box, dtype=np.float64)
    if box.shape != (4,):
        raise ValueError(f"the tracker returned a box of shape {box.shape}, expected (4,)")
    if not np.isfinite(box).all():
        raise ValueError(f"the tracker returned the box {box.tolist()}, expected finite numbers")
    if (box[2:] < 0).any():
        raise ValueError(f"the tracker returned the box {box.tolist()}, expected a width and height of at least 0")
    if not np.isfinite(prediction.score):
        raise ValueError(f"the tracker returned the score {prediction.score}, expected a finite number")
    mask = None if prediction.mask is None else np.asarray(prediction.mask)
    if mask is not None and (mask.ndim != 2 or mask.dtype.kind not in "biu"):
        # Of probabilities nobody but the tracker knows where the object ends.
        raise ValueError(f"the tracker returned a mask of shape {mask.shape}, {mask.dtype}; expected (H, W) bool")
    if mask is not None and mask.dtype != np.bool_:
        mask = mask != 0
    return replace(prediction, box=box, score=float(prediction.score), mask=mask)


class Lane:
    """A trial that is being run.

    Args:
        task: the trial.
        pool: where its pictures come from.
        looks: whether the tracker looks at pixels.
        spool: folder for masks, where the trial's are to be kept.

    Opening it reads the annotation and begins the conversation: `visit` is the first visit, or None when there is none.

    Attributes:
        visit: what comes next; None at the end.
        frame: its frame, shared with whoever visits the same picture.
        states: object -> state.
        tracks: object -> what it has got so far.
        trajectory: what the trial returned at its end.
        stages: seconds by stage.
    """

    visit: Visit | None

    def __init__(self, task: Task, pool: FramePool, looks: bool, spool: Path | None = None) -> None:
        self.task, self._looks = task, looks
        self._began, self._wall = time.perf_counter(), time.time()
        self.states: dict[ObjectId, Any] = {}
        self.tracks: dict[ObjectId, Track] = {}
        self.trajectory: Trajectory | None = None
        self.stages: dict[str, float] = {"decode": 0.0, "tracker": 0.0}
        keeps = task.trial.keeps
        self._spool = Spool(spool, keeps) if spool is not None and keeps else None
        # The sequence is copied, so that neither what is read nor the reel stays behind in the person's own object.
        sequence = copy.copy(task.trial.sequence)
        frames = sequence.frames
        self.decoder = frames.decoder
        trial = replace(task.trial, sequence=sequence)
        self.reel: Reel = pool.open(frames, trial.frames_hint(), looks=looks)
        sequence.__dict__["frames"] = self.reel
        try:
            self._visits = trial.visits()
            self.visit = next(self._visits, None)
        except BaseException:
            self.reel.close()
            raise

    @property
    def frame(self) -> Frame:
        """Frame of the visit that comes next."""
        assert self.visit is not None
        return self.visit.frame

    @property
    def where(self) -> str:
        """The frame, for a message."""
        return f"frame {self.visit.frame.index} ({self.visit.frame.label})" if self.visit is not None else ""

    def wait(self) -> None:
        """Have the picture of the visit decoded. Raises `DataError`."""
        if self._looks:
            self.add("decode", self.reel.arrive(self.frame))
        elif self.frame.index < len(self.reel) and self.frame.key == self.reel.key(self.frame.index):
            self.reel.check(self.frame.index)

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds under a stage."""
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def keep(self, obj: ObjectId, prediction: Prediction, seconds: float, started: bool) -> None:
        """Note what an object got on this visit."""
        track = self.tracks.setdefault(obj, Track())
        track.frames.append(self.frame.index)
        track.boxes.append(prediction.box)
        track.scores.append(prediction.score)
        track.seconds.append(seconds)
        track.started.append(started)

    def keep_masks(self, predictions: Mapping[ObjectId, Prediction]) -> None:
        """Write the masks of this visit, where the trial keeps them. Raises `ValueError` for one that does not fit."""
        if self._spool is None or self.visit is None:
            return
        begin = time.perf_counter()
        piece = self.task.trial.keep(self.visit, predictions)
        if piece is not None:
            self._spool.add(self.frame.index, piece)
        self.add("masks", time.perf_counter() - begin)

    def advance(self, predictions: Mapping[ObjectId, Prediction]) -> None:
        """Tell the trial what was predicted; `visit` becomes the next one."""
        self.reel.depart()
        try:
            self.visit = self._visits.send(predictions)
        except StopIteration as end:
            self.visit, self.trajectory = None, end.value

    def result(self, facts: Mapping[str, Any]) -> TrialResult:
        """All that the trial leaves."""
        trial = self.task.trial
        return TrialResult(
            name=trial.name,
            repeat=trial.repeat,
            seed=trial.seed,
            tracks=self.tracks,
            stages=self.stages,
            record={
                "sequence": trial.sequence.name,
                "decoder": self.decoder,
                "frames": len(self.reel),
                "seconds": round(time.perf_counter() - self._began, 6),
                "started": timestamp(self._wall),
                "finished": timestamp(),
                **facts,
            },
            trajectory=self.trajectory,
            masks=None if self._spool is None else self._spool.finish(),
        )

    def close(self, tracker: Tracker[Any]) -> None:
        """Free the states and the pictures. Never raises what the tracker or the trial raises in doing so."""
        states, self.states = list(self.states.values()), {}
        # The result, or the error that is already being reported, is what matters.
        with contextlib.suppress(Exception):
            if states:
                tracker.release(states)
        with contextlib.suppress(Exception):
            self._visits.close()
        if self.visit is not None and self._spool is not None:
            self._spool.discard()
        self.reel.close()
