"""Video object segmentation: all objects of a video in lockstep, some of which appear later; label maps come out.

One trial a video. On each frame the objects that go on are tracked, those whose first annotation is there are started, and
`Tracker.merge` settles whose each pixel is, before anything is kept and before the next frame (A. Robinson et al., Learning
Fast and Robust Target Models for Video Object Segmentation, CVPR 2020; PyTracking's multi-object mode). Frames before the
first object are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackzoo.errors import DataError, SettingsError, TrackzooError
from trackzoo.first_box import first_box as box_of_region
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.label_maps import MOST, encode, file_name, paint
from trackzoo.refiner import JOINT
from trackzoo.regions import Mask
from trackzoo.sequence import Dataset, ObjectId, Target
from trackzoo.tracker import Prediction, TrackerSpec
from trackzoo.trial import FILES, Piece, Protocol, Trial, Visit, Visits, trial_seed

#: What a tracker is told: the annotated mask with its box, or the box alone.
INITS = ("mask", "box")


def first_box(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    """Box (4,) of an object's first mask as PyTracking's loaders of DAVIS and YouTube-VOS have it (rule `mask_span`).

    An object one pixel wide or high is one pixel wide or high, since a box must have an area.
    """
    box = box_of_region(Mask(0, 0, mask), "mask_span")
    box[2:] = np.maximum(box[2:], 1)
    return box


@dataclass(frozen=True)
class VosTrial(Trial):
    """One video with all its objects.

    Attributes:
        init: `mask` or `box`.
    """

    init: str = "mask"

    competes = True

    @property
    def brings_mask(self) -> bool:
        """See `Trial`; as `init` says."""
        return self.init == "mask"

    @property
    def keeps(self) -> str:
        """A label map a frame."""
        return FILES

    def keep(self, visit: Visit, predictions: Mapping[ObjectId, Prediction]) -> Piece:
        """The label map of all objects."""
        for obj, prediction in predictions.items():
            # On its first frame a tracker that was given a box may have none yet.
            if prediction.mask is None and obj not in visit.start:
                raise TrackzooError(
                    f"the tracker returned no mask of object {obj}: protocol 'vos' scores masks, --protocol ope runs it with "
                    "boxes"
                )
        size = visit.frame.size
        return Piece(file_name(visit.frame), encode(paint(predictions, size)), size)

    def visits(self) -> Visits:
        """From the first frame with an object to the last frame."""
        annotation, frames = self.sequence.annotation, self.sequence.frames
        if annotation.masks is None:
            raise DataError(
                self.sequence.name, "an annotation of boxes alone", "label maps", "--protocol ope needs none"
            )
        if len(annotation.boxes) != len(frames):
            found = f"{len(annotation.boxes)} annotated rows and {len(frames)} frames"
            raise DataError(self.sequence.name, found, "as many of each", "restore both from the benchmark's archive")
        if max(annotation.starts, default=0) > MOST:
            raise DataError(self.sequence.name, f"object {max(annotation.starts)}", f"numbers from 1 to {MOST}")
        live: list[ObjectId] = []
        size: tuple[int, int] | None = None
        for index in range(self._begin(), len(frames)):
            frame = frames[index]
            size = size or frame.size
            if frame.size != size:
                found, wanted = ("x".join(map(str, each)) for each in (frame.size, size))
                raise DataError(frame.label, f"a picture of {found} pixels", f"{wanted} as the first")
            start = self._targets(index, frame)
            yield Visit(frame, start=start, step=tuple(live))
            live += start

    def frames_hint(self) -> ListOf[int]:
        """All frames from the first object on."""
        return range(self._begin(), len(self.sequence.frames))

    def _begin(self) -> int:
        return min(self.sequence.annotation.starts.values(), default=0)

    def _targets(self, index: int, frame: Frame) -> dict[ObjectId, Target]:
        """The objects that begin on a frame. Raises `DataError` where the annotation cannot start them."""
        annotation = self.sequence.annotation
        objects = [obj for obj, start in annotation.starts.items() if start == index]
        labels = annotation.masks[index] if objects and annotation.masks is not None else None
        if labels is None:
            if objects:
                raise DataError(frame.label, "no label map", f"one with object {objects[0]}, which begins here")
            return {}
        if labels.shape != frame.size[::-1]:
            found, wanted = ("x".join(map(str, each)) for each in (labels.shape[::-1], frame.size))
            raise DataError(frame.label, f"a label map of {found} pixels", f"{wanted} as the picture")
        targets = {}
        for obj in sorted(objects):
            mask = labels == obj
            if not mask.any():
                raise DataError(frame.label, f"no pixel of object {obj}", "its first mask")
            given = mask if self.init == "mask" else None
            targets[obj] = Target(first_box(mask), given, self.sequence.text if obj == 1 else None, obj)
        return targets


class VideoObjects(Protocol):
    """One trial a video and repetition.

    Args:
        init: `mask` gives the tracker each object's first mask, `box` its box alone. By default masks, where it takes them.

    Raises:
        SettingsError: another word.
    """

    name = "vos"

    def __init__(self, init: str = "") -> None:
        if init not in ("", *INITS):
            raise SettingsError(f"protocol 'vos': init={init}, expected {' or '.join(INITS)}")
        self.init = init

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        return [
            VosTrial(dataset[name], trial_seed(seed, name, repeat), repeat, self.init or INITS[0])
            for repeat in range(repeats)
            for name in names
        ]

    def settings(self) -> dict[str, Any]:
        """What the tracker is told at the start."""
        return {"init": self.init or INITS[0]}

    def wants(self, dataset: Dataset) -> frozenset[str]:
        """Masks."""
        return frozenset({"boxes", "masks"})

    def fitted(self, name: str, spec: TrackerSpec) -> VideoObjects:
        """See `Protocol.fitted`: the tracker must give masks, and take one where it is to be given one."""
        if "mask" not in spec.gives:
            raise SettingsError(
                f"tracker '{name}' gives boxes alone, protocol 'vos' scores masks; --protocol ope runs it with boxes"
                + "".join(f", '{name}{JOINT}{each}' makes masks of them" for each in _mask_makers())
            )
        takes = "mask" in spec.takes
        if self.init == "mask" and not takes:
            raise SettingsError(
                f"tracker '{name}' cannot be started with a mask; --set-protocol init=box gives it a box"
            )
        return VideoObjects(self.init or ("mask" if takes else "box"))


def _mask_makers() -> list[str]:
    """Refiners that make masks of boxes."""
    from trackzoo.registry import refiner_specs

    return [name for name, spec in refiner_specs().items() if "mask" in spec.gives]
