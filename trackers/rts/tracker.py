"""RTS on the tracker interface: many objects, one network call a frame.

The order of operations is the released code's: learn from the last frame, move the search region, cut, read both branches,
paste, then let the instance branch learn from this frame.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.nn.patches import PatchWindow
from trackzoo.nn.precision import autocast, without_tf32
from trackzoo.sequence import Target
from trackzoo.tracker import Prediction
from trackzoo.trackers.rts.instance import InstanceBranch
from trackzoo.trackers.rts.localisation import Located
from trackzoo.trackers.rts.merge import mask_logits
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.pasting import whole
from trackzoo.trackers.rts.region import Region
from trackzoo.trackers.rts.segmentation import SegmentationTracker, first_facts
from trackzoo.trackers.rts.settings import RTSSettings
from trackzoo.trackers.rts.states import SegmentationState


class RTSTracker(SegmentationTracker):
    """RTS over B objects at once.

    Args:
        options: see `SegmentationTracker` and, for settings, `RTSSettings`. Weights are `rts50`'s.
    """

    settings: RTSSettings

    def __init__(self, **options: Any) -> None:
        super().__init__(RTSNetwork, RTSSettings(), **options)
        settings = self.settings
        self.keep_first = settings.schedule == "paper"
        self.instance = InstanceBranch(self.network, settings, self.device, self.dtype) if settings.instance else None

    def arena(self, lanes: int) -> None:
        """See `Tracker.arena`."""
        super().arena(lanes)
        if self.instance is not None:
            self.instance.memory.reserve(lanes)

    def release(self, states: ListOf[SegmentationState]) -> None:
        """See `Tracker.release`."""
        super().release(states)
        if self.instance is not None:
            self.instance.release([state.instance for state in states if state.instance is not None])

    @without_tf32()
    @torch.inference_mode()
    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[SegmentationState, Prediction]]:
        """See `Tracker.start`; nothing is random. Raises `DataError` for a first mask that is none; see `first_masks`."""
        with self.stage("start"):
            masks = self.first_masks(frames, targets)
            regions = [Region.about(target.box, self.settings) for target in targets]
            branches = self.new_branches(frames, masks, regions)
            instances = self.instance.start(frames, regions) if self.instance is not None else [None] * len(frames)
        started: list[tuple[SegmentationState, Prediction]] = []
        for mask, region, branch, instance, target in zip(masks, regions, branches, instances, targets, strict=True):
            facts = first_facts(mask[0])
            state = SegmentationState(
                number=1,
                picture=(mask.shape[1], mask.shape[2]),
                region=region,
                branch=branch,
                logits=mask_logits(mask[0] > 0.5),
                previous=whole(mask[0]),
                seen=facts,
                own=facts,
                small=facts.area <= self.settings.min_mask_area,
                lost=facts.area <= self.settings.min_mask_area,
                instance=instance,
            )
            prediction = Prediction(np.array(target.box, np.float64), 1.0, self.mask_of(state), self.trace_of(state))
            started.append((state, prediction))
        return started

    @without_tf32()
    @torch.inference_mode()
    def step(self, frames: ListOf[Frame], states: ListOf[SegmentationState]) -> list[Prediction]:
        """See `Tracker.step`."""
        self.check_frames(frames, states)
        with self.stage("learn"):
            self._learn_from_last(states)
        with self.stage("crop"):
            for state in states:
                self._move(state)
            windows = self.windows(states)
            crops = self.crops(frames, windows)
        with self.stage("network"):
            logits, x, scores, seen = self._network(crops, states)
        with self.stage("paste"):
            self.observe(states, self.pasted(logits, states, windows), x, windows)
            for state in states:
                state.small = state.own.sum <= self.settings.min_mask_area
        located = self._instances(states, scores, seen, windows)
        predictions = [self._prediction(state, found) for state, found in zip(states, located, strict=True)]
        if self._probe is not None:
            self._offer(states, predictions, crops, windows, logits, scores)
        return predictions

    def _learn_from_last(self, states: ListOf[SegmentationState]) -> None:
        """Count the frame; store and learn from the one before, as the schedule says."""
        settings = self.settings
        store: list[SegmentationState] = []
        refine: list[SegmentationState] = []
        for state in states:
            state.number += 1
            state.decisions = {}
            if state.number == 2:
                continue
            found = not state.lost and not state.lost_instance
            force = state.number < settings.alr_init_buff
            due = (state.number - 1) % settings.train_skipping == 0
            if settings.schedule == "paper":
                # Rules (a), (b) and (d): only where both branches found the target.
                if found and (force or due):
                    store.append(state)
                if due and (state.branch.fresh or (store and store[-1] is state)):
                    refine.append(state)
            elif force or found:
                store.append(state)
                if force or due:
                    refine.append(state)
        self.remember(store)
        if refine:
            self.refine(refine, settings.net_opt_update_iter)

    @property
    def _trusts_instance(self) -> bool:
        return self.settings.fallback and self.settings.trust_clf_when_no_seg

    def _move(self, state: SegmentationState) -> None:
        """Move an object's search region to where the last frame showed it."""
        settings, region, instance = self.settings, state.region, state.instance
        if not state.no_mask and (not state.lost_instance or settings.trust_seg_when_no_clf):
            size = state.seen.size(settings.bbox_size_factor)
            if (state.seen.variance > 0).all():
                region.follow(state.seen.centre, size, settings)
            else:
                region.follow(region.position, region.size, settings)
        elif state.no_mask and not state.lost_instance and instance is not None and self._trusts_instance:
            region.follow(instance.position, instance.size, settings)
        elif settings.rescale_when_lost:
            region.search()

    def _network(
        self, crops: Tensor, states: ListOf[SegmentationState]
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Logits (B, 1, H, W), segmentation features, score maps, classification features."""
        with autocast(self.device, self.dtype):
            features = self.network.features(crops)
            x, encoding = self.encodings(features, states)
            scores = seen = None
            if self.instance is not None:
                seen, scores = self.instance.scores(
                    features, [state.instance for state in states if state.instance is not None]
                )
            logits = self.network.decode(self.network.fuse(encoding, scores), features)
        self.probe("mask_encoding", encoding)
        return logits.float(), x, scores, seen

    def _instances(
        self,
        states: ListOf[SegmentationState],
        scores: Tensor | None,
        features: Tensor | None,
        windows: ListOf[PatchWindow],
    ) -> list[Located | None]:
        """Let the instance branch look, decide and learn."""
        if self.instance is None or scores is None or features is None:
            return [None] * len(states)
        with self.stage("localise"):
            located = self.instance.locate(scores, [each.instance for each in states if each.instance], windows)
            for state, found, window in zip(states, located, windows, strict=True):
                state.decisions["instance_box"] = self.instance.move(state, found, window)
                state.decisions["flag"] = found.flag
                state.decisions["translation"] = found.translation
        with self.stage("learn"):
            self.instance.learn(states, located, features, windows)
        return list(located)

    def _prediction(self, state: SegmentationState, found: Located | None) -> Prediction:
        score = found.peak if found is not None else state.own.confidence
        box: Floats = state.own.box
        if state.no_mask and found is not None and self.settings.fallback and self.settings.use_clf_box_when_no_seg:
            box = state.decisions["instance_box"]
        return Prediction(np.array(box, np.float64), score, self.mask_of(state), self.trace_of(state))

    def merged_box(self, state: SegmentationState, first: SegmentationState) -> Floats:
        """The tightest about the merged mask."""
        return state.seen.box

    def _offer(
        self,
        states: ListOf[SegmentationState],
        predictions: ListOf[Prediction],
        crops: Tensor,
        windows: ListOf[PatchWindow],
        logits: Tensor,
        scores: Tensor | None,
    ) -> None:
        if scores is not None:
            with autocast(self.device, self.dtype):
                self.probe("score_encoding", self.network.encode_scores(scores).float())
            self.probe("scores", scores)
        self.offer(states, predictions, crops, windows, logits)
