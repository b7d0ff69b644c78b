"""ToMP's trackers by their variants' settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch

from trackzoo.errors import SettingsError
from trackzoo.settings import changed
from trackzoo.trackers.tomp.loading import check_side, head_tensors, without_prompting
from trackzoo.trackers.tomp.model import ToMP50, ToMPL, ToMPNetwork
from trackzoo.trackers.tomp.tracker import Behaviour, ToMPState, ToMPTracker
from trackzoo.weights.loading import fill_from

Network = TypeVar("Network", bound=ToMPNetwork)

#: Backbone -> the network.
NETWORKS: dict[str, type[ToMPNetwork]] = {"resnet50": ToMP50, "dinov2": ToMPL}


def unfilled(backbone: str, side: int, /, **parts: Any) -> ToMPNetwork:
    """ToMP's network without values; see `unfilled_of`."""
    return unfilled_of(NETWORKS, backbone, side, **parts)


def unfilled_of(networks: Mapping[str, type[Network]], backbone: str, side: int, /, **parts: Any) -> Network:
    """A network without values, on the `meta` device: to be filled by `fill_from`.

    Args:
        networks: backbone -> the network, as `NETWORKS`.
        backbone: `resnet50` or `dinov2`.
        side: cells along each side of its feature map.
        parts: other sizes than the published ones; see the networks.
    """
    if backbone not in networks:
        raise SettingsError(f"backbone: found {backbone!r}, expected {' or '.join(networks)}")
    if side < 2:
        raise SettingsError(f"side: found {side!r}, expected cells along each side of the feature map (18, 22, 27)")
    with torch.device("meta"):
        return networks[backbone](side, **parts)


def tomp_tracker(
    *,
    weights: Any = None,
    backbone: str = "resnet50",
    side: int = 18,
    parts: Mapping[str, Any] | None = None,
    device: str = "cpu",
    dtype: str = "fp32",
    compile: bool = False,
    **settings: Any,
) -> ToMPTracker[ToMPState]:
    """ToMP as a variant sets it.

    Args:
        weights: what fills the network; see `trackzoo.weights.loading.fill_from`. A checkpoint of ToMP-L or PiVOT-L without its
            frozen backbone takes it from the cache.
        backbone: `resnet50`, `dinov2`.
        side: cells along each side of the feature map: 18; 22 or 27.
        parts: other sizes of the network, for tests.
        device, dtype, compile: see `ToMPTracker`.
        settings: see `Behaviour` and `Thresholds`; they have their released names.
    """
    behaviour = changed(Behaviour(), settings)
    network = unfilled(backbone, side, **(parts or {}))
    fill_from(network, weights, without_prompting if backbone == "dinov2" else head_tensors, check_side(side))
    return ToMPTracker(network, behaviour, compile=compile, device=device, dtype=dtype)
