"""A tracker that gives masks, as a plugin would: it knows its target by its colours. Importable in worker processes too."""

from __future__ import annotations

import time
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trackzoo.frames import Frame
from trackzoo.geometry import box_of_mask
from trackzoo.registry import TrackerChoice
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker, TrackerSpec

#: Bins of a colour channel.
BINS = 8


@dataclass
class HueState:
    """One object: how likely each colour is its own, what it looked like last, and what `merge` made of that."""

    odds: NDArray[np.float64]
    box: NDArray[np.float64]
    chance: NDArray[np.float64]
    merged: list[int] = field(default_factory=list)


def _bins(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    coarse = picture.astype(np.int64) * BINS // 256
    return np.asarray((coarse[..., 0] * BINS + coarse[..., 1]) * BINS + coarse[..., 2])


class Huer(Tracker[HueState]):
    """Bayes on colours, in a window around the last box; objects of one video share out their pixels in `merge`.

    Args:
        wait: seconds that a step takes at least.
        settles: whether `merge` does its work.
        trips: raises on that frame.
    """

    takes = frozenset({"box", "mask"})
    gives = frozenset({"box", "mask"})
    #: Objects of each call of `merge`, by the pixels of their first masks.
    merges: ClassVar[list[int]] = []

    def __init__(
        self, *, device: str = "cpu", dtype: str = "fp32", wait: float = 0.0, settles: bool = True, trips: int = -1
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        self.wait, self.settles, self.trips = wait, settles, trips

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[HueState, Prediction]]:
        found = []
        for frame, target in zip(frames, targets, strict=True):
            picture = frame.array()
            mask = target.mask
            if mask is None:
                x, y, w, h = np.round(target.box).astype(int)
                mask = np.zeros(picture.shape[:2], dtype=bool)
                mask[max(y, 0) : y + h, max(x, 0) : x + w] = True
            bins = _bins(picture)
            own = np.bincount(bins[mask], minlength=BINS**3) + 0.01
            other = np.bincount(bins[~mask], minlength=BINS**3) + 0.01
            odds = np.log(own / own.sum()) - np.log(other / other.sum())
            state = HueState(odds, np.asarray(target.box, dtype=np.float64), np.where(mask, 0.99, 0.01))
            found.append((state, self._answer(state)))
        return found

    def step(self, frames: ListOf[Frame], states: ListOf[HueState]) -> list[Prediction]:
        time.sleep(self.wait)
        if any(frame.index == self.trips for frame in frames):
            raise RuntimeError("the ground gave way")
        found = []
        with self.stage("colours"):
            for frame, state in zip(frames, states, strict=True):
                odds = state.odds[_bins(frame.array())]
                x, y, w, h = state.box
                rows, columns = np.ogrid[: odds.shape[0], : odds.shape[1]]
                near = (abs(columns + 0.5 - x - w / 2) < 0.8 * w + 4) & (abs(rows + 0.5 - y - h / 2) < 0.8 * h + 4)
                # What it was on the last frame, after the merge, makes it likelier to be so again.
                prior = np.log(np.clip(state.chance, 0.05, 0.95)) - np.log(1 - np.clip(state.chance, 0.05, 0.95))
                state.chance = np.where(near, 1 / (1 + np.exp(-np.clip(odds + prior, -9, 9))), 0.0)
                found.append(self._answer(state))
        return found

    def merge(self, states: ListOf[HueState], predictions: ListOf[Prediction]) -> list[Prediction]:
        self.merges.append(len(states))
        if not self.settles:
            return list(predictions)
        chances = np.clip(np.stack([state.chance for state in states]), 1e-6, 1 - 1e-6)
        weights = np.concatenate([np.prod(1 - chances, axis=0)[None], chances / (1 - chances)])
        weights[0] = 1.0
        share = weights / weights.sum(axis=0)
        winner = share.argmax(axis=0)
        merged = []
        for place, state in enumerate(states, 1):
            state.chance = np.where(winner == place, share[place], np.minimum(share[place], 0.49))
            state.merged.append(int((winner == place).sum()))
            merged.append(self._answer(state))
        return merged

    def _answer(self, state: HueState) -> Prediction:
        mask = state.chance > 0.5
        if mask.any():
            state.box = box_of_mask(mask)
        return Prediction(state.box.copy(), float(mask.mean()), mask if "masks" in self.wants else None)


class Boxes(Huer):
    """The same without masks: their tight boxes alone."""

    def _answer(self, state: HueState) -> Prediction:
        found = super()._answer(state)
        return Prediction(found.box, found.score)


def choice(
    kind: type[Tracker[Any]] = Huer, *, gives: tuple[str, ...] = ("box", "mask"), **settings: Any
) -> TrackerChoice:
    """The tracker as the registry would look it up."""
    name = kind.__name__.lower()
    spec = TrackerSpec(
        name=name,
        title=kind.__name__,
        factory=f"{__name__}:{kind.__name__}",
        summary="",
        takes=frozenset({"box", "mask"}),
        gives=frozenset(gives),
    )
    return TrackerChoice(name, spec, dict(settings))
