"""Refiners: they turn a tracker's boxes into better boxes or masks, and are not fed back to it.

`Refined` puts a tracker and a refiner together as one tracker: `--tracker jn-384+alpharefine`. This module imports no torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from trackzoo.frames import Frame
from trackzoo.sequence import Target
from trackzoo.tracker import Instrumented, Prediction, StageClock, Tracker, TrackerSpec

Reference = TypeVar("Reference")

#: What stands between a tracker and a refiner, in a composition's name and in `--weights`.
JOINT = "+"
#: What stands before a refiner's settings, identity, stages and probes in those of a composition.
PREFIX = "refiner."


@dataclass(frozen=True)
class RefinerSpec(TrackerSpec):
    """Facts about a refiner, among a plugin's `SPECS`; `factory` gives a `Refiner`. The fields are those of a tracker.

    `gives` says what a refiner makes of a box. What it takes is a tracker's box.
    """


class Refiner(Instrumented, ABC, Generic[Reference]):
    """Base class of every refiner.

    Args:
        device, dtype: see `Instrumented`.
        settings: the variant's settings as keyword arguments of the subclass.

    It works on a batch of independent objects, as trackers do. What belongs to an object is its reference, made once on its
    first frame; the refiner itself never changes.
    """

    #: See `Tracker.gives`; a plugin's `RefinerSpec` says it instead.
    gives: frozenset[str] = frozenset({"box"})

    @abstractmethod
    def start(self, frames: ListOf[Frame], targets: ListOf[Target]) -> list[Reference]:
        """References of B new objects.

        Args:
            frames: B first frames, one an object.
            targets: B targets, as the tracker was told them.
        """

    @abstractmethod
    def refine(
        self, frames: ListOf[Frame], references: ListOf[Reference], predictions: ListOf[Prediction]
    ) -> list[Prediction]:
        """Better predictions of B objects on their frames, from a tracker's. A mask where `wants` asks for one.

        A prediction that cannot be refined (a box without area) comes back as it was.
        """

    def merge(self, references: ListOf[Reference], predictions: ListOf[Prediction]) -> list[Prediction]:
        """Settle competing masks among the objects of one video; see `Tracker.merge`."""
        return list(predictions)

    def release(self, references: ListOf[Reference]) -> None:
        """Free what the references hold beyond ordinary memory."""

    def arena(self, lanes: int) -> None:
        """Allocate for `lanes` objects at once; see `Tracker.arena`."""


@dataclass
class RefinedState(Generic[Reference]):
    """What belongs to one object.

    Attributes:
        state: the tracker's.
        reference: the refiner's.
        prediction: what the tracker itself said last.
    """

    state: Any
    reference: Reference
    prediction: Prediction


class Refined(Tracker[RefinedState[Any]]):
    """A tracker whose predictions are refined.

    Args:
        tracker: never sees what became of its predictions.
        refiner: on the same device; both look at the same frames, which are decoded once.
    """

    def __init__(self, tracker: Tracker[Any], refiner: Refiner[Any]) -> None:
        super().__init__(device=tracker.device, dtype=tracker.dtype)
        self.tracker, self.refiner = tracker, refiner
        self.random_weights = tracker.random_weights or refiner.random_weights

    @property
    def wants(self) -> frozenset[str]:
        """See `Tracker.wants`. Masks are asked of the refiner where it gives them; of the tracker else."""
        return self.refiner.wants

    @wants.setter
    def wants(self, wants: frozenset[str]) -> None:
        self.refiner.wants = wants
        self.tracker.wants = wants - {"masks"} if "mask" in self.refiner.gives else wants

    @property
    def network(self) -> Any:
        """Both networks, as far as there are any; for `trackzoo cost`."""
        from torch import nn

        own = (getattr(each, "network", None) for each in (self.tracker, self.refiner))
        return nn.ModuleList([each for each in own if each is not None])

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[RefinedState[Any], Prediction]]:
        """See `Tracker.start`. The first box stays as given; a mask is made where masks are wanted and none was given."""
        begun = self.tracker.start(frames, targets, seeds)
        with self.stage("refine"):
            references = self.refiner.start(frames, targets)
        states = [
            RefinedState(state, reference, prediction)
            for (state, prediction), reference in zip(begun, references, strict=True)
        ]
        given = [
            replace(prediction, mask=target.mask) if "masks" in self.wants else prediction
            for (_, prediction), target in zip(begun, targets, strict=True)
        ]
        bare = [
            index for index, each in enumerate(given) if each.mask is None and {"masks"} & self.wants and self._masks
        ]
        if bare:
            found = self._refined(
                [frames[index] for index in bare],
                [references[index] for index in bare],
                [given[index] for index in bare],
            )
            for index, prediction in zip(bare, found, strict=True):
                given[index] = replace(given[index], mask=prediction.mask)
        return list(zip(states, given, strict=True))

    @property
    def _masks(self) -> bool:
        return "mask" in self.refiner.gives

    def step(self, frames: ListOf[Frame], states: ListOf[RefinedState[Any]]) -> list[Prediction]:
        """See `Tracker.step`: one call of the tracker and one of the refiner for all objects."""
        predictions = self.tracker.step(frames, [state.state for state in states])
        for state, prediction in zip(states, predictions, strict=True):
            state.prediction = prediction
        return self._refined(frames, [state.reference for state in states], predictions)

    def _refined(
        self, frames: ListOf[Frame], references: ListOf[Any], predictions: ListOf[Prediction]
    ) -> list[Prediction]:
        with self.stage("refine"):
            found = self.refiner.refine(frames, references, predictions)
        if len(found) != len(predictions):
            raise ValueError(f"the refiner returned {len(found)} predictions for {len(predictions)} objects")
        return found

    def merge(self, states: ListOf[RefinedState[Any]], predictions: ListOf[Prediction]) -> list[Prediction]:
        """See `Tracker.merge`. The tracker settles its own predictions, for what its next frame needs of them."""
        self.tracker.merge([state.state for state in states], [state.prediction for state in states])
        with self.stage("refine"):
            return self.refiner.merge([state.reference for state in states], predictions)

    def release(self, states: ListOf[RefinedState[Any]]) -> None:
        """See `Tracker.release`."""
        self.tracker.release([state.state for state in states])
        self.refiner.release([state.reference for state in states])

    def needs_mask(self) -> str:
        """See `Tracker.needs_mask`."""
        return self.tracker.needs_mask()

    def arena(self, lanes: int) -> None:
        """See `Tracker.arena`."""
        self.tracker.arena(lanes)
        self.refiner.arena(lanes)

    def identity(self) -> Mapping[str, Any]:
        """See `Tracker.identity`: the tracker's, and the refiner's under `refiner.`."""
        own = {f"{PREFIX}{name}": value for name, value in self.refiner.identity().items()}
        return {**self.tracker.identity(), **own}

    def clock(self, clock: StageClock | None) -> None:
        """See `Tracker.clock`: the refiner's stages stand under `refiner.`, what it marks none for is `refine`."""
        super().clock(clock)
        self.tracker.clock(clock)
        self.refiner.clock(None if clock is None else clock.within(PREFIX))

    def attach(self, probe: Callable[[str, Any], None] | None) -> None:
        """See `Tracker.attach`: the refiner's probes stand under `refiner.`."""
        super().attach(probe)
        self.tracker.attach(probe)
        self.refiner.attach(None if probe is None else lambda name, value: probe(f"{PREFIX}{name}", value))
