"""`pieces.npz` of OSTrack and ProContEXT: crops, heat maps, losses, schedules, each alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from trackzoo.geometry import clip_boxes
from trackzoo.nn.crops import box_in_crop, crop, crop_with_mask, window
from trackzoo.nn.elimination import keep_rate, template_tokens
from trackzoo.nn.heat import heat_maps
from trackzoo.nn.losses import box_iou, focal_heat_map, giou_loss, l1_loss
from trackzoo.nn.search_tracking import CLIP_MARGIN
from trackzoo.nn.vit import resize_position_embedding
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_value
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute

Arrays = Mapping[str, Array]
#: Sides of grids that the position embedding is resized to.
GRIDS = (8, 9, 12, 16, 24)
#: Columns of `crop_factor_size` that have thumbnails.
THUMBNAILS = (1, 4)

TABLE: dict[str, Tolerance] = {
    **dict.fromkeys(
        ("crop_boxes", "crop_factor_size", "to_crop_boxes", "to_crop_extract", "to_crop_rf", "clip_in", "heat_boxes"),
        INPUT,
    ),
    **dict.fromkeys(("focal_pred", "loss_pred_boxes", "center_GT_BOX_box"), INPUT),
    "crop_resize_factor": absolute(1e-12),
    **dict.fromkeys(("crop_channel_sums", "crop_mask_count", "crop_thumb", "crop_mask_thumb"), EXACT),
    "to_crop_out": absolute(1e-6),
    "clip_out": absolute(1e-9),
    "heat_256": absolute(1e-6),
    "heat_384": absolute(1e-6),
    "focal_loss": absolute(1e-3),
    "focal_loss_zero_target": absolute(1e-2),
    "focal_num_pos": EXACT,
    **dict.fromkeys(("giou_loss", "l1_loss", "iou"), absolute(1e-5)),
    "total_loss": absolute(1e-3),
    "keep_rate_20_80": absolute(1e-12),
    "keep_rate_20_50": absolute(1e-12),
    **{f"center_CTR_POINT_{size}": EXACT for size in (112, 128, 192, 224)},
    **{f"center_CTR_REC_{size}": EXACT for size in (112, 128, 192)},
    **{f"center_GT_BOX_{size}": EXACT for size in (128, 192)},
    **{f"pos_interp_{side}": absolute(1e-5) for side in GRIDS},
    "train_multiscale_sums": EXACT,
    "train_multiscale_boxes": absolute(1e-6),
}


def compute(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    """Our values of the pieces that a folder has."""
    for part in (_crops, _coordinates, _losses, _schedules, _tokens, _positions, _multiscale):
        yield from part(case, golden)


def _crops(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    """Ten boxes × five (factor, size) on frame 2: the crops themselves are held through sums and thumbnails."""
    if not {"crop_boxes", "crop_factor_size"} <= golden.keys():
        return
    picture = case.scene[0][2]
    kinds = [(float(factor), int(size)) for factor, size in golden["crop_factor_size"]]
    windows = [[window(box, factor, size) for factor, size in kinds] for box in golden["crop_boxes"]]
    cut = [[crop_with_mask(picture, where) for where in row] for row in windows]
    yield "crop_resize_factor", [[where.resize_factor for where in row] for row in windows]
    yield "crop_channel_sums", [[pixels.reshape(-1, 3).sum(0, dtype=np.int64) for pixels, _ in row] for row in cut]
    yield "crop_mask_count", [[mask.sum() for _, mask in row] for row in cut]

    def thumbnails(which: int) -> Any:
        return np.stack(
            [[row[k][which][:: kinds[k][1] // 32, :: kinds[k][1] // 32] for k in THUMBNAILS] for row in cut]
        )

    yield "crop_thumb", thumbnails(0)
    yield "crop_mask_thumb", np.packbits(thumbnails(1))


def _coordinates(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    if {"to_crop_boxes", "to_crop_extract", "to_crop_rf"} <= golden.keys():
        about = golden["to_crop_extract"].astype(np.float64)
        pairs = zip(golden["to_crop_boxes"], golden["to_crop_rf"], strict=True)
        yield "to_crop_out", [box_in_crop(box, about, float(factor), 256) for box, factor in pairs]
    if "clip_in" in golden:
        yield "clip_out", clip_boxes(golden["clip_in"], (320, 240), CLIP_MARGIN)


def _losses(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    """Section 5.4: the truth of every loss is `heat_boxes`, clamped; predicted boxes are `cx, cy, w, h`."""
    if "heat_boxes" not in golden:
        return
    boxes = torch.from_numpy(golden["heat_boxes"])
    heat = heat_maps(boxes, 16)
    yield "heat_256", heat.numpy()
    yield "heat_384", heat_maps(boxes, 24).numpy()
    if not {"focal_pred", "loss_pred_boxes"} <= golden.keys():
        return
    scores, found = torch.from_numpy(golden["focal_pred"]).squeeze(1), torch.from_numpy(golden["loss_pred_boxes"])
    truth = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1).clamp(0, 1)
    found = torch.cat([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], dim=1)
    focal, giou, l1 = focal_heat_map(scores, heat), giou_loss(found, truth), l1_loss(found, truth)
    yield "focal_loss", focal
    yield "focal_num_pos", int((heat == 1).sum())
    yield "focal_loss_zero_target", focal_heat_map(scores, torch.zeros_like(heat))
    yield "giou_loss", giou
    yield "iou", box_iou(found, truth)[0]
    yield "l1_loss", l1
    yield "total_loss", focal + 2 * giou + 5 * l1


def _schedules(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    for length in (80, 50):
        if (name := f"keep_rate_20_{length}") in golden:
            yield name, [keep_rate(epoch, 20, length) for epoch in range(len(golden[name]))]


def _tokens(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    """Which template tokens decide, by the crop's size."""
    rules: dict[str, Callable[[int], torch.Tensor]] = {
        "center_CTR_POINT_": lambda side: template_tokens(side),
        "center_CTR_REC_": lambda side: template_tokens(side, "rectangle"),
    }
    if "center_GT_BOX_box" in golden:
        box = torch.from_numpy(golden["center_GT_BOX_box"])[0]
        rules["center_GT_BOX_"] = lambda side: template_tokens(side, "box", box)
    for name in TABLE:
        for prefix, rule in rules.items():
            if name in golden and name.startswith(prefix) and TABLE[name] is not INPUT:
                yield name, rule(int(name.removeprefix(prefix)) // 16).numpy()


def _positions(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    embedding = torch.from_numpy(fill_value("backbone.pos_embed", (1, 197, 768), case.salt))
    for side in GRIDS:
        yield f"pos_interp_{side}", resize_position_embedding(embedding, side)[0, ::5, ::64].numpy()


def _multiscale(case: Case, golden: Arrays) -> Iterator[tuple[str, object]]:
    """ProContEXT's four training templates without augmentation: frames 0 and 4 at factor 2, then both at 4."""
    video, boxes, _ = case.scene
    chosen = [(frame, factor) for factor in (2.0, 4.0) for frame in (0, 4)]
    windows = [window(boxes[frame], factor, 192) for frame, factor in chosen]
    pairs = list(zip(chosen, windows, strict=True))
    yield "train_multiscale_sums", [crop(video[frame], where).sum(dtype=np.int64) for (frame, _), where in pairs]
    yield (
        "train_multiscale_boxes",
        [box_in_crop(boxes[frame], boxes[frame], where.resize_factor, 192) for (frame, _), where in pairs],
    )
