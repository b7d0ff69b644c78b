"""Miniature VOT benchmarks, and a tracker that follows a script. Importable in worker processes too."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence as ListOf
from pathlib import Path
from typing import Any

import miniatures
import numpy as np

from trackzoo.frames import Frame
from trackzoo.region_text import format_region
from trackzoo.regions import Mask, Polygon, Rectangle, Region
from trackzoo.registry import TrackerChoice
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker, TrackerSpec

SIZE = (64, 48)
FAR = (50.0, 40.0, 6.0, 5.0)


def box(index: int) -> tuple[float, float, float, float]:
    """Where the target is."""
    return 4.0 + index % 6, 5.0 + index % 4, 12.0, 10.0


def pixels(index: int, width: float = 12.0) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mask (H, W) of the target: its box without a corner."""
    x, y, _, h = (int(value) for value in box(index))
    mask = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    mask[y : y + h, x : x + int(width)] = True
    mask[y : y + 2, x : x + 2] = False
    return mask


def region(index: int, kind: str) -> Region:
    x, y, w, h = box(index)
    if kind == "polygon":
        return Polygon(((x, y), (x + w, y), (x + w, y + h), (x, y + h)))
    if kind == "mask":
        mask = pixels(index)
        return Mask(int(x), int(y), mask[int(y) : int(y + h), int(x) : int(x + w)])
    return Rectangle(x, y, w, h)


def sequence(
    root: Path,
    name: str,
    count: int = 30,
    kind: str = "rectangle",
    anchors: Mapping[int, int] | None = None,
    fps: float | None = 30,
    absent: ListOf[int] = (),
) -> Path:
    """A sequence in VOT's layout; returns its folder."""
    home = root / name
    for index in range(count):
        miniatures.image(home / "color" / f"{index + 1:08d}.jpg", index, SIZE)
    lines = ["0" if index in absent else format_region(region(index, kind)) for index in range(count)]
    miniatures.text(home / "groundtruth.txt", "\n".join(lines) + "\n")
    rate = f"fps={fps:g}\n" if fps else ""
    facts = f"name={name}\n{rate}channels.color=color/%08d.jpg\nwidth={SIZE[0]}\nheight={SIZE[1]}\nlength={count}\n"
    miniatures.text(home / "sequence", facts)
    if anchors is not None:
        values = [str(anchors.get(index, 0)) for index in range(count)]
        miniatures.text(home / "anchor.value", "\n".join(values) + "\n")
    return home


class Scripted(Tracker[dict[str, Any]]):
    """Follows the target; is far away on the frames in `lost`, half as wide on those in `half`; takes `wait` seconds a step.

    Attributes:
        begun: targets that it was started with, in order.
    """

    begun: list[Target] = []  # noqa: RUF012

    def __init__(
        self,
        *,
        device: str = "cpu",
        dtype: str = "fp32",
        lost: ListOf[int] = (),
        half: ListOf[int] = (),
        wait: float = 0.0,
        empty: ListOf[int] = (),
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        self.lost, self.half, self.wait, self.empty = set(lost), set(half), wait, set(empty)

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[dict[str, Any], Prediction]]:
        self.begun.extend(targets)
        return [({"seed": seed}, Prediction(target.box)) for target, seed in zip(targets, seeds, strict=True)]

    def step(self, frames: ListOf[Frame], states: ListOf[dict[str, Any]]) -> list[Prediction]:
        time.sleep(self.wait)
        return [self._at(frame) for frame in frames]

    def _at(self, frame: Frame) -> Prediction:
        index = frame.index
        x, y, w, h = FAR if index in self.lost else box(index)
        w = w / 2 if index in self.half else w
        mask = None
        if "masks" in self.wants:
            mask = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
            if index in self.lost:
                mask[40:44, 50:54] = True
            elif index not in self.empty:
                mask = pixels(index, w)
        return Prediction(np.array([x, y, w, h]), 0.5, mask)


def choice(*, deterministic: bool = True, **settings: Any) -> TrackerChoice:
    """The tracker as the registry would look it up."""
    spec = TrackerSpec(
        name="scripted",
        title="Scripted",
        factory=f"{__name__}:Scripted",
        summary="",
        gives=frozenset({"box", "mask"}),
        deterministic=deterministic,
    )
    return TrackerChoice("scripted", spec, dict(settings))
