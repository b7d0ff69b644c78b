"""Single stages of RTS and LWL at the crop's full size, beside the reference's (`stage/…`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from trackzoo.nn.patches import cut_patch, patch_window
from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, relative
from trackzoo.trackers.rts.filters import apply_filters, learn_instance_filters
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.region import centre_of, scale_of
from trackzoo.trackers.rts.verify_summary import SHARE, summary, summary_rules

Arrays = Iterator[tuple[str, object]]
#: Strides of the goldens, by name; an axis of stride 0 is kept whole.
BACKBONE = {"layer1": (1, 19, 16, 16), "layer2": (1, 37, 8, 8), "layer3": (1, 37, 8, 8), "layer4": (1, 37, 4, 4)}
SEGMENTATION, CLASSIFICATION = (1, 37, 5, 5), (1, 37, 3, 3)
SEGMENTATION_FILTER, INSTANCE_FILTER = (0, 0, 31, 0, 0), (0, 15, 0, 0)
DECODER = {"layer4": 4, "layer3": 8, "layer2": 8, "layer1": 16}
LABELS, ENCODINGS, LOGITS = (0, 0, 0, 4, 4), (0, 0, 0, 2, 2), (0, 0, 8, 8)
#: Iterates that the goldens hold.
SEGMENTATION_STEPS, INSTANCE_STEPS = (0, 1, 2, 5, 20), (1, 5, 10)
#: What the reference was given.
GIVEN = ("salt", "calibration", "scene_seed", "image_sample_size", "input_frames", "sample_area_factor")


def stage_rules(golden: Mapping[str, Array]) -> dict[str, Tolerance]:
    """Rules of every array `stage/…` of a file.

    Summaries and plain arrays within a share of their standard deviation, losses of their size, masks in a share of the bits.
    """
    rules: dict[str, Tolerance] = {}
    for name, array in golden.items():
        family, _, part = name.rpartition("/")
        if not name.startswith("stage/"):
            continue
        if part in ("shape", "mean", "std", "sub") and f"{family}/std" in golden:
            rules.update(summary_rules(family, golden))
        elif name.removeprefix("stage/") in (*GIVEN, "clf_boxes", "clf_labels", "box/box", "box/rectangle_boxes"):
            rules[name] = INPUT
        elif name == "stage/box/rectangles" or name == "stage/input_mask":
            rules[name] = EXACT
        elif array.dtype == np.uint8:
            rules[name] = Tolerance("near", 1e-3)
        elif name.endswith("losses"):
            rules[name] = relative(1e-3)
        elif name == "stage/score_map":
            rules[name] = absolute(3e-3)
        elif name == "stage/box/logits_stat":
            rules[name] = relative(1e-3)
        else:
            rules[name] = absolute(SHARE * float(array.std()))
    return {name: rule for name, rule in rules.items() if _computable(name, golden)}


def _computable(name: str, golden: Mapping[str, Array]) -> bool:
    """Whether the file holds what the reference was given for an array, where it cannot be made anew."""
    part = name.removeprefix("stage/")
    if part.startswith(("clf_filter", "clf_losses", "clf_update", "score_")):
        return {"stage/clf_boxes", "stage/clf_labels"} <= golden.keys()
    if part.startswith("decoder"):
        # RTS decodes the score map's encoding too; LWL's file has nothing of an instance branch.
        rts = any(each.startswith(("stage/clf_", "stage/score_", "stage/classification")) for each in golden)
        return not rts or {"stage/clf_boxes", "stage/clf_labels"} <= golden.keys()
    return part != "box/rectangles" or "stage/box/rectangle_boxes" in golden


class Stage:
    """Crops of two frames of a scene, and the network's maps of them.

    Args:
        network: filled.
        case: the goldens.
        golden: of the file.
        setup: how to compute.
        crop: (height, width) of crops, where the goldens do not say.
        factor: search area's, likewise.
    """

    def __init__(
        self,
        network: RTSNetwork,
        case: Case,
        golden: Mapping[str, Array],
        setup: Setup,
        crop: tuple[int, int] = (480, 832),
        factor: float = 6.0,
    ) -> None:
        self.network, self.setup = network, setup
        size = golden.get("stage/image_sample_size", np.array(crop))
        self.size = int(size[0]), int(size[1])
        self.factor = float(golden.get("stage/sample_area_factor", np.array(factor)))
        self.frames = [int(each) for each in golden.get("stage/input_frames", np.array([0, 4]))]
        seed = int(golden.get("stage/scene_seed", np.array(case.seed)))
        self.video, self.boxes, self.masks = scene(seed)
        crops = [self._crop(torch.from_numpy(self.video[frame]).permute(2, 0, 1), frame) for frame in self.frames]
        self.crops = torch.stack(crops).to(setup.device)
        first = self.frames[0]
        mask = self._crop(torch.from_numpy(self.masks[first])[None].float(), first) > 0.5
        self.mask = mask[None].float().to(setup.device)
        with autocast(setup.device, setup.dtype):
            self.maps = network.features(self.crops)
            self.features = network.segmentation_features(self.maps).float()
            self.labels, self.weights = (each.float()[None] for each in network.encode_masks(self.mask))

    def _crop(self, picture: Tensor, frame: int) -> Tensor:
        position, size = centre_of(self.boxes[frame])
        extent = np.float32(scale_of(size, self.size, self.factor)) * np.array(self.size, np.float32)
        window = patch_window(position, extent, self.video.shape[1:3], self.size, "inside_major")
        return cut_patch(picture, window)

    def inputs(self) -> Arrays:
        """Crops, backbone, features and label encodings."""
        yield from summary("stage/input", self.crops, (0, 0, 32, 32))
        yield "stage/input_mask", np.packbits(self.mask[0, 0].cpu().numpy() > 0)
        for name, strides in BACKBONE.items():
            yield from summary(f"stage/backbone/{name}", self.maps[name], strides)
        yield from summary("stage/segmentation_features", self.features, SEGMENTATION)
        for name, encoding in (("label_encoding", self.labels), ("label_weight", self.weights)):
            yield f"stage/{name}", encoding[0, 0, :, ::2, ::2].cpu().numpy()
            yield from summary(f"stage/{name}_full", encoding, LABELS)

    @cached_property
    def learnt_segmentation(self) -> tuple[Tensor, dict[int, Tensor], list[float]]:
        """After 20 iterations on the first sample: the filter (1, 16, 512, 3, 3), its iterates, and the loss of each."""
        trace = Trace()
        ones = torch.ones(1, 1, device=self.setup.device)
        filters = self.network.learn_segmentation(
            self.features[:1, None],
            self.labels,
            self.weights,
            ones,
            self.network.new_segmentation_filters(1),
            SEGMENTATION_STEPS[-1],
            trace,
        )
        return filters, trace.filters, trace.losses

    def updated_segmentation(self, filters: Tensor, iterations: int) -> tuple[Tensor, list[float]]:
        """Refined on both samples, whose labels and weights are made up of the first one's."""
        trace = Trace()
        labels = torch.cat([self.labels, self.labels.roll(3, -1)])
        weights = torch.cat([self.weights, self.weights.flip(-1)])
        importance = torch.tensor([[0.7], [0.3]], device=self.setup.device)
        found = self.network.learn_segmentation(
            self.features[:, None], labels, weights, importance, filters, iterations, trace
        )
        return found, trace.losses

    def decoded(self, encoding: Tensor, steps: Mapping[str, int]) -> Arrays:
        """Levels of the decoder and logits of the second frame.

        Args:
            encoding: (1, 16, h, w).
            steps: level -> stride by which the goldens hold it.
        """
        maps = {name: each[1:2] for name, each in self.maps.items()}
        decoder = self.network.decoder
        with autocast(self.setup.device, self.setup.dtype):
            reduced = decoder.reduce(maps)
            levels = decoder.levels(encoding, reduced)
            found = self.network.decode(encoding, maps)
        for name, level in levels.items():
            yield from summary(f"stage/decoder/{name}", level, (0, 17, steps[name], steps[name]))
        yield from summary("stage/decoder_logits", found, LOGITS)
        yield "stage/decoder_mask", np.packbits((found > 0).cpu().numpy())


