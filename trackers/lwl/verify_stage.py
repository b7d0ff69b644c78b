"""LWL's own stages, and its pass over a whole frame with a box, beside the reference's (`stage/…`, `stage/box/…`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import Array
from trackzoo.trackers.rts.box_encoder import rectangle
from trackzoo.trackers.rts.decoder import resize
from trackzoo.trackers.rts.filters import apply_filters
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.verify_stage import SEGMENTATION_FILTER, Arrays, Stage, segmentation_arrays
from trackzoo.trackers.rts.verify_summary import summary

#: LWL's search area, and the strides by which its goldens hold the decoder's levels.
FACTOR = 5.0
DECODER = dict.fromkeys(("layer4", "layer3", "layer2", "layer1"), 4)


def lwl_arrays(stage: Stage) -> Arrays:
    """All arrays `stage/…` of LWL but those of the box pass."""
    yield from segmentation_arrays(stage)
    filters = stage.learnt_segmentation[0]
    for name, iterations in (("seg_filter_update", 3), ("seg_filter_update5", 5)):
        refined, losses = stage.updated_segmentation(filters, iterations)
        yield from summary(f"stage/{name}", refined, SEGMENTATION_FILTER)
        yield f"stage/{name}_losses", losses
    yield from stage.decoded(apply_filters(stage.features[1:2], filters), DECODER)


def box_arrays(network: RTSNetwork, case: Case, golden: Mapping[str, Array], setup: Setup) -> Arrays:
    """All arrays `stage/box/…`: the first frame as it is, and its box."""
    video, first, _ = scene(int(golden.get("stage/scene_seed", np.array(case.seed))))
    picture = torch.from_numpy(video[0]).permute(2, 0, 1)[None].to(setup.device)
    box = golden.get("stage/box/box", first[:1])
    size = int(picture.shape[2]), int(picture.shape[3])
    mask = rectangle(box.reshape(4), size, clamped=False)[None].to(setup.device)
    with autocast(setup.device, setup.dtype):
        maps = network.features(picture)
        features = network.segmentation_features(maps)
        encoder = network.box_label_encoder
        channel = resize(mask, features.shape)
        inside = encoder.res(torch.cat([features, channel], dim=1))
        encoding = network.encode_boxes(features, mask)
        logits = network.decode(encoding, maps, size).float()
    yield from summary("stage/box/segmentation_features", features, (1, 37, 3, 3))
    yield from summary("stage/box/layer4", maps["layer4"], (1, 37, 2, 2))
    yield "stage/box/mask_channel", channel[0, 0].cpu().numpy()
    yield from summary("stage/box/res", inside, (0, 7, 0, 0))
    yield "stage/box/encoding", encoding[0].float().cpu().numpy()
    yield "stage/box/logits", logits[0, 0, 1::2, 1::2].cpu().numpy()
    yield "stage/box/logits_stat", [float(logits.mean()), float(logits.std()), float((logits > 0).sum())]
    boxes = golden.get("stage/box/rectangle_boxes", np.zeros((0, 4)))
    drawn = [rectangle(box, size, clamped=False)[0].numpy() > 0 for box in boxes]
    yield "stage/box/rectangles", np.packbits(np.array(drawn))
