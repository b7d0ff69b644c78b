"""One-pass evaluation (OPE): start on the first frame with the annotated box, never look back (OTB, LaSOT, GOT-10k …)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.first_box import CORNERS, RULES, first_box as box_of_region
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.protocols.vot_common import region_of
from trackzoo.region_text import format_region
from trackzoo.regions import Mask, Region, Special
from trackzoo.sequence import Dataset, ObjectId, Target
from trackzoo.tracker import Prediction, TrackerSpec, check_first_box
from trackzoo.trial import LINES, Piece, Protocol, Trial, Visit, Visits, trial_seed

OBJECT = 1

#: The annotation's own box where it has one; of a polygon its bounds, of a mask the tight box.
USUAL_RULE = "bounds"


@dataclass(frozen=True)
class OnePassTrial(Trial):
    """The sequence from the target's first frame to its last. Of several objects, the first one.

    Attributes:
        rule: how a polygon or mask becomes the first box, a name in `trackzoo.first_box.RULES`.
        corner: see `trackzoo.first_box.first_box`.
        masks: the tracker's masks are kept beside its boxes.
    """

    rule: str = USUAL_RULE
    corner: str | None = None
    masks: bool = False

    @property
    def brings_mask(self) -> bool:
        """See `Trial`."""
        return self.sequence.masks is not None

    @property
    def keeps(self) -> str:
        """See `Trial`."""
        return LINES if self.masks else ""

    def keep(self, visit: Visit, predictions: Mapping[ObjectId, Prediction]) -> Piece:
        """A line of VOT's text form: the mask in a tight window, 0 where there is none."""
        prediction = predictions[OBJECT]
        region = Special(0) if prediction.mask is None else region_of(prediction, True)
        return Piece("", f"{format_region(region)}\n".encode(), visit.frame.size)

    def begin(self) -> int:
        """Index of the frame on which the target begins. Raises `DataError` for an empty sequence."""
        rows, frames = len(self.sequence), len(self.sequence.frames)
        if not rows or not frames:
            raise DataError(self.sequence.name, f"{rows} annotated rows and {frames} frames", "at least one of each")
        if rows != frames:
            raise DataError(
                self.sequence.name,
                f"{rows} annotated rows",
                f"{frames}, one for each frame",
                "restore both from the benchmark's archive",
            )
        return self.sequence.annotation.starts.get(OBJECT, 0)

    def visits(self) -> Visits:
        """First frame with the annotated target, then every frame in order."""
        begin = self.begin()
        frame = self.sequence.frames[begin]
        yield Visit(frame, start={OBJECT: self.target(begin, frame)})
        for index in range(begin + 1, len(self.sequence.frames)):
            yield Visit(self.sequence.frames[index], step=(OBJECT,))

    def frames_hint(self) -> ListOf[int]:
        """All frames from the target's first one on."""
        return range(self.sequence.annotation.starts.get(OBJECT, 0), len(self.sequence.frames))

    def target(self, index: int, frame: Frame) -> Target:
        """What the tracker is told. Raises `DataError` when the box cannot start a tracker."""
        sequence = self.sequence
        mask = sequence.masks.mask(index, OBJECT) if sequence.masks is not None else None
        box = self.box(index, mask, frame)
        try:
            box = check_first_box(box, frame.size, sequence.name)
        except SettingsError as error:
            raise DataError(
                frame.label,
                str(error).split(": ", 1)[1],
                "a first box with area inside the picture",
                f"mend the first annotation row of '{sequence.name}' or leave the sequence out with --sequences",
            ) from None
        return Target(np.array(box), mask, sequence.text, OBJECT)

    def box(self, index: int, mask: np.ndarray[Any, np.dtype[np.bool_]] | None, frame: Frame) -> Floats:
        """The first box, by the rule."""
        region: Region | None = self.sequence.regions[index] if self.sequence.regions is not None else None
        if region is None and mask is not None and self.rule != USUAL_RULE:
            region = Mask(0, 0, mask)
        if region is None:
            return np.asarray(self.sequence.boxes[index], dtype=np.float64)
        try:
            return box_of_region(region, self.rule, self.corner)
        except TrackzooError as error:
            raise DataError(
                frame.label, str(error), "", f"--first-box names another rule ({', '.join(RULES)})"
            ) from None


class OnePass(Protocol):
    """One trial a sequence and repetition.

    Args:
        first_box: how a polygon or mask becomes the first box: a name in `trackzoo.first_box.RULES`, with `:pysot` or
            `:pytracking` behind it for the rules that place a box by its centre.
        masks: ask the tracker for masks and keep them beside the boxes.

    Raises:
        UnknownName: no such rule or corner.
        SettingsError: `masks` is neither true nor false.
    """

    name = "ope"

    def __init__(self, first_box: str = USUAL_RULE, masks: bool = False) -> None:
        if not isinstance(masks, bool):
            raise SettingsError(f"protocol 'ope': masks={masks!r}, expected true or false")
        self.masks = masks
        self.rule, colon, corner = first_box.partition(":")
        if self.rule not in RULES:
            raise UnknownName("rule for the first box", self.rule, RULES)
        if colon and corner not in CORNERS:
            raise UnknownName("corner", corner, CORNERS)
        self.corner = corner or None

    def trials(self, dataset: Dataset, names: ListOf[str], repeats: int = 1, seed: int = 0) -> list[Trial]:
        """See `Protocol.trials`."""
        return [
            OnePassTrial(dataset[name], trial_seed(seed, name, repeat), repeat, self.rule, self.corner, self.masks)
            for repeat in range(repeats)
            for name in names
        ]

    def settings(self) -> dict[str, Any]:
        """The rule for the first box, where it puts the corner when that was said, and whether masks are kept."""
        corner = {"corner": self.corner} if self.corner else {}
        return {"first_box": self.rule, **corner, **({"masks": True} if self.masks else {})}

    def wants(self, dataset: Dataset) -> frozenset[str]:
        """Masks where they are kept."""
        return frozenset({"boxes", "masks"} if self.masks else {"boxes"})

    def fitted(self, name: str, spec: TrackerSpec) -> OnePass:
        """See `Protocol.fitted`: where masks are to be kept, the tracker must give some."""
        if self.masks and "mask" not in spec.gives:
            raise SettingsError(f"tracker '{name}' gives boxes alone, there are no masks to keep; leave out --masks")
        return self
