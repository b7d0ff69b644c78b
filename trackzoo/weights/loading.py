"""Fill a network: strictly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from trackzoo.errors import SettingsError


def fill_from(network: nn.Module, weights: Any) -> None:
    """Fill `network`'s parameters and buffers.

    Args:
        network: names its tensors as the official checkpoints do.
        weights: a mapping from name to tensor, or the word `random` for a seeded initialisation.

    Raises:
        SettingsError: there are no weights, or a name or shape does not fit; all are listed.
    """
    if weights is None:
        raise SettingsError("this tracker needs weights: trackzoo weights add NAME FILE, or --random-weights for speed")
    if isinstance(weights, str) and weights == "random":
        network.load_state_dict(_random(network))
        return
    _load(network, weights)


def _random(network: nn.Module) -> dict[str, Tensor]:
    """Values that depend on each tensor's name and shape alone."""
    from trackzoo.parity.fill import fill_state_dict

    filled: dict[str, Tensor] = fill_state_dict(network.state_dict(), {}, "random")
    return filled


def _load(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    faults = [f"missing {name}" for name in own if name not in tensors]
    faults += [f"unexpected {name}" for name in tensors if name not in own]
    faults += [
        f"{name}: {tuple(tensors[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    if faults:
        raise SettingsError(f"the weights do not fit: {'; '.join(faults)}")
    network.load_state_dict(dict(tensors))
