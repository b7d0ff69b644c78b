"""JN beside the arrays that a first implementation of its specification made (there is no official code)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.nn.crops import box_in_crop, crop, normalise, stack, window
from trackzoo.nn.distribution import expected_distance, positive_cells, shape_statistics
from trackzoo.nn.losses import distribution_focal, quality_focal
from trackzoo.nn.precision import autocast
from trackzoo.nn.pretrained import cae_block
from trackzoo.nn.search_tracking import SearchTracker
from trackzoo.nn.vit import Block
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_value
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, compare
from trackzoo.trackers.jn.indicator import box_numbers
from trackzoo.trackers.jn.losses import distribution_losses
from trackzoo.trackers.jn.model import JN
from trackzoo.trackers.jn.tracker import JNTracker
from trackzoo.trackers.ostrack.verify import BOX, MAP, SearchTarget, statistics, top_two

STAGE: dict[str, Tolerance] = {
    "z_crop": EXACT,
    "x_crop": EXACT,
    "z_resize_factor": absolute(1e-9),
    "x_resize_factor": absolute(1e-9),
    "tit_box": absolute(1e-6),
    "tit_token": absolute(1e-5),
    **dict.fromkeys(("embed_sub", "embed_stats", "block0_sub", "search_feat_sub", "search_feat_stats"), MAP),
    **dict.fromkeys(("cls_logit", "quality", "score", "dist", "boxes", "reg_logit_sub", "stat_sub", "hann_top2"), MAP),
    "hann_argmax": EXACT,
}
TRACK: dict[str, Tolerance] = {
    "boxes": BOX,
    "max_score": MAP,
    "hann_top2": MAP,
    "init_box": absolute(1e-9),
}
PIECES: dict[str, Tolerance] = {
    **dict.fromkeys(("dfl_logits", "dfl_labels", "qfl_pred", "qfl_target", "stat_logits", "loss_cls_logit"), INPUT),
    **dict.fromkeys(("loss_reg_logit", "loss_quality_logit", "loss_gt_xyxy", "loss_label"), INPUT),
    "dfl_loss": absolute(1e-6),
    "integral_out": absolute(1e-5),
    "qfl_loss": absolute(1e-6),
    "stat_out": absolute(1e-6),
    "loss_masks": EXACT,
    **dict.fromkeys(("loss_total", "loss_l1", "loss_giou", "loss_dfl", "loss_qfl_pos", "loss_qfl_neg"), absolute(1e-5)),
    "cae_block_out": MAP,
}


class JN256Target(SearchTarget):
    """Template from frame 0, search region about box 5 on frame 6; the track; losses, statistics, a CAE block."""

    folder, package = "jn256", Path(__file__).parent

    def files(self) -> Iterable[str]:
        """Stage, pieces, track."""
        return ("stage", "pieces", "track")

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the kind of file."""
        return {"stage": STAGE, "pieces": PIECES, "track": TRACK}.get(file, {})

    def unfilled(self) -> torch.nn.Module:
        """See `SearchTarget`."""
        return JN()

    def tracker(self, weights: Any, setup: Setup) -> SearchTracker[Any]:
        """See `SearchTarget`."""
        return JNTracker(
            weights=weights, device=setup.device, dtype=setup.dtype, compile=setup.compile, exact_crops=True
        )

    def pieces(self, case: Case, golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
        """See `SearchTarget`."""
        yield from _distances(golden)
        yield from _losses(golden)
        # The specification writes the block's input without a salt, which is the default one's, and fills its parameters;
        # a folder of another salt may have been made either way. A wrong one cannot come near by chance.
        salts = dict.fromkeys([case.salt, "trackzoo"])
        made = [_cae_block(own, given) for own in salts for given in salts]
        wanted = golden.get("cae_block_out", made[0])
        yield "cae_block_out", min(made, key=lambda each: compare(each, wanted, MAP).absolute)

    def stage(
        self, case: Case, tracker: SearchTracker[Any], golden: Mapping[str, Array]
    ) -> Iterator[tuple[str, object]]:
        """One forward pass."""
        video, boxes, _ = case.scene
        settings = tracker.crops
        around = window(boxes[0], settings.template_factors[0], settings.template_size)
        search_window = window(boxes[5], settings.search_factor, settings.search_size)
        template, search = crop(video[0], around), crop(video[6], search_window)
        yield "z_crop", template
        yield "x_crop", search
        yield "z_resize_factor", around.resize_factor
        yield "x_resize_factor", search_window.resize_factor
        told = box_in_crop(boxes[0], boxes[0], around.resize_factor, settings.template_size)
        place = torch.from_numpy(told)[None].to(tracker.device, torch.float32)
        network: Any = tracker.network
        yield "tit_box", box_numbers(place, network.source)[0].cpu()
        with autocast(tracker.device, tracker.dtype):
            templates = network.embed_templates(normalise(stack([template], tracker.device))[None], place)
            inputs = normalise(stack([search], tracker.device))
            yield "tit_token", templates[0, 0].float().cpu()
            yield from _inside(network, templates, inputs)
            maps = network(templates, inputs)
        response = maps.score.squeeze(1) * tracker.window
        yield "cls_logit", maps.logits[0].float().cpu()
        yield "quality", maps.quality[0].cpu()
        yield "score", maps.score[0].cpu()
        yield "dist", maps.distances[0].cpu()
        yield "boxes", maps.boxes()[0].cpu()
        yield "reg_logit_sub", maps.bins[0].flatten(0, 1)[:, ::3, ::3].cpu()
        yield "stat_sub", maps.statistics[0, :, ::3, ::3].cpu()
        yield "hann_top2", top_two(response)[0]
        yield "hann_argmax", int(response.argmax())


def _inside(network: Any, templates: Tensor, search: Tensor) -> Iterator[tuple[str, object]]:
    backbone = network.backbone
    trace: dict[str, Tensor] = {}
    embedded = backbone.embed_search(search)
    tokens = torch.cat([templates, embedded], dim=1)
    features = backbone(templates, embedded, probe=lambda name, value: trace.__setitem__(name, value))
    yield "embed_sub", tokens[0, ::13, ::12].float().cpu()
    yield "embed_stats", statistics(tokens)
    yield "block0_sub", trace["block0"][0, ::13, ::12].float().cpu()
    yield "search_feat_sub", features[0, ::3, ::16].float().cpu()
    yield "search_feat_stats", statistics(features)


def _distances(golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """The head's arithmetic on given logits."""
    if {"dfl_logits", "dfl_labels"} <= golden.keys():
        logits = torch.from_numpy(golden["dfl_logits"])
        yield "dfl_loss", distribution_focal(logits, torch.from_numpy(golden["dfl_labels"]))
        yield "integral_out", expected_distance(logits, -1).reshape(-1, 4)
    if {"qfl_pred", "qfl_target"} <= golden.keys():
        yield "qfl_loss", quality_focal(torch.from_numpy(golden["qfl_pred"]), torch.from_numpy(golden["qfl_target"]))
    if "stat_logits" in golden:
        logits = torch.from_numpy(golden["stat_logits"])
        yield "stat_out", shape_statistics(logits, -1).reshape(-1, 20)


def _losses(golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """Four maps, one of them of a negative pair."""
    names = ("loss_cls_logit", "loss_reg_logit", "loss_quality_logit", "loss_gt_xyxy", "loss_label")
    if not set(names) <= golden.keys():
        return
    classes, bins, quality, truth, label = (torch.from_numpy(np.asarray(golden[name])) for name in names)
    positive = label == 1
    cells = positive_cells(truth, classes.shape[-1]) & positive[:, None, None]
    score = torch.sigmoid(classes) * torch.sigmoid(quality)
    terms = distribution_losses(score, bins.double().reshape(len(bins), 4, -1, *bins.shape[2:]), truth, positive)
    yield "loss_masks", cells
    yield "loss_l1", terms.l1
    yield "loss_giou", terms.giou
    yield "loss_dfl", terms.dfl
    yield "loss_qfl_pos", terms.positive
    yield "loss_qfl_neg", terms.negative
    yield "loss_total", terms.total


@torch.inference_mode()
def _cae_block(salt: str, input_salt: str) -> Array:
    """A block with CAE's parameters, converted, on a generated input (20, 768)."""
    block = Block(layer_scale=True).eval()
    separate = {name: tuple(tensor.shape) for name, tensor in block.state_dict().items() if name != "attn.qkv.bias"}
    separate |= {"attn.q_bias": (768,), "attn.v_bias": (768,)}
    prefix = "encoder.blocks.0."
    filled = {name: torch.from_numpy(fill_value(prefix + name, shape, salt)) for name, shape in separate.items()}
    block.load_state_dict(cae_block(filled))
    out: Tensor = block(torch.from_numpy(20 * fill_value("jn.block_input", (1, 20, 768), input_salt)))
    return np.asarray(out[0])
