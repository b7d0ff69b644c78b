"""SATracker beside arrays of its encoders' references and of a first reading of its specification; MixFormer beside its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.errors import DataError
from trackzoo.frames import ArrayFrames
from trackzoo.nn.crops import crop, normalise, stack, window
from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_state_dict, fill_value
from trackzoo.parity.scene import scene
from trackzoo.parity.target import Setup, Target
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, relative
from trackzoo.sequence import Target as Object
from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.mixformer import MixFormer, MixFormerTracker
from trackzoo.trackers.satracker.model import SATracker, dense_scores
from trackzoo.trackers.satracker.pretrained import cvt_name
from trackzoo.trackers.satracker.sam import SemanticAwareModule
from trackzoo.trackers.satracker.training import inside, matching_loss, upsampled
from trackzoo.trackers.satracker.visual import Stage, TargetEnhanceModule, convolve, quick_gelu

Found = Iterator[tuple[str, object]]
Network = TypeVar("Network", bound=nn.Module)
Golden = Mapping[str, Array]

#: Maps and features (SPEC, section 9).
MAP = relative(2e-4)
#: Scores and losses that numpy computed in float64.
PRECISE = absolute(1e-5)

CVT: dict[str, Tolerance] = {
    **dict.fromkeys(("image", "image_odd"), INPUT),
    **dict.fromkeys(("hf_stage0", "hf_stage1", "hf_stage2", "hf_cls_token", "nocls_gelu_stage2"), MAP),
    **{f"nocls_quickgelu_{odd}stage{index}": MAP for odd in ("", "odd_") for index in range(3)},
}
BERT: dict[str, Tolerance] = {
    **dict.fromkeys(("input_ids", "attention_mask"), INPUT),
    **dict.fromkeys(("embeddings", "after_layer0", "after_layer4", "after_layer11"), MAP),
}
MATCHING: dict[str, Tolerance] = {
    **dict.fromkeys(("search", "text", "box_xyxy"), INPUT),
    **dict.fromkeys(("score", "score_up", "loss"), PRECISE),
    "label": EXACT,
}
SAMS: dict[str, Tolerance] = {
    f"sam{index}_{name}": INPUT if name in ("template", "search", "text", "mask") else MAP
    for index in range(3)
    for name in ("template", "search", "text", "mask", "selector", "text_out", "search_out")
}
FULL: dict[str, Tolerance] = {
    **dict.fromkeys(("input_ids", "attention_mask"), INPUT),
    **dict.fromkeys(("template_crop", "search_crop"), EXACT),
    "resize_factor": absolute(1e-9),
    **dict.fromkeys(("box_xyxy_norm", "search_feature_every8", "text_cls", "dm_text", "dm_score"), MAP),
}
TABLES = {"cvt": CVT, "bert": BERT, "dm_loss": MATCHING, "sam_spec": SAMS, "full_spec": FULL}

#: Names in the manifest of arrays that SATracker's own network has no place for.
CLASS_TOKEN = "cvt.encoder.stages.2.cls_token"


def tensor(array: Array) -> Tensor:
    """An input of the goldens; half precision is how they are stored, not how they are meant."""
    values = torch.from_numpy(np.asarray(array))
    return values.float() if values.dtype == torch.float16 else values


def nhwc(array: Array) -> Tensor:
    """A stored map (B, C, H, W) as (B, H, W, C)."""
    return tensor(array).permute(0, 2, 3, 1)


def nchw(maps: Tensor) -> Array:
    """A map (B, H, W, C) as (B, C, H, W)."""
    return np.asarray(maps.permute(0, 3, 1, 2).float().cpu().numpy())


class SATrackerTarget(Target):
    """CvT and BERT beside Hugging Face's; the loss beside numpy; SAM and the whole beside another reading of the paper."""

    @cached_property
    def packaged(self) -> Path:  # type: ignore[override]
        """The goldens in the plugin's package data."""
        return Path(str(files("trackzoo.trackers.satracker").joinpath("goldens", "satracker")))

    def files(self) -> Iterable[str]:
        """One a part."""
        return TABLES

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the part."""
        return TABLES.get(file, {})

    def compute(self, case: Case, file: str, setup: Setup) -> Found:
        """See `Target.compute`."""
        parts = {"cvt": _cvt, "bert": _bert, "dm_loss": _matching, "sam_spec": _sams, "full_spec": _full}
        golden = case.arrays(file + ".npz")
        # Run through in one go: leaving and entering inference mode between two values would switch autocast off.
        with torch.inference_mode():
            found = list(parts[file](case, golden, setup))
        yield from found


def _section(case: Case, name: str) -> dict[str, dict[str, Any]]:
    """One of the manifest's three maps."""
    found = case.manifest().get(name)
    if not isinstance(found, dict):
        raise DataError(case.find("manifest.json"), f"no map '{name}'", "the maps cvt, bert, satracker")
    return found


