"""The interface of a tracker: a batch of independent objects in, boxes (and masks) out.

A tracker holds a network and settings and never changes while tracking; all that changes belongs to the `State` of one
object. `start` and `step` take lists, so a batch of one is the ordinary tracker and a batch of sixteen is the fast one.
This module imports no torch.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence as ListOf
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.errors import SettingsError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import Floats
from trackzoo.sequence import Target

State = TypeVar("State")


@dataclass(frozen=True)
class Prediction:
    """What a tracker says about one object on one frame.

    Attributes:
        box: (4,) float64 `x, y, w, h` in the picture's pixels, always finite.
        score: finite, higher is surer; its range is the plugin's to state (`TrackerSpec.score_range`).
        mask: (H, W) bool, from trackers that give masks and where `wants` asks for them.
        trace: named maps, flags, memory decisions; filled only while a probe is attached.
    """

    box: Floats
    score: float = 1.0
    mask: NDArray[np.bool_] | None = None
    trace: Mapping[str, Any] | None = None


class StageClock:
    """Adds up seconds by stage; the engine attaches one to the tracker it drives.

    Args:
        synchronize: called before each reading, so that work queued on a device is counted where it was asked for.
    """

    def __init__(self, synchronize: Callable[[], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._synchronize = synchronize
        self._inner: list[float] = []
        self._prefix = ""

    def within(self, prefix: str) -> StageClock:
        """A clock for a part of what this one measures: it counts into the same seconds, each name behind `prefix`."""
        part = StageClock(self._synchronize)
        part.seconds, part._inner, part._prefix = self.seconds, self._inner, self._prefix + prefix
        return part

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the block under `name`; what stages within it count is theirs, so that all add up."""
        if self._synchronize:
            self._synchronize()
        begin = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            if self._synchronize:
                self._synchronize()
            spent, inner = time.perf_counter() - begin, self._inner.pop()
            if self._inner:
                self._inner[-1] += spent
            name = self._prefix + name
            self.seconds[name] = self.seconds.get(name, 0.0) + spent - inner


class Instrumented:
    """What trackers and refiners have in common: a device, a precision, a clock, a probe.

    Args:
        device: torch device name, e.g. `cpu`, `cuda:0`.
        dtype: `fp32`, `fp16` or `bf16`.
    """

    #: What the caller will use: `boxes` always, `masks` where asked for; spares mask output where nobody asks.
    wants: frozenset[str] = frozenset({"boxes"})
    #: Whether its network was never trained, so that what it says means nothing; set where it is loaded.
    random_weights: bool = False

    def __init__(self, *, device: str = "cpu", dtype: str = "fp32") -> None:
        self.device, self.dtype = device, dtype
        self._clock: StageClock | None = None
        self._probe: Callable[[str, Any], None] | None = None

    def identity(self) -> Mapping[str, Any]:
        """What the boxes depend on beyond name, settings and weights, as plain values; part of a run's identity.

        Libraries that do the tracking (with version), SHA-256 of files that the user names, and the like.
        """
        return {}

    def clock(self, clock: StageClock | None) -> None:
        """Attach (or detach) the engine's clock."""
        self._clock = clock

    def stage(self, name: str) -> AbstractContextManager[None]:
        """`with self.stage("network"):` marks a stage for the engine's clock; costs nothing without one."""
        return self._clock.stage(name) if self._clock is not None else nullcontext()

    def attach(self, probe: Callable[[str, Any], None] | None) -> None:
        """Attach (or detach) a probe: called with name and value wherever the plugin offers one."""
        self._probe = probe

    def probe(self, name: str, value: Any) -> None:
        """Offer a value to the probe, if there is one."""
        if self._probe is not None:
            self._probe(name, value)


