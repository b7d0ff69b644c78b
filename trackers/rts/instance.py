"""The instance branch online: its first filter, where it sees the target, and what it learns from each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf

import numpy as np
import torch
from torch import Tensor

from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.nn.patches import PatchWindow, cut_patch, patch_window
from trackzoo.nn.precision import autocast
from trackzoo.trackers.rts.augment import versions
from trackzoo.trackers.rts.filters import apply_filters, learn_instance_filters
from trackzoo.trackers.rts.labels import gaussian_label, label_sigma
from trackzoo.trackers.rts.learning import learn_together
from trackzoo.trackers.rts.localisation import Flag, Located, localise
from trackzoo.trackers.rts.memory import Arena, SlotWeights
from trackzoo.trackers.rts.network import RTSNetwork, normalised
from trackzoo.trackers.rts.region import Region, box_in_crop, box_of, centre_of, scale_of
from trackzoo.trackers.rts.settings import RTSSettings
from trackzoo.trackers.rts.states import Branch, InstanceState, SegmentationState

#: Samples that are learnt from in one call.
TOGETHER = 256
#: A target that the branch reports is at least so many pixels large.
SMALLEST = 10


class InstanceBranch:
    """The branch of all objects.

    Args:
        network: the tracker's.
        settings: see `RTSSettings`.
        device, dtype: see `Tracker`.
    """

    def __init__(self, network: RTSNetwork, settings: RTSSettings, device: str, dtype: str) -> None:
        self.network, self.settings, self.device, self.dtype = network, settings, device, dtype
        rows, columns = settings.clf_cells
        self.memory = Arena(
            settings.clf_sample_memory_size,
            {"features": (512, rows, columns), "labels": (rows + 1, columns + 1)},
            device,
        )

    def start(self, frames: ListOf[Frame], regions: ListOf[Region]) -> list[InstanceState]:
        """The branch of B new objects, each learnt from five versions of one crop."""
        return [self._start(frame, region) for frame, region in zip(frames, regions, strict=True)]

    def _start(self, frame: Frame, region: Region) -> InstanceState:
        settings = self.settings
        crop = settings.image_sample_size
        width, height = frame.size
        centre = np.rint(region.position)
        window = patch_window(centre, region.crop_size(settings), (height, width), crop, "replicate")
        patch = cut_patch(frame.tensor(self.device), window)
        crops = versions(patch) if settings.clf_use_augmentation else patch[None]
        # The label and the box take the rounded centre and the asked-for scale for the crop's, not its own (released code).
        box = box_in_crop(region.position, region.size, centre, region.scale, crop)
        sigma = label_sigma(region.base_size, settings)
        label = torch.from_numpy(gaussian_label(region.position, centre, region.scale, sigma, settings)).to(self.device)
        with autocast(self.device, self.dtype):
            layer = self.network.feature_extractor(normalised(crops), ("layer3",))
            features = self.network.classification_features(layer).float()
        boxes = torch.from_numpy(np.tile(box, (len(crops), 1)))[None].to(self.device)
        filters = self.network.new_instance_filters(features[None], boxes)
        slots = SlotWeights(settings.clf_sample_memory_size, len(crops), settings.clf_init_samples_minimum_weight)
        branch = Branch(self.memory.take(), slots, filters[0])
        if settings.schedule == "paper":
            branch.slots.keep_first = branch.slots.oldest = True
        for slot, sample in enumerate(features):
            self.memory.put("features", branch.lane, slot, sample)
            self.memory.put("labels", branch.lane, slot, label)
        self._learn([branch], settings.clf_net_opt_iter)
        return InstanceState(branch, region.position, region.size, region.scale, sigma)

    def release(self, states: ListOf[InstanceState]) -> None:
        """Give lanes back."""
        for state in states:
            self.memory.give(state.branch.lane)

    def scores(self, features: Mapping[str, Tensor], states: ListOf[InstanceState]) -> tuple[Tensor, Tensor]:
        """Classification features (B, 512, h, w) and score maps (B, 1, h + 1, w + 1), float32."""
        x = self.network.classification_features(features).float()
        return x, apply_filters(x, torch.stack([state.branch.filter for state in states]))

    def locate(self, scores: Tensor, states: ListOf[InstanceState], windows: ListOf[PatchWindow]) -> list[Located]:
        """Read B score maps (B, 1, h, w); one transfer to the host."""
        return [
            localise(own, state.position, state.size, window.position, window.scale, self.settings)
            for own, state, window in zip(scores[:, 0].cpu().numpy(), states, windows, strict=True)
        ]

    def move(self, state: SegmentationState, located: Located, window: PatchWindow) -> Floats:
        """Take over where the target is, from the mask if there is one; the branch's box (4,)."""
        instance, settings = state.instance, self.settings
        assert instance is not None
        if not state.no_mask:
            instance.position, instance.size = centre_of(state.own.box)
            instance.scale = scale_of(instance.size, settings.image_sample_size, settings.search_area_scale)
        elif located.flag is not Flag.NOT_FOUND:
            base, picture = state.region.base_size, np.array(state.picture, np.float32)
            low, high = float((SMALLEST / base).max()), float((picture / base).min())
            # In this order, as the reference clips: the picture's limit goes before the smallest size.
            instance.scale = min(max(window.scale, low), high)
            instance.size = (base * np.float32(instance.scale)).astype(np.float32)
            inside = np.float32(settings.target_inside_ratio - 0.5) * instance.size
            seen = window.position + located.translation
            instance.position = np.maximum(np.minimum(seen, picture - inside), inside).astype(np.float32)
        instance.lost = located.flag is Flag.NOT_FOUND
        return box_of(instance.position, instance.size)

    def learn(
        self,
        states: ListOf[SegmentationState],
        located: ListOf[Located],
        features: Tensor,
        windows: ListOf[PatchWindow],
    ) -> None:
        """Store what the branch saw on this frame, and refine the filters that are due.

        Args:
            states: B objects, after `move`.
            located: of their score maps.
            features: (B, 512, h, w) classification features.
            windows: of their crops.
        """
        due: dict[int, list[Branch]] = {}
        for index, (state, found, window) in enumerate(zip(states, located, windows, strict=True)):
            instance, decisions = state.instance, state.decisions
            assert instance is not None
            if found.flag not in (Flag.NORMAL, Flag.HARD_NEGATIVE):
                continue
            iterations = self._iterations(state, found)
            if self._stores(state):
                hard = found.flag is Flag.HARD_NEGATIVE
                rate = self.settings.clf_hard_negative_learning_rate if hard else self.settings.clf_learning_rate
                self._store(instance, features[index], window, rate, state)
                decisions["clf_learning_rate"] = rate
            if self.settings.schedule == "paper" and not instance.branch.fresh:
                iterations = 0
            decisions["clf_iterations"] = iterations
            if iterations:
                due.setdefault(iterations, []).append(instance.branch)
        for iterations, branches in due.items():
            self._learn(branches, iterations)

    def _stores(self, state: SegmentationState) -> bool:
        settings = self.settings
        if settings.schedule == "released":
            return True
        return state.number < settings.clf_alr_init_buff or (state.number - 1) % settings.clf_train_skipping == 0

    def _iterations(self, state: SegmentationState, found: Located) -> int:
        settings = self.settings
        if found.flag is Flag.HARD_NEGATIVE:
            return settings.clf_net_opt_hn_iter
        first = settings.schedule == "released" and state.number < settings.clf_alr_init_buff
        due = first or (state.number - 1) % settings.clf_train_skipping == 0
        return settings.clf_net_opt_update_iter if due else 0

    def _store(
        self, instance: InstanceState, features: Tensor, window: PatchWindow, rate: float, state: SegmentationState
    ) -> None:
        label = gaussian_label(instance.position, window.position, window.scale, instance.sigma, self.settings)
        slot = instance.branch.slots.insert(rate)
        self.memory.put("features", instance.branch.lane, slot, features)
        self.memory.put("labels", instance.branch.lane, slot, torch.from_numpy(label).to(self.device))
        instance.branch.fresh = True
        crop = self.settings.image_sample_size
        state.decisions["clf_memory_index"] = slot
        state.decisions["clf_memory_box"] = box_in_crop(
            instance.position, instance.size, window.position, window.scale, crop
        )
        state.decisions["clf_label_max"] = float(label.max())

    def _learn(self, branches: ListOf[Branch], iterations: int) -> None:
        def learn(lanes: range, count: int, importance: Tensor, filters: Tensor) -> Tensor:
            samples, labels = (self.memory.view(name, lanes, count) for name in ("features", "labels"))
            return learn_instance_filters(samples, labels, importance, filters, iterations)

        learn_together(branches, TOGETHER, self.device, learn)
