"""Run specifications of the goldens, played on our trackers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.geometry import Floats, box_of_mask
from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.tolerance import Array
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.rts.segmentation import SegmentationTracker
from trackzoo.trackers.rts.states import SegmentationState

Bits = NDArray[np.bool_]
#: A mask as RTS's goldens word it: `masks[0]`, or `roll(masks[3], (100, 120)) minus masks[3]`.
PLAIN = re.compile(r"masks\[(\d+)\]")
ROLLED = re.compile(r"roll\(masks\[(\d+)\], ?\((-?\d+), ?(-?\d+)\)\) minus masks\[(\d+)\]")
#: How far LWL's second target lies from the first.
SECOND = (100, 120)


@dataclass(frozen=True)
class Run:
    """One run specification.

    Attributes:
        spec: as it stands in the file.
        frames: of its scene, grey ones included.
        boxes, masks: of the scene's target, (N, 4) and (N, height, width).
    """

    spec: Mapping[str, Any]
    frames: tuple[Frame, ...]
    boxes: Floats
    masks: Bits

    @property
    def name(self) -> str:
        """What its arrays are filed under."""
        return str(self.spec["name"])

    @property
    def params(self) -> dict[str, Any]:
        """Changes to the tracker's settings."""
        return dict(self.spec.get("params", {}))


def specifications(golden: Mapping[str, Array]) -> list[dict[str, Any]]:
    """The run specifications of a file."""
    found = json.loads(str(golden["runs"])) if "runs" in golden else []
    return [spec for spec in found if isinstance(spec, dict) and "name" in spec]


def open_run(spec: Mapping[str, Any], case: Case) -> Run:
    """A run's video. Raises `DataError` for a scene that cannot be made."""
    try:
        arguments = dict(spec["scene"])
        if "target" in arguments:
            arguments["target"] = tuple(arguments["target"])
        video, boxes, masks = scene(**arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            case.folder, f"run '{spec['name']}' with a scene that cannot be made ({error})", "a scene"
        ) from None
    for index in spec.get("grey_frames", ()):
        video[index] = 127
    # The scene is part of the name: frames are told apart by it.
    frames = ArrayFrames(lambda index: video[index], len(video), f"{case.folder}:{spec['name']}")
    count = int(spec.get("frames", len(video)))
    return Run(spec, tuple(frames[index] for index in range(count)), boxes, masks.astype(np.bool_))


@dataclass(frozen=True)
class Object:
    """One object of a run.

    Attributes:
        key: its number.
        start: frame on which it begins.
        target: what the tracker is told.
    """

    key: str
    start: int
    target: Target


def objects(run: Run, golden: Mapping[str, Array]) -> list[Object]:
    """The objects of a run, by when they begin."""
    said = run.spec.get("objects")
    if said is None:
        mask = run.masks[0] if run.spec.get("init", "mask") == "mask" else None
        return [Object("1", 0, Target(run.boxes[0], mask))]
    if isinstance(said, Mapping):
        return [_worded(str(key), each, run, golden) for key, each in said.items()]
    return [_named(each, run) for each in said]


def _worded(key: str, said: Mapping[str, Any], run: Run, golden: Mapping[str, Array]) -> Object:
    words, start = str(said["mask"]), int(said["frame"])
    if found := PLAIN.fullmatch(words):
        index = int(found[1])
        return Object(key, start, Target(run.boxes[index], run.masks[index]))
    if not (found := ROLLED.fullmatch(words)):
        raise DataError(run.name, f"a mask worded '{words}'", "masks[k], or roll(masks[k], (y, x)) minus masks[k]")
    k, rows, columns, other = (int(group) for group in found.groups())
    mask = np.roll(run.masks[k], (rows, columns), (0, 1)) & ~run.masks[other]
    given = golden.get(f"run/{run.name}/init/box{key}")
    return Object(key, start, Target(box_of_mask(mask) if given is None else np.asarray(given, np.float64), mask))


def _named(said: Mapping[str, Any], run: Run) -> Object:
    start = int(said["frame"])
    if said["target"] == "first":
        return Object(str(said["id"]), start, Target(run.boxes[start], run.masks[start]))
    mask = np.roll(run.masks[start], SECOND, (0, 1)) & ~run.masks[start]
    return Object(str(said["id"]), start, Target(box_of_mask(mask), mask))


@dataclass
class Moment:
    """What stood after one frame.

    Attributes:
        index: of the frame, from 0.
        states: object -> state.
        probes: what the tracker's probes offered last; rows of objects that went on, in the states' order.
        merged: object -> prediction after merging; empty where nothing is merged.
        started: objects that began here.
    """

    index: int
    states: dict[str, SegmentationState]
    probes: dict[str, Any]
    merged: dict[str, Prediction] = field(default_factory=dict)
    started: tuple[str, ...] = ()


def follow(
    tracker: SegmentationTracker, frames: ListOf[Frame], targets: ListOf[Object], merge: bool
) -> Iterator[Moment]:
    """Track objects that may begin late, in lockstep, and merge them where asked for; yields after each frame.

    A moment's states change with the next frame. Each state's own logits and facts are those before the merge.
    """
    probes: dict[str, Any] = {}
    tracker.attach(probes.__setitem__)
    tracker.wants = frozenset({"boxes", "masks"})
    states: dict[str, SegmentationState] = {}
    try:
        for index, frame in enumerate(frames):
            predictions: dict[str, Prediction] = {}
            if states:
                stepped = tracker.step([frame] * len(states), list(states.values()))
                predictions = dict(zip(states, stepped, strict=True))
            new = [each for each in targets if each.start == index]
            if new:
                pairs = tracker.start([frame] * len(new), [each.target for each in new], [0] * len(new))
                for each, (state, prediction) in zip(new, pairs, strict=True):
                    states[each.key], predictions[each.key] = state, prediction
            merged: dict[str, Prediction] = {}
            if merge and states:
                settled = tracker.merge(list(states.values()), [predictions[key] for key in states])
                merged = dict(zip(states, settled, strict=True))
            yield Moment(index, dict(states), dict(probes), merged, tuple(each.key for each in new))
    finally:
        tracker.attach(None)
        tracker.release(list(states.values()))


def packed(mask: Any) -> NDArray[np.uint8]:
    """Bits of a mask, packed as the goldens have them."""
    return np.packbits(np.asarray(mask, np.bool_))


def labels_of(moment: Moment) -> NDArray[np.uint8]:
    """Label image of the merged masks; values are the objects' numbers."""
    first = next(iter(moment.states.values()))
    out = np.zeros(first.picture, np.uint8)
    for key, prediction in moment.merged.items():
        assert prediction.mask is not None
        out[prediction.mask] = int(key)
    return out
