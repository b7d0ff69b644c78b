"""A refiner that moves boxes by ten pixels and draws a mask there. Importable in worker processes too."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import replace
from typing import Any

import numpy as np

from trackzoo.composition import Composition, compose
from trackzoo.frames import Frame
from trackzoo.refiner import Refiner, RefinerSpec
from trackzoo.registry import TrackerChoice, tracker
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction

BY = 10.0


class Shifted(Refiner[Target]):
    """Its references are the targets."""

    gives = frozenset({"box", "mask"})

    def __init__(self, *, device: str = "cpu", dtype: str = "fp32", by: float = BY) -> None:
        super().__init__(device=device, dtype=dtype)
        self.by, self.calls, self.released = by, [], 0

    def start(self, frames: ListOf[Frame], targets: ListOf[Target]) -> list[Target]:
        return list(targets)

    def refine(
        self, frames: ListOf[Frame], references: ListOf[Target], predictions: ListOf[Prediction]
    ) -> list[Prediction]:
        self.calls.append(len(frames))
        found = []
        with self.stage("move"):
            self.probe("count", len(frames))
            for frame, prediction in zip(frames, predictions, strict=True):
                box = prediction.box + np.array([self.by, 0, 0, 0])
                mask = None
                if "masks" in self.wants:
                    mask = np.zeros(frame.array().shape[:2], bool)
                    x, y, w, h = (max(round(float(value)), 0) for value in box)
                    mask[y : y + h, x : x + w] = True
                found.append(replace(prediction, box=box, mask=mask))
        return found

    def release(self, references: ListOf[Target]) -> None:
        self.released += len(references)


class Marked(Shifted):
    """Says what its boxes depend on."""

    def identity(self) -> dict[str, Any]:
        return {"mark": 7}


def choice(base: str | TrackerChoice = "dcf", *, cls: str = "Shifted", **settings: Any) -> Composition:
    """A composition as the registry would look it up."""
    spec = RefinerSpec(
        name="shifted", title="Shifted", factory=f"{__name__}:{cls}", summary="", gives=frozenset({"box", "mask"})
    )
    of_base = tracker(base) if isinstance(base, str) else base
    return compose(of_base, TrackerChoice("shifted", spec, dict(settings)))


class Still:
    """A class as the GOT-10k toolkit takes it: it stays where it began."""

    def init(self, image: Any, box: Any) -> None:
        self.box = box

    def update(self, image: Any) -> Any:
        return self.box
