"""What the protocols of VOT have in common: starting a tracker from a region, and a prediction as a region."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.first_box import CORNERS, RULES, first_box as box_of_region
from trackzoo.frames import Frame
from trackzoo.geometry import box_of_mask
from trackzoo.protocols.vot_clock import Clock, NoClock, RealTime
from trackzoo.rasterise import full_mask, is_empty
from trackzoo.regions import Mask, Polygon, Rectangle, Region, Special
from trackzoo.sequence import Dataset, Sequence, Target
from trackzoo.tracker import Prediction, check_first_box
from trackzoo.trajectory import Trajectory
from trackzoo.trial import Answers, Protocol, Trial, Visit

OBJECT = 1

#: What the VOT toolkit and TraX give a tracker that asks for a rectangle: bounds of a polygon, the tight box of a mask.
USUAL_RULE = "bounds"


def regions_of(sequence: Sequence) -> tuple[Region, ...]:
    """Annotation as regions; boxes where a benchmark has nothing else, code 0 where a box is not known."""
    if sequence.regions is not None:
        return sequence.regions
    return tuple(Special(0) if np.isnan(box).any() else Rectangle(*box.tolist()) for box in sequence.boxes)


def size_of(sequence: Sequence) -> tuple[int, int]:
    """(width, height) of the picture; where no file says it, the first one is decoded."""
    return sequence.size if sequence.size is not None else sequence.frames[0].size


def region_of(prediction: Prediction, masks: bool) -> Region:
    """A prediction as it is stored: its mask in a tight window where masks are kept and it has one, else its box."""
    if not masks or prediction.mask is None:
        return Rectangle(*np.asarray(prediction.box, dtype=np.float64).tolist())
    pixels = np.asarray(prediction.mask, dtype=np.bool_)
    box = box_of_mask(pixels)
    if np.isnan(box).any():
        return Mask(0, 0, np.zeros((1, 1), dtype=np.bool_))
    x, y, w, h = (int(value) for value in box)
    return Mask(x, y, pixels[y : y + h, x : x + w].copy())


@dataclass(frozen=True)
class RegionTrial(Trial):
    """A trial whose annotation and result are regions. Of several objects, the first one.

    Attributes:
        rule: how a polygon or mask becomes the first box, a name in `trackzoo.first_box.RULES`.
        corner: see `trackzoo.first_box.first_box`.
        masks: results are masks where the tracker gives them.
        clock: of the real-time experiment; None lets the tracker take its time.
    """

    rule: str = USUAL_RULE
    corner: str | None = None
    masks: bool = False
    clock: RealTime | None = None

    @property
    def brings_mask(self) -> bool:
        """See `Trial`: masks and polygons have pixels."""
        return any(isinstance(region, Mask | Polygon) for region in regions_of(self.sequence))

    def regions(self) -> tuple[Region, ...]:
        """Annotation, one region a frame. Raises `DataError` when it does not fit the frames."""
        rows, frames = len(self.sequence), len(self.sequence.frames)
        if not rows or rows != frames:
            do = "restore both from the benchmark's archive"
            raise DataError(self.sequence.name, f"{rows} annotated rows and {frames} frames", "as many of each", do)
        return regions_of(self.sequence)

    def started(self) -> Clock | NoClock:
        """A clock that begins to run."""
        return NoClock() if self.clock is None else self.clock.start(self.sequence.fps)

    def start(self, index: int) -> Visit:
        """The visit on which the tracker begins. Raises `DataError` when the annotation cannot start it."""
        frame = self.sequence.frames[index]
        return Visit(frame, start={OBJECT: self.target(index, frame)})

    def target(self, index: int, frame: Frame) -> Target:
        """What the tracker is told: the first box by the rule; the pixels of a mask or polygon, too."""
        region = regions_of(self.sequence)[index]
        do = f"mend the annotation of '{self.sequence.name}' or leave the sequence out with --sequences"
        try:
            box = check_first_box(box_of_region(region, self.rule, self.corner), frame.size, self.sequence.name)
        except SettingsError as error:
            text = str(error).split(": ", 1)[-1]
            if not isinstance(region, Special) and "rule '" in text:
                do = f"--first-box names another rule ({', '.join(RULES)})"
            raise DataError(frame.label, text, "a region that starts a tracker", do) from None
        except TrackzooError as error:
            raise DataError(frame.label, str(error), "a region that starts a tracker", do) from None
        mask = full_mask(region, frame.size) if isinstance(region, Mask | Polygon) else None
        return Target(np.array(box), mask, self.sequence.text, OBJECT)

    def trajectory(self, name: str) -> Trajectory:
        """An empty trajectory, filed under the sequence."""
        return Trajectory(self.sequence.name, name)

    @abstractmethod
    def frames_hint(self) -> ListOf[int]:
        """See `Trial`."""


def usable(region: Region) -> bool:
    """Whether a tracker can be started on it."""
    return not is_empty(region)


class RegionProtocol(Protocol):
    """Base of VOT's protocols.

    Args:
        first_box: how a polygon or mask becomes the first box: a name in `trackzoo.first_box.RULES`, with `:pysot` or
            `:pytracking` behind it for the rules that place a box by its centre. `bounds` is what the official toolkit gives;
            `area_plus1:pytracking` is what the PyTracking family's published figures on VOT2015 to 2019 began with.

    Raises:
        UnknownName: no such rule or corner.
    """

    def __init__(self, first_box: str = USUAL_RULE) -> None:
        self.rule, colon, corner = first_box.partition(":")
        if self.rule not in RULES:
            raise UnknownName("rule for the first box", self.rule, RULES)
        if colon and corner not in CORNERS:
            raise UnknownName("corner", corner, CORNERS)
        self.corner = corner or None

    def settings(self) -> dict[str, Any]:
        """The rule for the first box, and where it puts the corner when that was said."""
        return {"first_box": self.rule, **({"corner": self.corner} if self.corner else {})}

    def wants(self, dataset: Dataset) -> frozenset[str]:
        """Masks where the annotation has them."""
        return frozenset({"boxes", "masks"} if dataset.has_masks else {"boxes"})


def answer(answers: Any) -> tuple[Prediction, float]:
    """Prediction and seconds of the object in what a trial was sent."""
    prediction: Prediction = answers[OBJECT]
    return prediction, answers.seconds.get(OBJECT, 0.0) if isinstance(answers, Answers) else 0.0
