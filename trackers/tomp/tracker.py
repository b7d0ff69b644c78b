"""ToMP's inference for B objects at once: crop, network, localisation, box, two-frame memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence as ListOf
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from trackzoo.errors import DataError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.nn.crops import normalise
from trackzoo.nn.patches import PatchWindow, cut_middle, cut_patch, cut_patches, patch_window
from trackzoo.nn.precision import autocast, dtype_named
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction, Tracker
from trackzoo.trackers.tomp.boxes import (
    Float32,
    Place,
    clipped,
    corners,
    distances,
    float32,
    in_sample,
    label,
    label_sigma,
)
from trackzoo.trackers.tomp.localisation import Located, Thresholds, locate, scale_while_lost
from trackzoo.trackers.tomp.model import ToMPNetwork

#: Side of the search area in target sizes (geometric mean).
SEARCH_AREA_SCALE = 5.0
#: An `inside_major` crop shrinks by no more than this.
MAX_SCALE_CHANGE = 1.5


@dataclass
class ToMPState:
    """What changes while one object is tracked.

    Attributes:
        place: where it was last found.
        base: (2,) float32 its size in the first sample.
        scale: pixels of the picture per pixel of the next sample.
        history: scales of the frames on which it was found.
        lost: how often it was not found.
        first: (n², 256) tokens of the first frame, for ever.
        recent: (n², 256) tokens of the last sure frame, or None so far.
        count: frames since the first.
    """

    place: Place
    base: Float32
    scale: float
    first: Tensor
    recent: Tensor | None = None
    history: list[float] = field(default_factory=list)
    lost: int = 0
    count: int = 0


State = TypeVar("State", bound=ToMPState)


@dataclass(frozen=True)
class Step:
    """What a frame gave for one object.

    Attributes:
        window: where the sample lay.
        located: flag, cell, score.
        ltrb: (4, n, n) distances that the network said, over S.
        scores: (n, n).
        remembered: whether the frame went into the memory.
    """

    window: PatchWindow
    located: Located
    scores: Float32
    ltrb: Float32
    remembered: bool


@dataclass(frozen=True)
class Behaviour:
    """Settings of the tracker beyond the network.

    Attributes:
        thresholds: of the localisation.
        conf_ths: the memory takes frames whose score is above this.
        report_limit: reported numbers are clipped to 0 and this, as PiVOT's tracker does; 0 reports them as they are.
        deterministic: one object a network call and torch's deterministic operations: equal bits for equal frames, whatever
            the lanes.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    conf_ths: float = 0.9
    report_limit: float = 0.0
    deterministic: bool = False


@contextmanager
def repeatable() -> Iterator[None]:
    """Context in which torch takes deterministic operations."""
    modes = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    searching = torch.backends.cudnn.benchmark
    # Operations without a deterministic form only warn: none that is used here lacks one on a CPU.
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = searching
        torch.use_deterministic_algorithms(modes[0], warn_only=modes[1])