class Trace:
    """Keeps iterates and losses of the first object."""

    def __init__(self) -> None:
        self.filters: dict[int, Tensor] = {}
        self.losses: list[float] = []

    def __call__(self, iteration: int, filters: Tensor, losses: Tensor) -> None:
        """See `filters.Watch`."""
        self.filters[iteration] = filters
        self.losses.append(float(losses[0]))


def segmentation_arrays(stage: Stage) -> Arrays:
    """What RTS and LWL have in common; returns nothing of the decoder."""
    yield from stage.inputs()
    filters, iterates, losses = stage.learnt_segmentation
    for step in SEGMENTATION_STEPS:
        yield from summary(f"stage/seg_filter/{step}", iterates[step], SEGMENTATION_FILTER)
    yield "stage/seg_losses", losses
    encodings = apply_filters(stage.features, filters.expand(len(stage.features), -1, -1, -1, -1))
    yield from summary("stage/mask_encoding", encodings[:, None], ENCODINGS)


def rts_arrays(stage: Stage, golden: Mapping[str, Array]) -> Arrays:
    """All arrays `stage/…` of RTS."""
    network, device = stage.network, stage.setup.device
    yield from segmentation_arrays(stage)
    filters = stage.learnt_segmentation[0]
    refined, losses = stage.updated_segmentation(filters, 3)
    yield from summary("stage/seg_filter_update", refined, SEGMENTATION_FILTER)
    yield "stage/seg_update_losses", losses
    with autocast(device, stage.setup.dtype):
        features = network.classification_features(stage.maps).float()
    yield from summary("stage/classification_features", features, CLASSIFICATION)
    if not {"stage/clf_boxes", "stage/clf_labels"} <= golden.keys():
        return
    boxes = torch.from_numpy(golden["stage/clf_boxes"]).to(device)[None]
    labels = torch.from_numpy(golden["stage/clf_labels"]).to(device)[:, None]
    first = network.new_instance_filters(features[None], boxes)
    yield from summary("stage/clf_filter/init", first[:, 0], INSTANCE_FILTER)
    trace, samples = Trace(), features[:, None]
    count = len(features)
    even = torch.full((count, 1), 1 / count, device=device)
    learnt = learn_instance_filters(samples, labels, even, first, INSTANCE_STEPS[-1], trace)
    for step in INSTANCE_STEPS:
        yield from summary(f"stage/clf_filter/{step}", trace.filters[step][:, 0], INSTANCE_FILTER)
    yield "stage/clf_losses", trace.losses
    trace = Trace()
    uneven = torch.tensor([[0.8], [0.2]], device=device)
    updated = learn_instance_filters(samples, labels, uneven, learnt, 2, trace)
    yield from summary("stage/clf_filter_update", updated[:, 0], INSTANCE_FILTER)
    yield "stage/clf_update_losses", trace.losses
    scores = apply_filters(features, learnt.expand(count, -1, -1, -1, -1))
    yield "stage/score_map", scores[:, 0].cpu().numpy()
    with autocast(device, stage.setup.dtype):
        encoded = network.encode_scores(scores[1:2])
        encoding = network.fuse(apply_filters(stage.features[1:2], filters), scores[1:2])
    yield "stage/score_encoding", encoded[0].float().cpu().numpy()
    yield from stage.decoded(encoding, DECODER)
