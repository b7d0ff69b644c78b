"""Both networks of Alpha-Refine beside the authors' own, with generated parameters on a generated video."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trackzoo.errors import DataError
from trackzoo.geometry import Floats, box_of_mask
from trackzoo.nn.precise_pooling import precise_pool
from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.target import Setup, Target
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, relative
from trackzoo.trackers.alpharefine.model import CornerMaskNetwork, MaskNetwork, Refined
from trackzoo.trackers.alpharefine.refiner import AlphaRefine
from trackzoo.trackers.alpharefine.window import Window, box_in_picture, crop, full, paste, reference_corners, window
from trackzoo.weights.fit import compare as fits
from trackzoo.weights.header import Entry

#: File of arrays, which is also the network's name in the manifest -> the setting that means it.
NETWORKS = {"mask_resnet50_384": "mask", "corner_mask_resnet34_256": "corner"}

#: SPEC, section 7: soft masks, boxes in pixels, binary masks by overlap.
SOFT, BOX, OVERLAP = absolute(2e-3), absolute(0.05), Tolerance("overlap", 0.999)
#: Features, whose size the correlation decides.
FEATURE = relative(1e-4)

#: Array's name, a pattern -> tolerance. Numbers in names (stride, threshold in hundredths) are the folder's to choose.
RULES: dict[str, Tolerance] = {
    r"init_box|frames|boxes_in|binary_shape": INPUT,
    r"prroi_(feature|rois)": INPUT,
    r"prroi_out": absolute(1e-5),
    r"crop_first": EXACT,
    r"ref_kernel(_every\d+)?": FEATURE,
    r"fusion_feature_first": FEATURE,
    r"corner_crop_xyxy": BOX,
    r"boxes_out": BOX,
    r"(crop|frame)_mask(_every\d+)?": SOFT,
    r"binary_mask_\d{3}_packed": OVERLAP,
    # A pixel on the threshold may go either way.
    r"rect_of_binary": absolute(1),
}
#: What a folder of the public format holds, to say what another one lacks.
USUAL = {
    "mask_resnet50_384": (
        *("ref_kernel_every32", "fusion_feature_first", "crop_mask_every4", "frame_mask_every2"),
        *("binary_mask_060_packed", "rect_of_binary", "crop_first", "prroi_out"),
    ),
    "corner_mask_resnet34_256": (
        *("ref_kernel_every16", "fusion_feature_first", "corner_crop_xyxy", "boxes_out", "frame_mask_every2"),
    ),
}
#: What an array needs beside the network: names of inputs, some of which may be made from the scene.
NEEDS = {"prroi_out": ("prroi_feature", "prroi_rois")}
#: The threshold of `rect_of_binary` where no binary mask stands beside it.
THRESHOLD = 0.60


def rule(name: str) -> Tolerance | None:
    """Tolerance of an array; None for one that is not known."""
    return next((found for pattern, found in RULES.items() if re.fullmatch(pattern, name)), None)


class AlphaRefineTarget(Target):
    """Reference from frame 0, then frames with boxes that the folder names."""

    packaged = Path(__file__).parent / "goldens" / "alpharefine"

    def files(self) -> Iterable[str]:
        """One a network."""
        return tuple(NETWORKS)

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the array's name."""
        return {name: found for name in USUAL.get(file, ()) if (found := rule(name)) is not None}

    def rules(self, file: str, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """The arrays that are there and whose inputs are; then those that usually are."""
        here = {name: found for name in golden if (found := rule(name)) is not None and _given(name, golden)}
        families = {_family(name) for name in golden}
        return here | {name: each for name, each in self.table(file).items() if _family(name) not in families}

    @torch.inference_mode()
    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        found: list[tuple[str, object]] = []
        if {"prroi_feature", "prroi_rois", "prroi_out"} <= golden.keys():
            found.append(("prroi_out", _pooled(golden)))
        if any(name not in NEEDS and rule(name) != INPUT for name in golden if rule(name) is not None):
            found += _tracked(case, file, setup, golden)
        yield from found


def _family(name: str) -> str:
    return re.sub(r"(_every|_)\d+", "", name)


def _given(name: str, golden: Mapping[str, Array]) -> bool:
    """Whether what an array was made from is there."""
    needs = NEEDS.get(name)
    if needs is not None:
        return all(each in golden for each in needs)
    return name.startswith("ref_kernel") or rule(name) == INPUT or "boxes_in" in golden


def _pooled(golden: Mapping[str, Array]) -> Array:
    rois = torch.from_numpy(np.asarray(golden["prroi_rois"]))
    maps = torch.from_numpy(np.asarray(golden["prroi_feature"]))[rois[:, 0].long()]
    rows, columns = golden["prroi_out"].shape[-2:]
    return np.asarray(precise_pool(maps, rois[:, 1:], (rows, columns), 1 / 16))


def refiner(case: Case, network: str, setup: Setup) -> AlphaRefine:
    """The refiner of a case, filled. Raises `DataError` when the manifest does not fit the network."""
    entries = case.manifest().get(network)
    kind = {"mask": MaskNetwork, "corner": CornerMaskNetwork}[NETWORKS[network]]
    with torch.device("meta"):
        own = kind().state_dict()
    path = case.find("manifest.json")
    if not isinstance(entries, dict):
        raise DataError(path, f"no network '{network}'", "its tensors' names and shapes")
    fit = fits(
        {name: Entry(tuple(each.get("shape", ())), "float") for name, each in entries.items()},
        {name: Entry(tuple(tensor.shape), "float") for name, tensor in own.items()},
    )
    if not fit:
        raise DataError(path, f"a manifest that does not fit: {fit.summary}", f"the tensors of '{network}'")
    empty = {name: torch.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in own.items()}
    return AlphaRefine(
        weights=fill_state_dict(empty, entries, case.salt),
        network=NETWORKS[network],
        device=setup.device,
        dtype=setup.dtype,
        compile=setup.compile,
    )


def _tracked(case: Case, file: str, setup: Setup, golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """What the network says, array by array."""
    made = refiner(case, file, setup)
    video, boxes, _ = case.scene
    first = np.asarray(golden.get("init_box", boxes[0]), dtype=np.float64)
    where = _window(case, first, made)
    numbers = [int(number) for number in golden.get("frames", np.array([1, 4, 8])[: len(golden.get("boxes_in", ()))])]
    if numbers and max(numbers) >= len(video):
        raise DataError(case.folder / f"{file}.npz", f"frame {max(numbers)}", f"frames below {len(video)}")
    given = [np.asarray(box, dtype=np.float64) for box in golden.get("boxes_in", ())]
    if len(given) != len(numbers):
        raise DataError(case.folder / f"{file}.npz", f"{len(given)} boxes_in", f"{len(numbers)}, one a frame")
    corners = torch.from_numpy(reference_corners(first, where)[None]).to(made.device, torch.float32)
    with autocast(made.device, made.dtype):
        reference = made.network.reference(made.normalised([crop(video[0], where)]), corners)
        for name in golden:
            if name.startswith("ref_kernel"):
                yield name, reference[:, :: _step(name)].float().cpu()
        if not given:
            return
        windows = [_window(case, box, made) for box in given]
        crops = [crop(video[number], own) for number, own in zip(numbers, windows, strict=True)]
        out: Refined = made.network(reference.expand(len(crops), -1, -1, -1), made.normalised(crops))
    yield from _outputs(golden, out, crops, windows, video.shape[1:3])


def _window(case: Case, box: Floats, made: AlphaRefine) -> Window:
    where = window(box, made.network.size)
    if where is None:
        raise DataError(case.folder, f"box {box.tolist()}", "one that can be cropped")
    return where


def _outputs(
    golden: Mapping[str, Array], out: Refined, crops: list[Any], windows: list[Window], shape: tuple[int, int]
) -> Iterator[tuple[str, object]]:
    assert out.masks is not None
    soft = out.masks.float().cpu().numpy()
    size = (shape[1], shape[0])
    frames = np.stack([full(paste(own, where, size), size) for own, where in zip(soft, windows, strict=True)])
    thresholds = [_threshold(name) for name in golden if name.startswith("binary_mask")]
    makers: dict[str, Callable[[str], object]] = {
        "crop_first": lambda name: crops[0],
        "fusion_feature_first": lambda name: out.fused[:1].float().cpu(),
        "crop_mask": lambda name: soft[:, :: _step(name), :: _step(name)],
        "frame_mask": lambda name: frames[:, :: _step(name), :: _step(name)],
        "binary_mask": lambda name: np.packbits((frames > _threshold(name)).reshape(len(frames), -1), axis=1),
        "rect_of_binary": lambda name: _rectangles(frames > (thresholds or [THRESHOLD])[0]),
    }
    if out.corners is not None:
        xyxy = out.corners.float().cpu().numpy()
        makers["corner_crop"] = lambda name: xyxy
        makers["boxes_out"] = lambda name: np.stack(
            [box_in_picture(own, where) for own, where in zip(xyxy.astype(np.float64), windows, strict=True)]
        )
    for name in golden:
        for start, make in makers.items():
            if name.startswith(start):
                yield name, make(name)


def _step(name: str) -> int:
    found = re.search(r"_every(\d+)$", name)
    return int(found[1]) if found else 1


def _threshold(name: str) -> float:
    found = re.search(r"_(\d{3})_", name)
    return int(found[1]) / 100 if found else THRESHOLD


def _rectangles(masks: Array) -> Array:
    """Tight boxes; an empty mask has none, which is four zeros."""
    return np.nan_to_num(np.stack([box_of_mask(np.asarray(mask, dtype=np.bool_)) for mask in masks]))
