"""Videos of coloured squares with label maps, in memory, and a tracker that notes how it is called. Importable in workers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import box_of_mask
from trackzoo.label_maps import encode
from trackzoo.registry import TrackerChoice, open_dataset
from trackzoo.sequence import Annotation, Dataset, LabelMaps, Problem, Sequence, Target
from trackzoo.tracker import Prediction, Tracker, TrackerSpec

SIZE = (64, 48)
COLOURS = np.array([(90, 90, 90), (220, 40, 40), (40, 200, 60), (60, 60, 230)], dtype=np.uint8)


def squares(starts: Mapping[int, int], index: int) -> NDArray[np.uint8]:
    """Label map of a frame: square k moves along its own row, from its first frame on."""
    labels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for obj, start in starts.items():
        if index >= start:
            x, y = 3 + 2 * index + 4 * obj, 2 + 14 * (obj - 1)
            labels[y : y + 11, x : x + 10 + obj] = obj
    return labels


def picture(starts: Mapping[int, int], index: int) -> NDArray[np.uint8]:
    """What it looks like."""
    return COLOURS[squares(starts, index)]


def write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    """A label map with a palette that is nobody's: kept as it lies, it is told from one that was written anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, 9, 9, 9, 7, 7, 7] + [3, 3, 3] * 253)
    image.save(path)


def davis(root: Path, names: ListOf[str], frames: int, labels: Callable[[str, int], NDArray[np.uint8]]) -> Dataset:
    """DAVIS 2017's validation set as it lies on disk, its pictures painted by their labels."""
    for name in names:
        images = root / "JPEGImages/480p" / name
        images.mkdir(parents=True)
        for index in range(frames):
            write_labels(root / f"Annotations/480p/{name}/{index:05d}.png", labels(name, index))
            Image.fromarray(COLOURS[labels(name, index)]).save(images / f"{index:05d}.jpg", quality=100)
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("".join(f"{name}\n" for name in names))
    return open_dataset("davis2017-val", root)


@dataclass(frozen=True)
class Squares(LabelMaps):
    """Label maps of a video."""

    starts: Mapping[int, int]

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return squares(self.starts, index)


def annotate(starts: Mapping[int, int], length: int) -> Annotation:
    first = min(starts, key=lambda obj: (starts[obj], obj))
    boxes = np.stack([box_of_mask(squares(starts, index) == first) for index in range(length)])
    return Annotation(boxes, ~np.isnan(boxes[:, 0]), masks=Squares(starts), starts=dict(starts))


class Videos(Dataset):
    """Videos in memory.

    Args:
        videos: name -> object -> its first frame.
        length: frames of each.
        paint: what paints a picture.
    """

    has_masks = True
    protocol = "vos"

    def __init__(
        self,
        videos: Mapping[str, Mapping[int, int]],
        length: int = 8,
        profile: str = "pytracking-vos",
        paint: Callable[[Mapping[int, int], int], Any] = picture,
    ) -> None:
        super().__init__("videos", None)
        self.videos, self.length, self.mask_profile, self.paint = dict(videos), length, profile, paint

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.videos)

    def sequence(self, name: str) -> Sequence:
        starts = self.videos[name]
        frames = ArrayFrames(partial(self.paint, starts), self.length, f"videos/{name}")
        return Sequence(name, self.id, partial(annotate, starts, self.length), frames)

    def check(self, progress: Callable[[str], None] | None = None) -> list[Problem]:
        return []

    def available(self) -> tuple[str, ...]:
        return self.names

    def fingerprint(self, names: ListOf[str] | None = None) -> str:
        parts = [(name, sorted(self.videos[name].items()), self.length) for name in names or self.names]
        return hashlib.sha256(repr(parts).encode()).hexdigest()


TWO = {"late": {1: 1, 2: 4}, "both": {1: 0, 2: 0}, "alone": {2: 0}}


