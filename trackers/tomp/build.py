"""ToMP's trackers by their variants' settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from trackzoo.errors import SettingsError
from trackzoo.trackers.tomp.loading import check_side, head_tensors, without_prompting
from trackzoo.trackers.tomp.localisation import Thresholds
from trackzoo.trackers.tomp.model import ToMP50, ToMPL, ToMPNetwork
from trackzoo.trackers.tomp.tracker import Behaviour, ToMPState, ToMPTracker
from trackzoo.weights.loading import fill_from

#: Backbone -> the network.
NETWORKS: dict[str, type[ToMPNetwork]] = {"resnet50": ToMP50, "dinov2": ToMPL}


def unfilled(backbone: str, side: int, /, **parts: Any) -> ToMPNetwork:
    """A network without values, on the `meta` device: to be filled by `fill_from`.

    Args:
        backbone: `resnet50` or `dinov2`.
        side: cells along each side of its feature map.
        parts: other sizes than the published ones; see the networks.
    """
    if backbone not in NETWORKS:
        raise SettingsError(f"backbone: found {backbone!r}, expected {' or '.join(NETWORKS)}")
    if side < 2:
        raise SettingsError(f"side: found {side!r}, expected cells along each side of the feature map (18, 22, 27)")
    with torch.device("meta"):
        return NETWORKS[backbone](side, **parts)


def tomp_tracker(
    *,
    weights: Any = None,
    backbone: str = "resnet50",
    side: int = 18,
    target_not_found_threshold: float = 0.25,
    distractor_threshold: float = 0.8,
    hard_negative_threshold: float = 0.5,
    target_neighborhood_scale: float = 2.2,
    dispalcement_scale: float = 0.8,
    conf_ths: float = 0.9,
    report_limit: float = 0.0,
    deterministic: bool = False,
    parts: Mapping[str, Any] | None = None,
    device: str = "cpu",
    dtype: str = "fp32",
    compile: bool = False,
) -> ToMPTracker[ToMPState]:
    """ToMP as a variant sets it; settings have their released names.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`. A checkpoint of ToMP-L or PiVOT-L without its
            frozen backbone takes it from the cache.
        backbone: `resnet50`, `dinov2`.
        side: cells along each side of the feature map: 18; 22 or 27.
        target_not_found_threshold, distractor_threshold, hard_negative_threshold: see `Thresholds`.
        target_neighborhood_scale, dispalcement_scale: see `Thresholds`.
        conf_ths, report_limit, deterministic: see `Behaviour`.
        parts: other sizes of the network, for tests.
        device, dtype, compile: see `ToMPTracker`.
    """
    network = unfilled(backbone, side, **(parts or {}))
    fill_from(network, weights, without_prompting if backbone == "dinov2" else head_tensors, check_side(side))
    thresholds = Thresholds(
        target_not_found_threshold,
        distractor_threshold,
        hard_negative_threshold,
        target_neighborhood_scale,
        dispalcement_scale,
    )
    chosen = Behaviour(thresholds, conf_ths, report_limit, deterministic)
    return ToMPTracker(network, chosen, compile=compile, device=device, dtype=dtype)