class ToMPTracker(Tracker[State], Generic[State]):
    """ToMP over B objects. PiVOT's tracker overrides `prompt` and `after`, and its state.

    Stages of the clock: `crop`, `backbone`, `head` (its features, tokens of references), `predictor`, `branches` (classifier
    and box regressor), `locate`, `memory` (labels and boxes). None lies in another; subclasses mark their own.

    Args:
        network: in any mode, on any device.
        behaviour: settings.
        compile: whether to compile backbone and head (torch.compile); the first frames then take minutes.
        device, dtype: see `Tracker`.
    """

    #: Module of the pictures that `trackzoo inspect` draws.
    pictures = "trackzoo.trackers.tomp.pictures"

    def __init__(
        self,
        network: ToMPNetwork,
        behaviour: Behaviour | None = None,
        *,
        compile: bool = False,
        device: str = "cpu",
        dtype: str = "fp32",
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        dtype_named(dtype)
        self.network = network.to(device).eval().requires_grad_(False)
        self.behaviour = behaviour or Behaviour()
        if self.behaviour.deterministic:
            # cuBLAS reads it when it is first used.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        if compile:
            # In place, so that the modules keep their classes and names.
            self.network.feature_extractor.compile()
            self.network.head.filter_predictor.transformer.compile()

    # What a subclass adds to a state and to a frame.

    def new_state(self, place: Place, base: Float32, scale: float, first: Tensor) -> State:
        """A state of a new object."""
        return ToMPState(place, base, scale, first)  # type: ignore[return-value]

    def prompt(self, states: ListOf[State], crops: Tensor, features: Tensor) -> Tensor:
        """The features that enter the head, from the backbone's (B, C, n, n); as they are, unless a subclass says otherwise.

        Args:
            states: B.
            crops: (B, 3, S, S) normalised.
            features: (B, C, n, n).
        """
        return features

    def after(self, frames: ListOf[Frame], states: ListOf[State], steps: ListOf[Step], boxes: ListOf[Floats]) -> None:
        """What follows once the boxes are known; the states are the new ones."""

    # The first frame.

    @torch.inference_mode()
    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[State, Prediction]]:
        """See `Tracker.start`. There is no randomness, and no augmentation."""
        side, sample = self.network.side, self.network.sample
        places, scales, bases = [], [], []
        crops = []
        with self.stage("crop"):
            for frame, target in zip(frames, targets, strict=True):
                place, scale = self._begin(frame, target)
                places.append(place)
                scales.append(scale)
                bases.append((place.size / np.float32(scale)).astype(np.float32))
                crops.append(self._first_crop(frame, place, scale))
        with self._numerics():
            features = self.backbone(self._normalised(crops))
            labels, inside = [], []
            for place, scale, base in zip(places, scales, bases, strict=True):
                middle = np.rint(place.position)
                labels.append(label(place, middle, scale, side, label_sigma(base, side)))
                inside.append(in_sample(place, middle, scale, sample))
            ltrb = [distances(box, side) for box in inside]
            tokens = self.references(self.embed(features), labels, ltrb)
        self.probe("first", {"features": features, "labels": labels, "boxes": inside})
        states = [
            self.new_state(place, base, scale, own)
            for place, base, scale, own in zip(places, bases, scales, tokens, strict=True)
        ]
        return [(state, Prediction(np.array(target.box))) for state, target in zip(states, targets, strict=True)]

    def _begin(self, frame: Frame, target: Target) -> tuple[Place, float]:
        place = Place.of_box(target.box)
        area = float((place.size * np.float32(SEARCH_AREA_SCALE)).prod())
        if not area > 0:
            raise DataError(frame.label, "a first box without area", "positive width and height")
        return place, math.sqrt(area) / self.network.sample

    def _first_crop(self, frame: Frame, place: Place, scale: float) -> Tensor:
        """Twice the sample about the target, edges repeated, of which the middle is kept."""
        sample = self.network.sample
        double = (2 * sample, 2 * sample)
        extent = np.float32(scale) * float32(double)
        window = patch_window(np.rint(place.position), extent, frame.size[::-1], double)
        return cut_middle(cut_patch(frame.tensor(self.device), window), (sample, sample))

    # The others.

    @torch.inference_mode()
    def step(self, frames: ListOf[Frame], states: ListOf[State]) -> list[Prediction]:
        """See `Tracker.step`: one call of each part of the network for all objects."""
        with self.stage("crop"):
            windows = [self._window(frame, state) for frame, state in zip(frames, states, strict=True)]
            pictures = [frame.tensor(self.device) for frame in frames]
            crops = self._normalised(list(cut_patches(pictures, windows)))
        with self._numerics():
            features = self.backbone(crops)
            self.probe("features", features)
            with autocast(self.device, self.dtype):
                features = self.prompt(states, crops, features)
            embedded = self.embed(features)
            scores, ltrb = self._decide(states, embedded)
        with self.stage("locate"):
            # One transfer for everything that the host needs.
            count = scores[0].numel()
            rows = torch.cat([scores.flatten(1), ltrb.flatten(1)], dim=1).cpu().numpy()
            steps = [
                self._locate(
                    frame, state, window, row[:count].reshape(scores.shape[1:]), row[count:].reshape(ltrb.shape[1:])
                )
                for frame, state, window, row in zip(frames, states, windows, rows, strict=True)
            ]
        with self._numerics():
            self._remember(states, steps, embedded)
        boxes = [self._reported(state) for state in states]
        with self._numerics():
            self.after(frames, states, steps, boxes)
        if self._probe is not None:
            self.probe("search", crops)
            self.probe("steps", steps)
        return [Prediction(box, step.located.score) for box, step in zip(boxes, steps, strict=True)]

    def _window(self, frame: Frame, state: State) -> PatchWindow:
        """Where the next sample lies: half a cell further where the map has an even number of cells, as released."""
        side, sample = self.network.side, self.network.sample
        scale = np.float32(state.scale)
        shift = ((side + 1) % 2) * scale * np.float32(sample / (2 * side))
        size = (sample, sample)
        return patch_window(
            state.place.position + shift,
            scale * float32(size),
            frame.size[::-1],
            size,
            "inside_major",
            MAX_SCALE_CHANGE,
        )

    def _locate(self, frame: Frame, state: State, window: PatchWindow, scores: Float32, ltrb: Float32) -> Step:
        """Decide, and move the state."""
        located = locate(scores, state.place, window.position, window.scale, self.behaviour.thresholds)
        state.count += 1
        if located.flag == "not_found":
            if state.history:
                state.lost += 1
                state.scale = scale_while_lost(state.history, state.lost)
        else:
            corner, size = clipped(corners(ltrb, located.cell, window.coords), frame.size[::-1])
            state.place = Place((corner + size / 2).astype(np.float32), size)
            state.scale = float(np.sqrt(size.prod() / state.base.prod()))
            state.history.append(state.scale)
        sure = located.flag not in ("not_found", "uncertain") and located.score > self.behaviour.conf_ths
        return Step(window, located, scores, ltrb, sure)

    def _remember(self, states: ListOf[State], steps: ListOf[Step], embedded: Tensor) -> None:
        """Sure frames take the memory's second place: tokens of the features that entered the head, a new label and box."""
        due = [row for row, step in enumerate(steps) if step.remembered]
        if not due:
            return
        side, sample = self.network.side, self.network.sample
        labels, ltrb = [], []
        with self.stage("memory"):
            for row in due:
                state, window = states[row], steps[row].window
                sigma = label_sigma(state.base, side)
                labels.append(label(state.place, window.position, window.scale, side, sigma))
                ltrb.append(distances(in_sample(state.place, window.position, window.scale, sample), side))
        for row, tokens in zip(due, self.references(embedded[due], labels, ltrb), strict=True):
            states[row].recent = tokens

    def _reported(self, state: State) -> Floats:
        box = state.place.box
        limit = self.behaviour.report_limit
        return np.clip(box, 0, limit) if limit else box

    # Parts of the network, timed; one object at a time where bits must not depend on the others.

    def _numerics(self) -> AbstractContextManager[None]:
        return repeatable() if self.behaviour.deterministic else nullcontext()

    def _each(self, call: Callable[..., Tensor], *batches: Tensor) -> Tensor:
        """`call` on the batches, under autocast; row by row and put together where bits must not depend on neighbours."""
        with autocast(self.device, self.dtype):
            if not self.behaviour.deterministic:
                return call(*batches).float()
            return torch.cat([call(*(each[None] for each in row)) for row in zip(*batches, strict=True)]).float()

    def _normalised(self, crops: ListOf[Tensor]) -> Tensor:
        return normalise(torch.stack(list(crops)))

    def backbone(self, crops: Tensor) -> Tensor:
        """Backbone's features (B, C, n, n) of normalised crops (B, 3, S, S)."""
        with self.stage("backbone"):
            return self._each(self.network.features, crops)

    def embed(self, features: Tensor) -> Tensor:
        """The head's features (B, 256, n, n) of those that enter it."""
        with self.stage("head"):
            return self._each(self.network.head.features, features)

    def references(self, embedded: Tensor, labels: ListOf[Float32], ltrb: ListOf[Float32]) -> Tensor:
        """Tokens (B, n², 256) of reference frames."""
        marks, boxes = (torch.from_numpy(np.stack(each)).to(self.device) for each in (labels, ltrb))
        with self.stage("head"):
            return self._each(self.network.head.filter_predictor.reference_tokens, embedded, marks, boxes)

    def _decide(self, states: ListOf[State], embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, n, n) and distances (B, 4, n, n), float32."""
        head = self.network.head
        first, second = torch.stack([state.first for state in states]), [state.recent for state in states]
        alone = self.behaviour.deterministic
        scores, ltrb = [], []
        for part in [slice(row, row + 1) for row in range(len(states))] if alone else [slice(None)]:
            with autocast(self.device, self.dtype):
                with self.stage("predictor"):
                    test = head.filter_predictor.test_tokens(embedded[part])
                    model = head.filter_predictor(first[part], second[part], test)
                with self.stage("branches"):
                    found = head.decide(model)
            scores.append(found[0].float())
            ltrb.append(found[1].float())
        return torch.cat(scores), torch.cat(ltrb)