def youtube(root: Path, part: str, videos: dict[str, dict[int, tuple[str, int]]], length: int = 6) -> None:
    """Videos of squares as YouTube-VOS has them: every fifth frame, `meta.json` with classes and first frames."""
    for name, objects in videos.items():
        starts = {obj: begin for obj, (_, begin) in objects.items()}
        for index in range(length):
            images, maps = (root / part / kind / name for kind in ("JPEGImages", "Annotations"))
            images.mkdir(parents=True, exist_ok=True)
            maps.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(starts, index)).save(images / f"{5 * index:05d}.jpg", quality=100)
            if part == "train" or index in starts.values():
                (maps / f"{5 * index:05d}.png").write_bytes(encode(squares(starts, index)))
    meta = {
        name: {
            "objects": {
                str(o): {"category": word, "frames": [f"{5 * begin:05d}"]} for o, (word, begin) in facts.items()
            }
        }
        for name, facts in videos.items()
    }
    (root / part / "meta.json").write_text(json.dumps({"videos": meta}))


@dataclass
class Heard:
    """State of one object: its number, and what `merge` left for the next step."""

    obj: int
    colour: NDArray[np.uint8]
    fed: list[str] = field(default_factory=list)


class Listener(Tracker[Heard]):
    """Finds its colour; notes every call in `log`.

    Args:
        odd: what it does wrong from frame 5 on: `none` gives no mask, `small` one of another size, `grey` one of numbers,
            `raise` breaks down in merge.
        silent: gives no mask on an object's first frame.
        wait: seconds that a merge takes.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"box", "mask"})
    gives: ClassVar[frozenset[str]] = frozenset({"box", "mask"})
    log: ClassVar[list[tuple[str, int, tuple[int, ...]]]] = []
    targets: ClassVar[list[Target]] = []

    def __init__(
        self, *, device: str = "cpu", dtype: str = "fp32", odd: str = "", silent: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        self.odd, self.silent, self.wait = odd, silent, wait

    def start(self, frames: Any, targets: Any, seeds: Any) -> list[tuple[Heard, Prediction]]:
        self.log.append(("start", frames[0].index, tuple(target.obj for target in targets)))
        self.targets.extend(targets)
        found = []
        for frame, target in zip(frames, targets, strict=True):
            x, y = (int(value) for value in target.box[:2])
            state = Heard(target.obj, frame.array()[y, x].copy(), ["start"])
            found.append((state, replace(self._look(frame, state), **({"mask": None} if self.silent else {}))))
        return found

    def step(self, frames: Any, states: Any) -> list[Prediction]:
        self.log.append(("step", frames[0].index, tuple(state.obj for state in states)))
        for state in states:
            # Between two steps of an object there was one merge, which had the last word.
            assert state.fed[-1] == "merge", state.fed
            state.fed.append("step")
        return [self._look(frame, state) for frame, state in zip(frames, states, strict=True)]

    def merge(self, states: Any, predictions: Any) -> list[Prediction]:
        self.log.append(("merge", -1, tuple(state.obj for state in states)))
        time.sleep(self.wait)
        if self.odd == "raise" and any(len(state.fed) > 9 for state in states):
            raise RuntimeError("cannot agree")
        for state in states:
            state.fed.append("merge")
        # So that what is kept can be told from what `step` said.
        return [replace(each, score=each.score + 0.5) for each in predictions]

    def _look(self, frame: Frame, state: Heard) -> Prediction:
        mask = (frame.array() == state.colour).all(axis=2)
        box = box_of_mask(mask) if mask.any() else np.array([0.0, 0, 1, 1])
        odd = self.odd if frame.index >= 5 and state.fed[-1] == "step" else ""
        if odd == "none":
            return Prediction(box, 0.25)
        if odd == "small":
            mask = mask[:-1]
        if odd == "whole":
            mask = mask.astype(np.uint8) * 255  # type: ignore[assignment]
        if odd == "grey":
            mask = mask.astype(np.float32)  # type: ignore[assignment]
        return Prediction(box, 0.25, mask if "masks" in self.wants else None)


def listener(
    takes: tuple[str, ...] = ("box", "mask"), gives: tuple[str, ...] = ("box", "mask"), **settings: Any
) -> TrackerChoice:
    """The tracker as the registry would look it up."""
    Listener.log.clear()
    Listener.targets.clear()
    spec = TrackerSpec(
        name="listener",
        title="Listener",
        factory=f"{__name__}:Listener",
        summary="",
        takes=frozenset(takes),
        gives=frozenset(gives),
    )
    return TrackerChoice("listener", spec, dict(settings))