class Tracker(Instrumented, ABC, Generic[State]):
    """Base class of every tracker plugin.

    Args:
        device: torch device name, e.g. `cpu`, `cuda:0`.
        dtype: `fp32`, `fp16` or `bf16`; plugins without a network ignore it.
        settings: the variant's settings as keyword arguments of the subclass, held to their annotations; unknown ones raise
            `TypeError` (or `UnknownSetting`, where `trackzoo.settings.changed` puts them into a dataclass).

    Subclasses implement `start` and `step`; the rest has defaults. What a batch gives for one object must not depend on its
    neighbours, up to floating-point noise.
    """

    #: What a person's own class (`--tracker module:Class`) takes and may give, of `box`, `mask`, `text`; one that says less is
    #: refused where it cannot do before it is run. A plugin's `TrackerSpec` says it instead.
    takes: ClassVar[frozenset[str]] = frozenset({"box", "mask"})
    gives: ClassVar[frozenset[str]] = frozenset({"box", "mask"})
    #: Whether it looks at pixels at all; for one that does not, no picture is decoded.
    looks: bool = True

    @abstractmethod
    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[State, Prediction]]:
        """Begin with B objects.

        Args:
            frames: B frames, one an object (the same frame may stand several times).
            targets: B targets; `box` is finite, of positive size, and touches the picture.
            seeds: B seeds; all randomness of an object comes from its own.

        Returns:
            B pairs of a new state and the prediction for the first frame (usually the given box).
        """

    @abstractmethod
    def step(self, frames: ListOf[Frame], states: ListOf[State]) -> list[Prediction]:
        """Find B objects on their next frames; updates the states in place. Returns B predictions."""

    def merge(self, states: ListOf[State], predictions: ListOf[Prediction]) -> list[Prediction]:
        """Settle competing masks among the objects of one video; the default leaves the predictions as they are.

        Under protocol `vos` it is called on every frame of a video, after `step` and `start`, with all objects that were
        started so far, those that begin on this frame behind the others, and also for a video of one object. What comes back
        is what is kept; what the next frame needs of it (merged probabilities) goes into the states. Other protocols never
        call it.
        """
        return list(predictions)

    def needs_mask(self) -> str:
        """Why an object cannot begin with its box alone, as a line for a person; empty where it can.

        A run none of whose trials brings a mask is refused with it before it begins. A tracker that says so here refuses such
        an object in `start`, too.
        """
        return ""

    def release(self, states: ListOf[State]) -> None:
        """Free what the states hold beyond ordinary memory (slots of an arena)."""

    def arena(self, lanes: int) -> None:
        """Allocate for `lanes` objects at once; called before the first `start`. Optional.

        A video may have several objects: with protocol `vos` more may be started at once, so an arena must be able to grow.
        """

    def track(
        self,
        video: Iterable[NDArray[np.uint8]],
        box: ArrayLike,
        *,
        mask: NDArray[np.bool_] | None = None,
        text: str | None = None,
        seed: int = 0,
    ) -> Iterator[Prediction]:
        """One object through a person's own frames: yields one prediction a frame, the first for the given box.

        Args:
            video: pictures (H, W, 3) uint8 RGB.
            box: `x, y, w, h` in pixels on the first picture.
            mask: (H, W) bool of the target on the first picture, where known.
            text: description, where known.
            seed: for trackers with randomness.

        Raises:
            SettingsError: the box is not finite, has no size, or lies outside the first picture.
        """
        state: State | None = None
        try:
            for index, picture in enumerate(video):
                frame = ArrayFrames(_Constant(picture), index + 1, f"video@{id(self):x}")[index]
                if state is None:
                    target = Target(check_first_box(box, frame.size, "first frame"), mask, text)
                    [(state, prediction)] = self.start([frame], [target], [seed])
                else:
                    [prediction] = self.step([frame], [state])
                yield prediction
        finally:
            if state is not None:
                self.release([state])


@dataclass(frozen=True)
class _Constant:
    """Gives the same picture whatever the index."""

    picture: NDArray[np.uint8]

    def __call__(self, index: int) -> NDArray[np.uint8]:
        return self.picture


def check_first_box(box: ArrayLike, size: tuple[int, int], where: str) -> Floats:
    """A target's first box (4,) float64, or a `SettingsError` that says what is wrong with it.

    Args:
        box: `x, y, w, h` in pixels.
        size: (width, height) of the picture.
        where: what to call the place in the message.
    """
    array = np.asarray(box, dtype=np.float64)
    if array.shape != (4,):
        raise SettingsError(
            f"{where}: the first box has shape {array.shape}; a tracker needs four numbers x,y,w,h in pixels"
        )
    text = ",".join(f"{value:g}" for value in array)
    if not np.isfinite(array).all():
        raise SettingsError(f"{where}: first box {text} is not finite; a tracker needs a box x,y,w,h in pixels")
    if not (array[2:] > 0).all():
        raise SettingsError(f"{where}: first box {text} has no area; width and height must be positive")
    if array[0] >= size[0] or array[1] >= size[1] or array[0] + array[2] <= 0 or array[1] + array[3] <= 0:
        raise SettingsError(f"{where}: first box {text} lies outside the picture of {size[0]}x{size[1]} pixels")
    return array


@dataclass(frozen=True)
class TrackerSpec:
    """Facts about a tracker that are known without importing it; one or several a plugin folder, as `SPECS`.

    Attributes:
        name: the registry's name of the family, e.g. `dcf`, `rts`.
        title: the name as papers print it.
        factory: `module:callable`, called as `factory(device=…, dtype=…, **settings)` and giving a `Tracker`.
        summary: one line.
        takes: of `box`, `mask`, `text`.
        optional: of `takes`, what it does as well without. Sequences without text are refused to a tracker that takes `text`
            and for which it is not optional, unless a person says what to tell it instead.
        gives: of `box`, `mask`.
        variants: variant name -> settings; the family name itself need not stand here.
        default: variant that the plain family name means; empty where the family has no variants.
        paper: citation or address of the paper; empty for baselines without one.
        requires: modules beyond trackzoo's own requirements, checked before the factory is called.
        unavailable: `module:callable` giving a reason (str) why the tracker cannot run here, or None; called with the variant
            by listings, and with the variant and the settings (a dict) before the factory.
        depends: `module:callable` giving, as a dict, what the boxes depend on beyond settings and weights (SHA-256 of further
            files), without loading the tracker; called with the variant, the settings, and the text that a person gives all
            objects (None: the sequences' own).
        weights: variant -> name of the weights it needs; empty for trackers without a network.
        parameters: variant -> number of parameters, where known.
        batched: whether several lanes share one call; others are driven one lane a call.
        deterministic: whether equal seeds give equal boxes. Trackers that depend on what ran before in the process say
            `isolated=True`.
        isolated: run each trial in a fresh process.
        threads: threads that a worker's calls are worth; 0 leaves it to the libraries. A tracker of many small operations is
            slower with two than with one.
        score_range: meaning of `Prediction.score`.
        licence: of the original implementation, where the plugin follows one.
    """

    name: str
    title: str
    factory: str
    summary: str
    takes: frozenset[str] = frozenset({"box"})
    optional: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset({"box"})
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default: str = ""
    paper: str = ""
    requires: tuple[str, ...] = ()
    unavailable: str = ""
    depends: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    batched: bool = True
    deterministic: bool = True
    isolated: bool = False
    threads: int = 0
    score_range: str = ""
    licence: str = ""