def _filled(
    network: Network, case: Case, entries: Mapping[str, dict[str, Any]], names: Mapping[str, str], setup: Setup
) -> Network:
    """Fill a network of the meta device from the manifest, under its reference names; on the setup's device, in eval mode.

    Args:
        network: on the meta device.
        case: gives the salt.
        entries: the manifest's.
        names: own name -> reference name, for every tensor that the network has.
        setup: gives the device.
    """
    network = network.to_empty(device="cpu")
    own = network.state_dict()
    for name, reference in names.items():
        entry = entries.get(reference)
        if entry is None:
            raise DataError(case.find("manifest.json"), f"no tensor '{reference}'", "every tensor of the network")
        if list(own[name].shape) != list(entry.get("shape", [])):
            found = f"'{reference}' of shape {entry.get('shape')}"
            raise DataError(case.find("manifest.json"), found, f"shape {list(own[name].shape)}")
    # Integer tensors are counts of batches, which nothing reads.
    by_reference = {
        reference: torch.zeros_like(own[name]) if not own[name].is_floating_point() else own[name]
        for name, reference in names.items()
    }
    filled = fill_state_dict(by_reference, dict(entries), case.salt)
    network.load_state_dict({name: filled[reference] for name, reference in names.items()}, strict=False)
    return network.to(setup.device).eval().requires_grad_(False)


