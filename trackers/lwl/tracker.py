"""LWL on the tracker interface: RTS's segmentation branch alone, with LWL's own schedule, state and boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from trackzoo.errors import SettingsError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.nn.precision import autocast, without_tf32
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.rts.box_encoder import rectangle
from trackzoo.trackers.rts.merge import mask_logits, merge_logits
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.pasting import Facts, Pasted, facts_of, whole
from trackzoo.trackers.rts.region import Region, box_of
from trackzoo.trackers.rts.segmentation import SegmentationTracker
from trackzoo.trackers.rts.settings import LWLSettings
from trackzoo.trackers.rts.states import SegmentationState


class LWLTracker(SegmentationTracker):
    """LWL over B objects at once.

    Args:
        start_with: `mask`: a given first mask, or STA's where only a box is given (RTS, Table 1); `box`: LWL's own encoder
            makes a soft mask of the box, and a given mask is ignored (`lwl-boxinit`).
        box_slip: keep the released code's slip with boxes that begin left of or above the picture (`start_with` box).
        options: see `SegmentationTracker` and, for settings, `LWLSettings`. Weights are of `lwl-ytvos` or `lwl-boxinit`.
    """

    settings: LWLSettings

    def __init__(self, *, start_with: Literal["mask", "box"] = "mask", box_slip: bool = False, **options: Any) -> None:
        if start_with not in ("mask", "box"):
            raise SettingsError(f"start_with '{start_with}': expected mask or box")
        super().__init__(partial(RTSNetwork, instance=False, box=start_with == "box"), LWLSettings(), **options)
        self.from_box, self.box_slip = start_with == "box", box_slip

    def identity(self) -> Mapping[str, Any]:
        """The weights that make first masks, where others do."""
        return {} if self.from_box else super().identity()

    def needs_mask(self) -> str:
        """See `Tracker.needs_mask`: a box will do where an encoder reads it."""
        return "" if self.from_box else super().needs_mask()

    @without_tf32()
    @torch.inference_mode()
    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[SegmentationState, Prediction]]:
        """See `Tracker.start`; nothing is random. Raises `DataError` for a first mask that is none; see `first_masks`."""
        with self.stage("start"):
            logits = self._first_logits(frames, targets)
            masks = [
                each.values.sigmoid()[None] if self.from_box else (each.values > 0)[None].float() for each in logits
            ]
            regions = [Region.about(target.box, self.settings) for target in targets]
            branches = self.new_branches(frames, masks, regions)
        started: list[tuple[SegmentationState, Prediction]] = []
        for target, own, mask, region, branch in zip(targets, logits, masks, regions, branches, strict=True):
            # The released class for one object hands the logits themselves to the second frame, not probabilities.
            handed = whole(own.values if self.from_box else mask[0])
            [facts] = facts_of([handed], [own.values > 0])
            state = SegmentationState(
                number=1,
                picture=(mask.shape[1], mask.shape[2]),
                region=region,
                branch=branch,
                logits=own,
                previous=handed,
                seen=facts,
                own=facts,
            )
            if self.settings.alone == "merged":
                self._merge_alone(state)
            prediction = Prediction(np.array(target.box, np.float64), 1.0, self.mask_of(state), self.trace_of(state))
            started.append((state, prediction))
        self.probe("first_logits", logits)
        return started

    def _first_logits(self, frames: ListOf[Frame], targets: ListOf[Target]) -> list[Pasted]:
        """First masks as logits: ±100 of a mask, or what the box encoder says of the whole picture."""
        if self.from_box:
            return [self._logits_of_box(frame, target.box) for frame, target in zip(frames, targets, strict=True)]
        return [mask_logits(mask[0] > 0.5) for mask in self.first_masks(frames, targets)]

    def _logits_of_box(self, frame: Frame, box: Floats) -> Pasted:
        picture = frame.tensor(self.device)[None]
        size = (picture.shape[2], picture.shape[3])
        drawn = rectangle(box, size, clamped=not self.box_slip).to(self.device)
        with autocast(self.device, self.dtype):
            features = self.network.features(picture)
            encoding = self.network.encode_boxes(self.network.segmentation_features(features), drawn[None])
            logits = self.network.decode(encoding, features, size)
        return whole(logits[0, 0].float())

    @without_tf32()
    @torch.inference_mode()
    def step(self, frames: ListOf[Frame], states: ListOf[SegmentationState]) -> list[Prediction]:
        """See `Tracker.step`."""
        self.check_frames(frames, states)
        with self.stage("learn"):
            self._learn_from_last(states)
        with self.stage("crop"):
            for state in states:
                if (size := self._seen_size(state.seen)) is not None:
                    state.region.follow(state.seen.centre, size, self.settings)
            windows = self.windows(states)
            crops = self.crops(frames, windows)
        with self.stage("network"), autocast(self.device, self.dtype):
            features = self.network.features(crops)
            x, encoding = self.encodings(features, states)
            logits = self.network.decode(encoding, features).float()
        with self.stage("paste"):
            self.observe(states, self.pasted(logits, states, windows), x, windows)
            if self.settings.alone == "merged":
                for state in states:
                    self._merge_alone(state)
        predictions = [
            Prediction(self.merged_box(state, state), state.own.confidence, self.mask_of(state), self.trace_of(state))
            for state in states
        ]
        if self._probe is not None:
            self.probe("mask_encoding", encoding)
            self.offer(states, predictions, crops, windows, logits)
        return predictions

    def _learn_from_last(self, states: ListOf[SegmentationState]) -> None:
        """Store every frame, whatever its mask; refine on every so-manieth."""
        tracked: list[SegmentationState] = []
        for state in states:
            state.number += 1
            state.decisions = {}
            if state.number > 2:
                tracked.append(state)
        self.remember(tracked)
        due = [state for state in tracked if (state.number - 1) % self.settings.train_skipping == 0]
        if due:
            self.refine(due, self.settings.net_opt_update_iter)

    def _seen_size(self, facts: Facts) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """(2,) the target's size by its probabilities; None where there is too little of them."""
        size = facts.size(self.settings.bbox_size_factor)
        seen = facts.sum >= self.settings.min_mask_area and bool(np.isfinite(size).all() and (size > 0).all())
        return size if seen else None

    def _merge_alone(self, state: SegmentationState) -> None:
        chances, labels = merge_logits([state.logits])
        state.previous = whole(chances[0])
        [state.seen] = facts_of([state.previous], [labels == 1])

    def box_from(self, facts: Facts, region: Region) -> Floats:
        """(4,) what is reported of a map, or the region's target where the map holds too little."""
        if self.settings.box == "mask":
            return box_of(region.position, region.size) if facts.empty else np.array(facts.box)
        size = self._seen_size(facts)
        return box_of(region.position, region.size) if size is None else box_of(facts.centre, size)

    def merged_box(self, state: SegmentationState, first: SegmentationState) -> Floats:
        """Moments of the merged probabilities, or the tightest about the mask; the place last known where there is none."""
        return self.box_from(state.seen, first.region if self.settings.merged_fallback == "first" else state.region)
