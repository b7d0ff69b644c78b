"""STA's stages and masks beside the authors' own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.target import GoldenFile, Setup
from trackzoo.parity.tolerance import INPUT, Array, Tolerance, absolute, relative
from trackzoo.trackers.rts.verify_stage import BACKBONE, ENCODINGS, LOGITS, SEGMENTATION, SEGMENTATION_FILTER, Trace
from trackzoo.trackers.rts.verify_summary import PARTS, summary, summary_rules
from trackzoo.trackers.rts.verify_weights import Weights
from trackzoo.trackers.sta.mask import BoxToMask
from trackzoo.trackers.sta.network import STANetwork

GIVEN = ("salt", "calibration", "scene_seed", "image_sample_size", "mask_shape")
#: Share of the mask's pixels that may differ.
PIXELS = 1e-3


class STATarget(GoldenFile):
    """`sta`: frames of a scene with all stages (`frame0/…`), further boxes with their masks (`case/…`)."""

    packaged = Path(__file__).parent / "goldens" / "sta"

    def families(self, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """See `GoldenFile.families`."""
        return _rules(golden)

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        salt = str(golden["salt"]) if "salt" in golden else case.salt
        weights = Weights(case, STANetwork)
        tensors = weights.state_dict(salt, str(golden["calibration"]) if "calibration" in golden else salt)
        size = golden.get("image_sample_size", np.array((480, 832)))
        maker = BoxToMask(
            weights.network(tensors, setup.device),
            device=setup.device,
            dtype=setup.dtype,
            crop=(int(size[0]), int(size[1])),
            slip=True,
        )
        video, boxes, _ = scene(int(golden["scene_seed"]) if "scene_seed" in golden else case.seed)
        pictures = [torch.from_numpy(frame).permute(2, 0, 1).to(setup.device) for frame in video]
        for frame in sorted({int(found[1]) for name in golden if (found := re.match(r"frame(\d+)/", name))}):
            box = golden.get(f"frame{frame}/box", boxes[frame])
            yield from _stages(maker, pictures[frame], box, f"frame{frame}")
        for name in [name for name in golden if re.fullmatch(r"case/[^/]+/box", name)]:
            [mask] = maker([pictures[0]], [golden[name]])
            yield from _mask(mask, name.removesuffix("/box"))


def _rules(golden: Mapping[str, Array]) -> dict[str, Tolerance]:
    rules: dict[str, Tolerance] = {}
    for name in golden:
        family, _, part = name.rpartition("/")
        if part in PARTS and f"{family}/std" in golden:
            rules.update(summary_rules(family, golden))
        elif name in GIVEN or part == "box":
            rules[name] = INPUT
        elif part == "mask":
            rules[name] = Tolerance("near", PIXELS)
        elif part == "mask_area":
            rules[name] = absolute(PIXELS * 8 * golden[f"{family}/mask"].size)
        elif part.endswith("losses"):
            rules[name] = relative(1e-3)
        elif part in ("coords", "box_in_crop"):
            rules[name] = absolute(1e-3)
    return rules


def _stages(maker: BoxToMask, picture: Tensor, box: Array, name: str) -> Iterator[tuple[str, object]]:
    """Everything on the way to one mask."""
    cut = maker.cut(picture, box)
    yield from summary(f"{name}/input", cut.pixels[None], (0, 0, 32, 32))
    yield f"{name}/coords", cut.window.coords[None]
    yield f"{name}/box_in_crop", cut.box[None]
    traces = Trace(), Trace()
    found = maker.run([cut], traces)
    for layer, strides in BACKBONE.items():
        yield from summary(f"{name}/backbone/{layer}", found.maps[layer], strides)
    yield from summary(f"{name}/features", found.features, SEGMENTATION)
    yield from summary(f"{name}/box_encoding", found.box[None], ENCODINGS)
    names = (("target_", "", "coarse_logits"), ("second_", "second_", "logits"))
    for each, (inputs, outputs, logits), trace in zip((found.coarse, found.final), names, traces, strict=True):
        yield from summary(f"{name}/{inputs}encoding", each.labels[None], ENCODINGS)
        yield from summary(f"{name}/{inputs}weight", each.weights[None], ENCODINGS)
        yield from summary(f"{name}/{outputs}filter", each.filters, SEGMENTATION_FILTER)
        yield f"{name}/{outputs}losses", trace.losses
        yield from summary(f"{name}/{logits}", each.logits, LOGITS)
    size = int(picture.shape[1]), int(picture.shape[2])
    mask = maker.paste(found.final.logits.float()[0, 0], cut, size, box) > 0
    yield from _mask(mask, name)


def _mask(mask: Tensor, name: str) -> Iterator[tuple[str, object]]:
    yield f"{name}/mask", np.packbits(mask.cpu().numpy())
    yield f"{name}/mask_area", int(mask.sum())
