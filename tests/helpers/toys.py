"""A small data set in memory and trackers that behave, or misbehave, on purpose. Importable in worker processes too."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from trackzoo.errors import DataError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.protocols.ope import OnePass, OnePassTrial
from trackzoo.registry import TrackerChoice
from trackzoo.sequence import Annotation, Dataset, Problem, Sequence, Target
from trackzoo.tracker import Prediction, Tracker, TrackerSpec
from trackzoo.trial import Trial

SIZE = (64, 48)


def picture(name: str, index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture that differs with sequence and frame."""
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "little")
    values = (np.arange(SIZE[0] * SIZE[1] * 3) * 7 + start + 13 * index) % 251
    return values.reshape(SIZE[1], SIZE[0], 3).astype(np.uint8)


def painted(name: str, index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """As `picture`, but those of a sequence called `torn…` cannot be decoded from the fourth on."""
    if name.startswith("torn") and index >= 3:
        raise DataError(f"{name}/{index}.jpg", "data that cannot be decoded", "an image")
    return picture(name, index)


def annotate(length: int, first: tuple[float, ...]) -> Annotation:
    boxes = np.tile(np.array(first, dtype=np.float64), (length, 1))
    boxes[1:, 0] += np.arange(1, length)
    return Annotation(boxes, np.ones(length, dtype=bool))


class Toy(Dataset):
    """Sequences in memory.

    Args:
        lengths: sequence -> number of frames.
        firsts: sequence -> first box, where it is another than the usual one.
        here: sequences that are available; default all.
        make: what paints a picture.
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        firsts: Mapping[str, tuple[float, ...]] | None = None,
        here: ListOf[str] | None = None,
        id: str = "toy",
        make: Callable[[str, int], Any] = painted,
    ) -> None:
        super().__init__(id, None)
        self.lengths_, self.firsts, self.here, self.make = dict(lengths), dict(firsts or {}), here, make

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.lengths_)

    def sequence(self, name: str) -> Sequence:
        length = self.lengths_[name]
        first = self.firsts.get(name, (10.0, 12.0, 16.5, 9.25))
        frames = ArrayFrames(partial(self.make, name), length, f"{self.id}/{name}")
        return Sequence(name, self.id, partial(annotate, length, first), frames)

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        return []

    def available(self) -> tuple[str, ...]:
        return self.names if self.here is None else tuple(self.here)

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        digest = hashlib.sha256()
        for name in self.available() if names is None else names:
            digest.update(f"{name} {self[name].boxes.tolist()}\n".encode())
        return digest.hexdigest()


@dataclass
class WalkState:
    box: np.ndarray[Any, np.dtype[np.float64]]
    random: np.random.Generator
    steps: int = 0
    seen: list[int] = field(default_factory=list)


class Walk(Tracker[WalkState]):
    """Walks as pixels, seed and its own memory say; the same whatever stands beside it in a batch."""

    #: Sizes of the batches that `start` and `step` were called with, in order.
    calls: ClassVar[list[tuple[str, int]]] = []
    #: States that were begun and not released.
    alive: ClassVar[set[int]] = set()

    def __init__(self, *, device: str = "cpu", dtype: str = "fp32", stride: float = 1.0, wait: float = 0.0) -> None:
        super().__init__(device=device, dtype=dtype)
        self.stride, self.wait = stride, wait

    @classmethod
    def reset(cls) -> None:
        cls.calls.clear()
        cls.alive.clear()

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[WalkState, Prediction]]:
        self.calls.append(("start", len(frames)))
        found = []
        for target, seed in zip(targets, seeds, strict=True):
            state = WalkState(target.box.copy(), np.random.default_rng(seed))
            self.alive.add(id(state))
            found.append((state, Prediction(target.box.copy())))
        return found

    def step(self, frames: ListOf[Frame], states: ListOf[WalkState]) -> list[Prediction]:
        self.calls.append(("step", len(frames)))
        time.sleep(self.wait)
        found = []
        with self.stage("walk"):
            for frame, state in zip(frames, states, strict=True):
                self.meet(frame)
                mean = float(frame.array()[: 4 + state.steps % 5].mean())
                state.steps += 1
                state.box[:2] += self.stride * np.array([mean / 100 - 1, state.random.normal() / 3])
                state.box[2:] *= 1 + state.random.normal() / 100
                found.append(Prediction(state.box.copy(), mean / 255))
        return found

    def meet(self, frame: Frame) -> None:
        """What subclasses do before each step."""

    def release(self, states: ListOf[WalkState]) -> None:
        for state in states:
            self.alive.discard(id(state))


class Particular(Walk):
    """Does not begin with a box alone."""

    takes = gives = frozenset({"box", "mask"})

    def needs_mask(self) -> str:
        return "a box alone is not enough"


class Trips(Walk):
    """Fails on the fifth frame of every sequence whose name has `bad` in it."""

    def meet(self, frame: Frame) -> None:
        if "bad" in frame.label and frame.index == 4:
            raise RuntimeError("the ground gave way")


class Dies(Walk):
    """Is killed on the fifth frame of every sequence whose name has `bad` in it."""

    def meet(self, frame: Frame) -> None:
        if "bad" in frame.label and frame.index == 4:
            os.kill(os.getpid(), signal.SIGKILL)


class Drunk(Walk):
    """Returns a box that is not finite on the fifth frame of every sequence whose name has `bad` in it."""

    def step(self, frames: ListOf[Frame], states: ListOf[WalkState]) -> list[Prediction]:
        found = super().step(frames, states)
        return [
            Prediction(np.full(4, np.nan)) if "bad" in frame.label and frame.index == 4 else prediction
            for frame, prediction in zip(frames, found, strict=True)
        ]


class Greedy(Walk):
    """Breaks down when it is given more than two objects at once."""

    def step(self, frames: ListOf[Frame], states: ListOf[WalkState]) -> list[Prediction]:
        if len(frames) > 2:
            for state in states[:2]:
                state.box[:] = -1  # half updated
            raise MemoryError("too many")
        return super().step(frames, states)


class Counted(Walk):
    """Says how many steps this process has made before: the score differs unless each trial has a process of its own."""

    made: ClassVar[int] = 0

    def step(self, frames: ListOf[Frame], states: ListOf[WalkState]) -> list[Prediction]:
        found = super().step(frames, states)
        type(self).made += 1
        return [Prediction(prediction.box, float(self.made)) for prediction in found]


class Unborn(Walk):
    """Cannot be made."""

    def __init__(self, **settings: Any) -> None:
        raise OSError("no such model")


def choice(kind: type[Tracker[Any]] = Walk, *, settings: dict[str, Any] | None = None, **facts: Any) -> TrackerChoice:
    """A tracker of this module as the registry would look it up."""
    spec = TrackerSpec(
        name=kind.__name__.lower(), title=kind.__name__, factory=f"{__name__}:{kind.__name__}", summary="", **facts
    )
    return TrackerChoice(spec.name, spec, dict(settings or {}))


class Alone(OnePassTrial):
    """Wants the machine to itself."""

    exclusive = True


class Mixed(OnePass):
    """Every other trial wants the machine to itself."""

    name = "mixed"

    def trials(self, dataset: Any, names: Any, repeats: int = 1, seed: int = 0) -> list[Trial]:
        made = super().trials(dataset, names, repeats, seed)
        return [Alone(trial.sequence, trial.seed) if at % 2 else trial for at, trial in enumerate(made)]