def _with_token(block: TargetEnhanceModule, maps: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
    """A block over a map (B, H, W, C) and CvT's class token (B, 1, C), which passes the convolutions by."""
    attention, normed, token_in = block.attn, block.norm1(maps), block.norm1(token)
    parts = []
    for letter in "qkv":
        convolved = convolve(attention.get_submodule(f"conv_proj_{letter}"), normed).flatten(1, 2)
        together = torch.cat([token_in, convolved], 1)
        parts.append(attention.split(attention.get_submodule(f"proj_{letter}")(together)))
    values = torch.cat([token, maps.flatten(1, 2)], 1) + attention(parts[0], parts[1], parts[2])
    values = values + block.mlp(block.norm2(values))
    return values[:, 1:].reshape(maps.shape), values[:, :1]


def _stages(stages: list[Stage], image: Tensor, activation: str, token: Tensor | None) -> tuple[list[Tensor], Tensor]:
    """Maps after each stage, alone (self attention), and the class token at the end (empty without)."""
    maps, found = image.permute(0, 2, 3, 1), []
    at_end = maps.new_zeros(0)
    for index, stage in enumerate(stages):
        maps = stage.patch_embed(maps)
        if token is not None and index == 2:
            at_end = token.expand(len(maps), -1, -1)
        for block in stage.modules_of_target:
            block.mlp.activation = F.gelu if activation == "gelu" else quick_gelu
            if at_end.numel():
                maps, at_end = _with_token(block, maps, at_end)
            else:
                maps, _ = block.alone(maps)
        found.append(maps)
    return found, at_end


def _cvt(case: Case, golden: Golden, setup: Setup) -> Found:
    """CvT-21: as Hugging Face has it (class token, exact GELU), and as it stands in SATracker."""
    entries = _section(case, "cvt")
    with torch.device("meta"):
        stages = SATracker(Design(sam=False)).backbone
    names = {name: cvt_name(name) for name in stages.state_dict()}
    for name in sorted({*names.values()} ^ ({*entries} - {CLASS_TOKEN})):
        where = "the network lacks it" if name in entries else "the manifest lacks it"
        raise DataError(case.find("manifest.json"), f"cvt tensor '{name}': {where}", "the same names on both sides")
    backbone: Any = _filled(stages, case, entries, names, setup)
    token = None
    if CLASS_TOKEN in entries:
        shape = tuple(entries[CLASS_TOKEN]["shape"])
        token = torch.from_numpy(fill_value(CLASS_TOKEN, shape, case.salt)).to(setup.device)
    runs = {
        "hf": ("image", "gelu", token),
        "nocls_gelu": ("image", "gelu", None),
        "nocls_quickgelu": ("image", "quick_gelu", None),
        "nocls_quickgelu_odd": ("image_odd", "quick_gelu", None),
    }
    for name, (image, activation, used) in runs.items():
        if image not in golden or not any(re.fullmatch(rf"{name}_(stage\d|cls_token)", key) for key in golden):
            continue
        with autocast(setup.device, setup.dtype):
            maps, at_end = _stages(backbone.stages, tensor(golden[image]).to(setup.device), activation, used)
        for index, values in enumerate(maps):
            # The first two stages are stored thinned out.
            yield f"{name}_stage{index}", nchw(values)[:, :: 4 if index < 2 else 1]
        if used is not None:
            yield f"{name}_cls_token", at_end.float().cpu()


def _bert(case: Case, golden: Golden, setup: Setup) -> Found:
    """Two sentences through the three parts."""
    if not {"input_ids", "attention_mask"} <= golden.keys():
        return
    from trackzoo.trackers.satracker.bert import Bert

    entries = _section(case, "bert")
    with torch.device("meta"):
        empty = Bert()
    network: Any = _filled(empty, case, entries, {name: f"bert.{name}" for name in empty.state_dict()}, setup)
    ids, mask = (torch.from_numpy(golden[name]).to(setup.device) for name in ("input_ids", "attention_mask"))
    with autocast(setup.device, setup.dtype):
        text = network.embeddings(ids)
        yield "embeddings", text[:, :, ::8].float().cpu()
        for part, layer in zip(Design().text_parts, (0, 4, 11), strict=True):
            text = network.run(text, mask.to(torch.bool), part)
            yield f"after_layer{layer}", text[:, :, ::2].float().cpu()


def _matching(case: Case, golden: Golden, setup: Setup) -> Found:
    """Dense matching on given features, in float64 as the reference."""
    if not {"search", "text", "box_xyxy"} <= golden.keys():
        return
    features, text = nhwc(golden["search"]).double(), tensor(golden["text"]).double()
    boxes = torch.from_numpy(golden["box_xyxy"])
    scores = dense_scores(features, text)
    side = golden["score_up"].shape[-1] if "score_up" in golden else 40
    yield "score", scores
    yield "score_up", upsampled(scores, side)
    yield "label", inside(boxes, side).numpy().astype(np.uint8)
    yield "loss", matching_loss(scores, boxes)


def _sams(case: Case, golden: Golden, setup: Setup) -> Found:
    """Each SAM on small maps."""
    entries = _section(case, "satracker")
    for index, width in enumerate(Design().widths):
        given = [f"sam{index}_{name}" for name in ("template", "search", "text", "mask")]
        if not set(given) <= golden.keys():
            continue
        with torch.device("meta"):
            empty = SemanticAwareModule(width)
        names = {name: f"backbone.sam{index}.{name}" for name in empty.state_dict()}
        module: Any = _filled(empty, case, entries, names, setup)
        template, search = (nhwc(golden[name]).to(setup.device) for name in given[:2])
        text, mask = (tensor(golden[name]).to(setup.device) for name in given[2:])
        with autocast(setup.device, setup.dtype):
            selector, changed = module.read(template, text, mask)
            chosen = module.select(search, selector)
        yield f"sam{index}_selector", selector[:, None].float().cpu()
        yield f"sam{index}_text_out", changed[:, :, ::2].float().cpu()
        yield f"sam{index}_search_out", nchw(chosen)


def _full(case: Case, golden: Golden, setup: Setup) -> Found:
    """One forward pass: template of frame 0, search region on frame 1; template and text kept, as in tracking."""
    if not {"input_ids", "attention_mask"} <= golden.keys():
        return
    template, search, factor = _crops(case)
    yield "template_crop", template
    yield "search_crop", search
    yield "resize_factor", factor
    entries = _section(case, "satracker")
    with torch.device("meta"):
        empty = SATracker()
    own = empty.state_dict()
    for name in sorted({*own} ^ {*entries}):
        where = "the network lacks it" if name in entries else "the manifest lacks it"
        raise DataError(case.find("manifest.json"), f"tensor '{name}': {where}", "the same names on both sides")
    network: Any = _filled(empty, case, entries, {name: name for name in own}, setup)
    ids, mask = (torch.from_numpy(golden[name]).to(setup.device) for name in ("input_ids", "attention_mask"))
    texts: dict[str, Tensor] = {}
    with autocast(setup.device, setup.dtype):
        inputs = _inputs(golden, template, search, setup)
        memory = network.remember(inputs[0], ids, mask.to(torch.bool), probe=texts.__setitem__)
        found = network(inputs[1], memory)
    centre, size = found.boxes[:, :2], found.boxes[:, 2:]
    yield "box_xyxy_norm", torch.cat([centre - size / 2, centre + size / 2], 1).float().cpu()
    yield "search_feature_every8", nchw(found.features)[:, ::8]
    yield "text_cls", texts["text2"][:, 0].float().cpu()
    yield "dm_text", found.text.float().cpu()
    yield "dm_score", dense_scores(found.features.float(), found.text.float()).cpu()


def _inputs(golden: Golden, template: Array, search: Array, setup: Setup) -> list[Tensor]:
    """Normalised crops, those of the folder where it has them: a difference in cutting is told once, not everywhere."""
    pair = (golden.get("template_crop", template), golden.get("search_crop", search))
    return [normalise(stack([np.asarray(each, np.uint8)], setup.device)) for each in pair]


def _crops(case: Case) -> tuple[Array, Array, float]:
    """Template (frame 0) and search crop (frame 1, about the first box), uint8, and the search crop's resize factor."""
    video, boxes, _ = case.scene
    around = window(boxes[0], 5.0, 320)
    return crop(video[0], window(boxes[0], 2.0, 128)), crop(video[1], around), around.resize_factor


# ---------------------------------------------------------------------------------------------------------------- MixFormer

PIECES: dict[str, Tolerance] = {
    **{f"block{index}_index": INPUT for index in range(3)},
    **{f"block{i}_{name}": INPUT for i in range(3) for name in ("template", "online", "search", "template_odd")},
    **{f"block{i}_two_out_{name}": MAP for i in range(3) for name in ("template", "online", "search")},
    **{f"block{i}_single_{odd}out_search": MAP for i in range(3) for odd in ("", "odd_")},
    "corner_feature": INPUT,
    **dict.fromkeys(("corner_xyxy", "corner_prob_tl", "corner_prob_br"), MAP),
    **dict.fromkeys(("template_crop", "search_crop"), EXACT),
    "resize_factor": absolute(1e-9),
    **dict.fromkeys(("search_feature_every8", "pred_cxcywh"), MAP),
}
TRACK: dict[str, Tolerance] = {
    **dict.fromkeys(("scene_seed", "ground_truth"), INPUT),
    "init_box": absolute(1e-9),
    "boxes": absolute(0.05),
    "pred_cxcywh": absolute(5e-4),
}


class MixFormerTarget(Target):
    """TEM's two streams, the corner head and the loop, beside MixFormer's official classes."""

    @cached_property
    def packaged(self) -> Path:  # type: ignore[override]
        """The goldens in the plugin's package data."""
        return Path(str(files("trackzoo.trackers.satracker").joinpath("goldens", "mixformer")))

    def files(self) -> Iterable[str]:
        """Pieces, and a track."""
        return ("pieces", "track")

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the file; further tracks (`track_*`) are known too."""
        return PIECES if file == "pieces" else TRACK if file.startswith("track") else {}

    def network(self, case: Case, setup: Setup) -> MixFormer:
        """The double, filled: one for all files of a case."""

        def make() -> MixFormer:
            with torch.device("meta"):
                empty = MixFormer()
            entries = case.manifest()
            # The backbone's norms are frozen ones and count no batches; the ImageNet classifier is not used.
            names = {
                name: name
                for name in empty.state_dict()
                if not (name.startswith("backbone.") and name.endswith("num_batches_tracked"))
            }
            unused = {name for name in entries if name.startswith(("backbone.head.", "backbone.norm."))}
            for name in sorted({*names} ^ ({*entries} - unused)):
                where = "the network lacks it" if name in entries else "the manifest lacks it"
                raise DataError(case.find("manifest.json"), f"tensor '{name}': {where}", "the same names on both sides")
            return _filled(empty, case, entries, names, setup)

        return self.once(case, setup, make)

    def compute(self, case: Case, file: str, setup: Setup) -> Found:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        network = self.network(case, setup)
        if file != "pieces":
            yield from _track(case, golden, network, setup)
            return
        with torch.inference_mode(), autocast(setup.device, setup.dtype):
            found = [
                *_blocks(golden, network, setup),
                *_corners(golden, network, setup),
                *_forward(case, golden, network, setup),
            ]
        yield from found


def _square(tokens: Tensor) -> Tensor:
    """(1, L, C) tokens of a square map as (1, √L, √L, C)."""
    side = round(tokens.shape[1] ** 0.5)
    return tokens.reshape(len(tokens), side, side, -1)


def _blocks(golden: Golden, network: MixFormer, setup: Setup) -> Found:
    for index, stage in enumerate(network.backbone.stages):
        stem = f"block{index}_"
        given = {
            name: _square(tensor(golden[stem + name]).to(setup.device))
            for name in ("template", "online", "search", "template_odd")
            if stem + name in golden
        }
        if "search" not in given or stem + "index" not in golden:
            continue
        block = stage.modules_of_target[int(golden[stem + "index"])]

        def run(*templates: str, block: TargetEnhanceModule = block, given: dict[str, Tensor] = given) -> list[Tensor]:
            others, maps = block.together([given[name] for name in templates], given["search"], "asymmetric")
            return [each.flatten(1, 2).float().cpu() for each in (*others, maps)]

        if {"template", "online"} <= given.keys():
            for name, values in zip(("template", "online", "search"), run("template", "online"), strict=True):
                yield f"{stem}two_out_{name}", values
        if "template" in given:
            yield f"{stem}single_out_search", run("template")[-1]
        if "template_odd" in given:
            yield f"{stem}single_odd_out_search", run("template_odd")[-1]


def _corners(golden: Golden, network: MixFormer, setup: Setup) -> Found:
    if "corner_feature" not in golden:
        return
    logits, boxes = network.box_head(tensor(golden["corner_feature"]).to(setup.device))
    chance = logits.flatten(2).softmax(-1).float().cpu()
    centre, size = boxes[:, :2], boxes[:, 2:]
    yield "corner_xyxy", torch.cat([centre - size / 2, centre + size / 2], 1).float().cpu()
    yield "corner_prob_tl", chance[:, 0]
    yield "corner_prob_br", chance[:, 1]


def _forward(case: Case, golden: Golden, network: MixFormer, setup: Setup) -> Found:
    template, search, factor = _crops(case)
    yield "template_crop", template
    yield "search_crop", search
    yield "resize_factor", factor
    inputs = _inputs(golden, template, search, setup)
    _, boxes, maps = network([inputs[0], inputs[0]], inputs[1])
    yield "search_feature_every8", nchw(maps)[:, ::8]
    yield "pred_cxcywh", boxes[:, None].float().cpu()


def _track(case: Case, golden: Golden, network: MixFormer, setup: Setup) -> Found:
    """The whole loop over the scene that the file names."""
    seed = int(golden.get("scene_seed", np.array(case.seed)))
    video, truth, _ = scene(seed)
    frames = ArrayFrames(lambda index: np.asarray(video[index]), len(video), f"scene {seed}")
    tracker = MixFormerTracker(network, device=setup.device, dtype=setup.dtype)
    first = np.asarray(golden.get("init_box", truth[0]), dtype=np.float64)
    [(state, _)] = tracker.start([frames[0]], [Object(first)], [0])
    boxes, raw = [], []
    tracker.attach(lambda name, value: raw.append(value[0].double().cpu().numpy()) if name == "boxes" else None)
    length = len(golden["boxes"]) if "boxes" in golden else len(video) - 1
    for index in range(1, length + 1):
        [prediction] = tracker.step([frames[index]], [state])
        boxes.append(prediction.box)
    yield "init_box", np.asarray(truth[0], dtype=np.float64)
    yield "boxes", np.stack(boxes)
    yield "pred_cxcywh", np.stack(raw)
