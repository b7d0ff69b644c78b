"""What RTS and LWL share: the segmentation branch of many objects at once, its memory, pasting, and merging."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence as ListOf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.errors import DataError
from trackzoo.frames import Frame
from trackzoo.nn.folding import inference_copy
from trackzoo.nn.patches import PatchWindow, cut_patch, cut_patches, patch_window
from trackzoo.nn.precision import autocast, dtype_named
from trackzoo.sequence import Target
from trackzoo.settings import changed
from trackzoo.tracker import Prediction, Tracker
from trackzoo.trackers.rts.filters import apply_filters
from trackzoo.trackers.rts.first import checked_mask, first_sample
from trackzoo.trackers.rts.learning import learn_together
from trackzoo.trackers.rts.memory import Arena, SlotWeights
from trackzoo.trackers.rts.merge import merge_logits
from trackzoo.trackers.rts.network import RTSNetwork, normalised
from trackzoo.trackers.rts.pasting import Facts, Pasted, facts_of, paste, whole
from trackzoo.trackers.rts.region import Region
from trackzoo.trackers.rts.settings import SegmentationSettings
from trackzoo.trackers.rts.starting import MaskMaker
from trackzoo.trackers.rts.states import Branch, SegmentationState
from trackzoo.weights.loading import fill_from

#: Samples that are learnt from, or crops that pass the backbone on a first frame, in one call: bounds what they need at once.
TOGETHER = 128
CROPS_TOGETHER = 6


class SegmentationTracker(Tracker[SegmentationState]):
    """Base of `RTSTracker` and `LWLTracker`.

    Args:
        network: makes the network.
        usual: settings where nobody says others.
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`.
        sta: STA's weights, which make a mask of a first box; they are loaded when the first box without a mask comes.
        sta_slip: keep the slip of the released code with boxes that begin left of or above the picture.
        device, dtype: see `Tracker`. Filters are learnt in float32 whatever the dtype.
        compile: whether to compile the network's backbone (torch.compile); the first frames then take minutes.
        fast: compute with channels last in memory and batch norms folded away: the same up to rounding, which the instance
            branch amplifies, so that scores differ by some thousandths.
        settings: those that differ from `usual`; see `RTSSettings`, `LWLSettings`.

    Raises:
        SettingsError: a setting that there is not, or a value that one cannot have; weights that do not fit.
    """

    #: Module that draws its probes; see `trackzoo inspect`.
    pictures = "trackzoo.trackers.rts.pictures"
    #: The first frame's sample is never replaced, and then the oldest (`rts50-paper`).
    keep_first: bool = False

    def __init__(
        self,
        network: Callable[[], RTSNetwork],
        usual: SegmentationSettings,
        /,
        *,
        weights: Any = None,
        sta: Any = "sta",
        sta_slip: bool = False,
        device: str = "cpu",
        dtype: str = "fp32",
        compile: bool = False,
        fast: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(device=device, dtype=dtype)
        dtype_named(dtype)
        self.settings = changed(usual, settings)
        # Made without values, which would be drawn for seconds and then replaced.
        with torch.device("meta"):
            made = network()
        fill_from(made, weights)
        made = made.to(device).eval().requires_grad_(False)
        self.network = inference_copy(made, fold=True) if fast else made
        self._log: list[dict[str, Any]] = []
        if compile:
            self.network.feature_extractor.compile()
        rows, columns = self.settings.cells
        self.memory = Arena(
            self.settings.sample_memory_size,
            {
                "features": (512, rows, columns),
                "labels": (16, rows, columns),
                "weights": (16, rows, columns),
            },
            device,
        )
        self.masks = MaskMaker(
            "random" if isinstance(weights, str) and weights == "random" else sta, sta_slip, device, dtype
        )

    def identity(self) -> Mapping[str, Any]:
        """The weights that make first masks."""
        return self.masks.identity()

    def needs_mask(self) -> str:
        """See `Tracker.needs_mask`: a box alone needs STA's weights."""
        return self.masks.lacking()

    def arena(self, lanes: int) -> None:
        """See `Tracker.arena`."""
        self.memory.reserve(lanes)

    def release(self, states: ListOf[SegmentationState]) -> None:
        """See `Tracker.release`."""
        for state in states:
            self.memory.give(state.branch.lane)

    # First frame

    def first_masks(self, frames: ListOf[Frame], targets: ListOf[Target]) -> list[Tensor]:
        """B masks (1, height, width) float32 of 0 and 1: those that were given, and STA's of boxes.

        Raises:
            DataError: a mask that is none; see `checked_mask`.
            SettingsError: STA's weights are needed and not here.
        """
        given = [
            None if target.mask is None else checked_mask(target.mask, frame)
            for frame, target in zip(frames, targets, strict=True)
        ]
        return self.masks(frames, targets, given)

    def new_branches(self, frames: ListOf[Frame], masks: ListOf[Tensor], regions: ListOf[Region]) -> list[Branch]:
        """Memories and filters of B new objects.

        Args:
            frames: B frames.
            masks: B masks (1, height, width) in 0..1.
            regions: of their first boxes.
        """
        samples = [
            first_sample(frame.tensor(self.device), mask, region, self.settings)
            for frame, mask, region in zip(frames, masks, regions, strict=True)
        ]
        crops = torch.stack([crop for crop, _ in samples])
        kept = torch.stack([mask for _, mask in samples])
        self.probe("first_masks", kept)
        self.probe("first_crops", crops)
        with autocast(self.device, self.dtype):
            features = torch.cat(
                [
                    self.network.segmentation_features(self.layer3(part)).float()
                    for part in torch.split(crops, CROPS_TOGETHER)
                ]
            )
            labels, weights = (each.float() for each in self.network.encode_masks(kept))
        settings = self.settings
        branches = [
            Branch(
                self.memory.take(),
                SlotWeights(
                    settings.sample_memory_size,
                    minimum=settings.init_samples_minimum_weight,
                    keep_first=self.keep_first,
                    oldest=self.keep_first,
                    equal_start=settings.lower_init_weight,
                ),
                filter,
            )
            for filter in self.network.new_segmentation_filters(len(frames)).unbind()
        ]
        for index, branch in enumerate(branches):
            self._store(branch.lane, 0, features[index], labels[index], weights[index])
        self._learn(branches, settings.net_opt_iter)
        if self._probe is not None:
            self.begin_log()
        return branches

    def layer3(self, crops: Tensor) -> dict[str, Tensor]:
        """The backbone up to where both branches' features come from."""
        maps: dict[str, Tensor] = self.network.feature_extractor(normalised(crops), ("layer3",))
        return maps

    def _store(self, lane: int, slot: int, features: Tensor, labels: Tensor, weights: Tensor) -> None:
        self.memory.put("features", lane, slot, features)
        self.memory.put("labels", lane, slot, labels)
        self.memory.put("weights", lane, slot, weights)

    # Learning from the frame before

    def remember(self, states: ListOf[SegmentationState]) -> None:
        """Store the last frame's features and probabilities of B objects."""
        if not states:
            return
        windows: list[PatchWindow] = []
        maps: list[Tensor] = []
        for state in states:
            assert state.window is not None
            # The crop's own window is where the mask is cut, too.
            windows.append(state.window)
            maps.append(state.previous.full()[None])
        masks = cut_patches(maps, windows, mask=True)
        with autocast(self.device, self.dtype):
            labels, weights = (each.float() for each in self.network.encode_masks(masks))
        for index, state in enumerate(states):
            branch = state.branch
            slot = branch.slots.insert(self.settings.learning_rate)
            assert state.features is not None
            self._store(branch.lane, slot, state.features, labels[index], weights[index])
            branch.fresh = True
            state.decisions["seg_memory_index"] = slot
            if self._probe is not None:
                state.decisions["memory_mask_area"] = float(masks[index].sum(dtype=torch.float64))

    def refine(self, states: ListOf[SegmentationState], iterations: int) -> None:
        """Refine the segmentation filters of B objects."""
        self._learn([state.branch for state in states], iterations)
        for state in states:
            state.decisions["seg_iterations"] = iterations

    def _learn(self, branches: ListOf[Branch], iterations: int) -> None:
        def learn(lanes: range, count: int, importance: Tensor, filters: Tensor) -> Tensor:
            samples, labels, weights = (
                self.memory.view(name, lanes, count) for name in ("features", "labels", "weights")
            )
            return self.network.learn_segmentation(samples, labels, weights, importance, filters, iterations)

        learn_together(branches, TOGETHER, self.device, learn)

    # This frame

    def windows(self, states: ListOf[SegmentationState]) -> list[PatchWindow]:
        """Where the crops of B objects lie."""
        return [
            patch_window(
                state.region.crop_centre(self.settings),
                state.region.crop_size(self.settings),
                state.picture,
                self.settings.image_sample_size,
                "inside_major",
            )
            for state in states
        ]

    def encodings(self, features: Mapping[str, Tensor], states: ListOf[SegmentationState]) -> tuple[Tensor, Tensor]:
        """Segmentation features (B, 512, h, w) and mask encodings x_m (B, 16, h, w), float32."""
        x = self.network.segmentation_features(features).float()
        return x, apply_filters(x, torch.stack([state.branch.filter for state in states]))

    def crops(self, frames: ListOf[Frame], windows: ListOf[PatchWindow]) -> Tensor:
        """(B, 3, *image_sample_size) float32 RGB in 0..255."""
        return torch.stack(
            [cut_patch(frame.tensor(self.device), window) for frame, window in zip(frames, windows, strict=True)]
        )

    def pasted(self, logits: Tensor, states: ListOf[SegmentationState], windows: ListOf[PatchWindow]) -> list[Pasted]:
        """Logits (B, 1, h, w) of the crops in the pictures."""
        return [
            paste(own, window.position, window.scale, state.picture)
            for own, state, window in zip(logits[:, 0].float(), states, windows, strict=True)
        ]

    def observe(
        self,
        states: ListOf[SegmentationState],
        logits: ListOf[Pasted],
        features: Tensor,
        windows: ListOf[PatchWindow],
    ) -> None:
        """Take over B objects' own results of a frame."""
        chances = [each.sigmoid() for each in logits]
        facts = facts_of(chances, [each.values > 0 for each in logits])
        for index, state in enumerate(states):
            state.logits, state.previous = logits[index], chances[index]
            state.own = state.seen = facts[index]
            state.features, state.window = features[index], windows[index]
            state.lost = facts[index].empty

    def mask_of(self, state: SegmentationState) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        """(height, width) bool of the object's own logits, where masks are wanted."""
        if "masks" not in self.wants:
            return None
        mask = Pasted(state.logits.values > 0, state.logits.top, state.logits.left, state.picture, 0.0).full()
        return np.asarray(mask.cpu().numpy(), dtype=np.bool_)

    # Several objects

    def merge(self, states: ListOf[SegmentationState], predictions: ListOf[Prediction]) -> list[Prediction]:
        """See `Tracker.merge`: soft aggregation; the next frame reads the merged probabilities.

        Flags, and with them the memories, stay with each object's own mask.
        """
        if len({state.picture for state in states}) > 1:
            raise ValueError("objects to be merged must share a picture")
        chances, labels = merge_logits([state.logits for state in states])
        maps = [whole(each) for each in chances]
        masks = [labels == index + 1 for index in range(len(states))]
        for state, map_, facts in zip(states, maps, facts_of(maps, masks), strict=True):
            state.previous, state.seen = map_, facts
        out: list[Prediction] = []
        for index, (state, prediction) in enumerate(zip(states, predictions, strict=True)):
            kept = np.asarray(masks[index].cpu().numpy(), np.bool_) if "masks" in self.wants else None
            out.append(Prediction(self.merged_box(state, states[0]), prediction.score, kept, prediction.trace))
        return out

    @abstractmethod
    def merged_box(self, state: SegmentationState, first: SegmentationState) -> Any:
        """(4,) box of an object after a merge, whose facts are `state.seen`; `first` is the merge's first object."""

    def check_frames(self, frames: ListOf[Frame], states: ListOf[SegmentationState]) -> None:
        """Raise `DataError` for a video whose frames change their size."""
        for frame, state in zip(frames, states, strict=True):
            width, height = frame.size
            if (height, width) != state.picture:
                raise DataError(
                    frame.label,
                    f"a picture of {width}x{height}",
                    f"{state.picture[1]}x{state.picture[0]}, as the first frame",
                    "bring all frames to one size, or start a new object here",
                )

    def offer(
        self,
        states: ListOf[SegmentationState],
        predictions: ListOf[Prediction],
        crops: Tensor,
        windows: ListOf[PatchWindow],
        logits: Tensor,
    ) -> None:
        """Offer a frame to the probe: one row for each of B objects."""
        self.probe("crops", crops)
        self.probe("windows", list(windows))
        self.probe("centres", [state.region.crop_centre(self.settings) for state in states])
        self.probe("logits", logits)
        self.probe("states", list(states))
        self.probe("predictions", list(predictions))
        if states:
            # What is drawn along a sequence, of the first object.
            state, instance = states[0], states[0].instance
            entry = {**state.decisions, "frame": state.number - 1, "lost": state.lost, "small": state.small}
            entry |= {"lost_instance": state.lost_instance, "weights": state.branch.slots.weights.copy()}
            if instance is not None:
                entry |= {"clf_weights": instance.branch.slots.weights.copy(), "peak": predictions[0].score}
            self._log.append(entry)

    def begin_log(self) -> None:
        """Offer the probe a list that grows by an entry a frame: decisions of the first object."""
        self._log = []
        self.probe("log", self._log)

    def trace_of(self, state: SegmentationState) -> Mapping[str, Any] | None:
        """Decisions of this frame, while a probe is attached."""
        return dict(state.decisions) if self._probe is not None else None


def first_facts(mask: Tensor) -> Facts:
    """Facts of a first mask (height, width) of 0 and 1, which the second frame reads as a map of 0 and 100."""
    [facts] = facts_of([whole(100 * mask)], [mask > 0.5])
    return facts
