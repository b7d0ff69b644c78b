"""OSTrack's stages and tracks beside the authors' own, and the base of ProContEXT's verification."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.frames import Frame
from trackzoo.nn.crops import Window, crop, crop_with_mask, normalise, stack, window
from trackzoo.nn.heads import best_cell, centre_boxes
from trackzoo.nn.precision import autocast
from trackzoo.nn.search_tracking import SearchTracker
from trackzoo.parity.case import Case
from trackzoo.parity.target import Setup, Target
from trackzoo.parity.tolerance import EXACT, INPUT, SET, Array, Tolerance, absolute
from trackzoo.sequence import Target as Object
from trackzoo.trackers.ostrack import pieces
from trackzoo.trackers.ostrack.tracker import OSTrackTracker

#: Maps and features (SPEC, section 7).
MAP = absolute(1e-4)
#: Pixels of a box in a track.
BOX = absolute(0.02)
#: Attention that decides; weights are a few thousandths and parted by 1e-6.
WEIGHT = absolute(1e-6)
#: Blocks whose output the goldens hold.
BLOCKS = (0, 2, 3, 5, 6, 9, 11)
#: Keep ratios of training that the goldens hold.
RATIOS = ("1", "0.85")

STAGE: dict[str, Tolerance] = {
    **{f"z{index}_crop": EXACT for index in range(4)},
    **{f"z{index}_resize_factor": absolute(1e-9) for index in range(4)},
    "x_crop": EXACT,
    "x_att_mask": EXACT,
    "x_resize_factor": absolute(1e-9),
    "x_norm_sub": absolute(1e-6),
    "center_mask_index": EXACT,
    "embed_len": EXACT,
    **dict.fromkeys(("embed_sub", "embed_stats", "attn0_sub", "attn0_stats"), MAP),
    **{f"block{index}_len": EXACT for index in BLOCKS},
    **{f"block{index}_{part}": MAP for index in BLOCKS for part in ("stats", "template_sub")},
    **{f"ce{index}_weight": WEIGHT for index in range(3)},
    **{f"ce{index}_{part}": SET for index in range(3) for part in ("keep", "removed")},
    **{f"ce{index}_gap_threshold": WEIGHT for index in range(3)},
    **dict.fromkeys(("search_feat_sub", "search_feat_stats", "search_feat_rownorm"), MAP),
    **dict.fromkeys(("score_map", "size_map", "offset_map", "pred_box_raw_cxcywh", "pred_box_hann_cxcywh"), MAP),
    "hann": absolute(1e-6),
    **dict.fromkeys(("hann_top2", "score_top2"), MAP),
    **{f"keep{ratio}_score_map": MAP for ratio in RATIOS},
    **{f"keep{ratio}_counts": EXACT for ratio in RATIOS},
}

TRACK: dict[str, Tolerance] = {
    "boxes": BOX,
    "max_score": MAP,
    "hann_top2": MAP,
    "hann_argmax": EXACT,
    "template_updates": EXACT,
    "init_box": absolute(1e-9),
    **dict.fromkeys(("interval", "update_interval", "frame_counter_start"), INPUT),
}


def statistics(values: Tensor) -> list[float]:
    """Mean, population standard deviation, largest magnitude."""
    values = values.double()
    return [float(values.mean()), float(values.std(correction=0)), float(values.abs().max())]


def top_two(response: Tensor) -> Array:
    """The two largest values of each map (B, …), (B, 2)."""
    return response.flatten(1).topk(2).values.float().cpu().numpy()


class SearchTarget(Target):
    """Stages, pieces and tracks of a tracker with OSTrack's network."""

    folder: str
    package: Path
    #: (frame, box) of the template crops' frames; every one is cut at each factor.
    templates: tuple[int, ...] = (0,)
    tracks: tuple[str, ...] = ("track",)

    @property
    def packaged(self) -> Path:  # type: ignore[override]
        """The folder in the plugin's package data."""
        return self.package / "goldens" / self.folder

    def files(self) -> Iterable[str]:
        """Stage, pieces, tracks."""
        return ("stage", "pieces", *self.tracks)

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the kind of file; further tracks (`track_*`) are known too."""
        if file == "stage":
            return self.stage_table()
        if file == "pieces":
            return pieces.TABLE
        return TRACK if file in self.tracks or file.startswith("track") else {}

    def stage_table(self) -> Mapping[str, Tolerance]:
        """Template crops that this tracker has not are left out."""
        count = len(self.templates) * len(self.factors)
        return {name: rule for name, rule in STAGE.items() if not (name[0] == "z" and int(name[1]) >= count)}

    @property
    def factors(self) -> tuple[float, ...]:
        """Area factors of the template crops."""
        return (2.0,)

    @abstractmethod
    def tracker(self, weights: Any, setup: Setup) -> SearchTracker[Any]:
        """The tracker, filled."""

    def adapt(self, tracker: SearchTracker[Any], golden: Mapping[str, Array]) -> None:
        """Settings that a file of arrays asks for."""

    @abstractmethod
    def unfilled(self) -> torch.nn.Module:
        """The network, to be filled."""

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        if file == "pieces":
            yield from self.pieces(case, golden)
            return
        tracker = self._filled(case, setup)
        self.adapt(tracker, golden)
        if file != "stage":
            yield from track(case, tracker, golden)
            return
        # Run through in one go: leaving and entering inference mode between two values would switch autocast off.
        with torch.inference_mode():
            found = list(self.stage(case, tracker, golden))
        yield from found

    def pieces(self, case: Case, golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
        """Parts that need no network."""
        yield from pieces.compute(case, golden)

    def _filled(self, case: Case, setup: Setup) -> SearchTracker[Any]:
        """The tracker of a case: one for all its files, since filling takes as long as tracking."""

        def make() -> SearchTracker[Any]:
            with torch.device("meta"):
                network = self.unfilled()
            return self.tracker(case.fill(network), setup)

        return copy(self.once(case, setup, make))

    def stage(
        self, case: Case, tracker: SearchTracker[Any], golden: Mapping[str, Array]
    ) -> Iterator[tuple[str, object]]:
        """One forward pass: templates, search region about box 5 on frame 6."""
        video, boxes, _ = case.scene
        settings = tracker.crops
        places = [
            (frame, window(boxes[frame], f, settings.template_size)) for frame in self.templates for f in self.factors
        ]
        around = window(boxes[5], settings.search_factor, settings.search_size)
        crops = [crop(video[frame], where) for frame, where in places]
        yield from _cut(crops, [where for _, where in places], crop_with_mask(video[6], around), around)
        network: Any = tracker.network
        with autocast(tracker.device, tracker.dtype):
            search = normalise(stack([crop(video[6], around)], tracker.device))
            yield "x_norm_sub", search[0, :, ::8, ::8].cpu().numpy()
            prepared = normalise(stack(crops, tracker.device))[None]
            templates = network.backbone.embed_templates(prepared)
            yield from _inside(network, templates, search, golden)
            maps = network(templates, search)
            yield from _outputs(maps, tracker.window)
            for ratio in RATIOS:
                counts: list[int] = []

                def count(name: str, value: Any, counts: list[int] = counts) -> None:
                    if name.startswith("elimination"):
                        counts.append(value["after"].shape[1])

                yield (
                    f"keep{ratio}_score_map",
                    network.forward(templates, search, keep=float(ratio), probe=count)[0][0].float().cpu(),
                )
                yield f"keep{ratio}_counts", np.array(counts, dtype=np.int64)


def _cut(
    crops: list[Any], windows: list[Window], search: tuple[Any, Any], around: Window
) -> Iterator[tuple[str, object]]:
    for index, (pixels, where) in enumerate(zip(crops, windows, strict=True)):
        # The goldens hold the first template in full and every third pixel of the others.
        yield f"z{index}_crop", pixels if index == 0 else pixels[::3, ::3]
        yield f"z{index}_resize_factor", where.resize_factor
    yield "x_crop", search[0]
    yield "x_att_mask", np.packbits(search[1])
    yield "x_resize_factor", around.resize_factor


def _inside(
    network: Any, templates: Tensor, search: Tensor, golden: Mapping[str, Array]
) -> Iterator[tuple[str, object]]:
    """What the encoder computes on its way, through its probes."""
    backbone = network.backbone
    length = templates.shape[1]
    trace: dict[str, Any] = {}
    embedded = backbone.embed_search(search)
    tokens = torch.cat([templates, embedded], dim=1)
    first = backbone.blocks[0].attn(backbone.blocks[0].norm1(tokens))
    for name, values in (("embed", tokens), ("attn0", first)):
        yield f"{name}_sub", values[0, ::13, ::12].float().cpu()
        yield f"{name}_stats", statistics(values)
    yield "embed_len", tokens.shape[1]
    yield "center_mask_index", backbone.centre_rows(1)
    features = backbone(templates, embedded, probe=lambda name, value: trace.__setitem__(name, value))
    for index in BLOCKS:
        block = trace[f"block{index}"]
        yield f"block{index}_len", block.shape[1]
        yield f"block{index}_stats", statistics(block)
        yield f"block{index}_template_sub", block[0, :length][::11, ::48].float().cpu()
    for index in range(3):
        yield from _elimination(index, trace[f"elimination{index}"], golden)
    yield "search_feat_sub", features[0, ::3, ::16].float().cpu()
    yield "search_feat_stats", statistics(features)
    yield "search_feat_rownorm", features[0].float().norm(dim=1).cpu()


def _elimination(index: int, found: Mapping[str, Tensor], golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """Weights are put in the reference's order of tokens: neighbours whose weights are nearly equal may have swapped."""
    before, after = found["before"][0].cpu().numpy(), found["after"][0].cpu().numpy()
    weights = found["weights"][0].float().cpu().numpy()
    order = golden.get(f"ce{index - 1}_keep", before) if index else before
    by_position = dict(zip(before.tolist(), weights.tolist(), strict=True))
    yield f"ce{index}_weight", np.array([by_position.get(position, np.nan) for position in order.tolist()])
    yield f"ce{index}_keep", after
    yield f"ce{index}_removed", np.setdiff1d(before, after)
    ranked = np.sort(weights)[::-1]
    yield f"ce{index}_gap_threshold", [ranked[len(after) - 1] - ranked[len(after)], ranked[len(after) - 1]]


def _outputs(maps: tuple[Tensor, Tensor, Tensor], hann: Tensor) -> Iterator[tuple[str, object]]:
    scores, sizes, offsets = (each.float() for each in maps)
    response = scores.squeeze(1) * hann
    yield "score_map", scores[0].cpu()
    yield "size_map", sizes[0].cpu()
    yield "offset_map", offsets[0].cpu()
    yield "hann", hann.cpu()
    yield "pred_box_raw_cxcywh", centre_boxes(best_cell(scores), sizes, offsets)[0].cpu()
    yield "pred_box_hann_cxcywh", centre_boxes(best_cell(response), sizes, offsets)[0].cpu()
    yield "hann_top2", top_two(response)[0]
    yield "score_top2", top_two(scores)[0]


def track(case: Case, tracker: SearchTracker[Any], golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """The whole tracker over the scene."""
    frames: list[Frame] = case.frames()
    first = np.asarray(case.scene[1][0], dtype=np.float64)
    responses: list[Tensor] = []
    updates: list[int] = []
    number = 0

    def watch(name: str, value: Any) -> None:
        if name == "response":
            responses.append(value)
        elif name == "updated" and value:
            updates.append(number)

    [(state, prediction)] = tracker.start(frames[:1], [Object(first)], [0])
    state.count = int(golden.get("frame_counter_start", np.zeros(())))
    boxes, scores = [prediction.box], []
    tracker.attach(watch)
    for number in range(1, len(frames)):
        [prediction] = tracker.step([frames[number]], [state])
        boxes.append(prediction.box)
        scores.append(prediction.score)
    tracker.attach(None)
    stacked = torch.cat(responses)
    yield "boxes", np.stack(boxes)
    yield "max_score", scores
    yield "hann_top2", top_two(stacked)
    yield "hann_argmax", best_cell(stacked).cpu().numpy()
    yield "template_updates", np.array(updates, dtype=np.int64)
    yield "init_box", boxes[0]


class OSTrack256(SearchTarget):
    """OSTrack with crops of 128 and 256 pixels."""

    folder, package = "ostrack256", Path(__file__).parent
    variant = "ostrack-256"

    def _settings(self) -> dict[str, Any]:
        from trackzoo.trackers.ostrack import SPECS

        return dict(SPECS[0].variants[self.variant])

    def unfilled(self) -> torch.nn.Module:
        """See `SearchTarget`."""
        from trackzoo.trackers.ostrack.model import OSTrack

        settings = self._settings()
        return OSTrack(settings.get("template_size", 128), settings.get("search_size", 256))

    def tracker(self, weights: Any, setup: Setup) -> SearchTracker[Any]:
        """See `SearchTarget`."""
        return OSTrackTracker(
            weights=weights,
            device=setup.device,
            dtype=setup.dtype,
            compile=setup.compile,
            exact_crops=True,
            **self._settings(),
        )


class OSTrack384(OSTrack256):
    """OSTrack with crops of 192 and 384 pixels."""

    folder = "ostrack384"
    variant = "ostrack-384"
