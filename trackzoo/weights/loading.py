"""Fill a network: strictly, or not at all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trackzoo.errors import SettingsError
from trackzoo.weights.checkpoint import Checkpoint, read_checkpoint
from trackzoo.weights.chosen import RANDOM, weights_path
from trackzoo.weights.fit import compare, naming
from trackzoo.weights.header import Entry


def fill_from(
    network: nn.Module,
    weights: Any,
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None,
    check: Callable[[str, Checkpoint], None] | None = None,
) -> None:
    """Fill `network`'s parameters and buffers: every one of them, or none.

    Args:
        network: names its tensors as the official checkpoints do. One on the `meta` device takes the tensors themselves where
            they have its types, so that nothing is held twice.
        weights: the name of weights in the cache; path of a safetensors file or an official checkpoint; a mapping from name to
            tensor; or the word `random` for a seeded initialisation, which only tests of speed have a use for.
        rename: from the tensors that were found to those that the network has, as `WeightsSpec.rename` names it.
        check: of a file, as `WeightsSpec.check` names it.

    Raises:
        SettingsError: there are no weights, or a name or shape does not fit; says how many and which come first.
        DataError: a file that cannot be read.
    """
    if weights is None:
        raise SettingsError(
            "this tracker needs weights: 'trackzoo weights list' says which there are, 'trackzoo weights add NAME FILE' takes "
            "them in; --random-weights is for tests of speed"
        )
    if isinstance(weights, str) and weights == RANDOM:
        _take(network, {name: _random(name, tensor) for name, tensor in network.state_dict().items()})
    elif isinstance(weights, str | Path):
        path = weights_path(weights)
        found = read_checkpoint(path)
        if check:
            check(str(path), found)
        with naming(path):
            tensors = rename(found.tensors) if rename else found.tensors
        _load(network, tensors, str(path))
    elif isinstance(weights, Mapping):
        _load(network, rename(weights) if rename else weights, "the weights")
    else:
        raise SettingsError(f"weights: found a {type(weights).__name__}, expected a name, a path or tensors by name")


def _load(network: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    own = network.state_dict()
    fit = compare(_entries(tensors), _entries(own))
    if not fit:
        raise SettingsError(f"{origin}: these weights do not fit the network: {fit.summary}; nothing was loaded")
    _take(network, tensors)


def _take(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    if any(tensor.is_meta for tensor in own.values()):
        network.load_state_dict({name: each.to(own[name].dtype) for name, each in tensors.items()}, assign=True)
    else:
        network.load_state_dict(dict(tensors))


def _entries(tensors: Mapping[str, Tensor]) -> dict[str, Entry]:
    return {
        name: Entry(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in tensors.items()
    }


def _random(name: str, tensor: Tensor) -> Tensor:
    """Values that depend on the tensor's name and shape alone, of a size that keeps signals alive through many layers."""
    device = "cpu" if tensor.is_meta else tensor.device
    if not tensor.is_floating_point():
        return torch.zeros_like(tensor, device=device) if tensor.is_meta else tensor.clone()
    if name.endswith("running_var"):
        return torch.ones_like(tensor, device=device)
    if tensor.dim() < 2:
        # Scales of norms (weights of one dimension) begin at one, biases and means at zero.
        return torch.full_like(tensor, float(name.endswith("weight")), device=device)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1
    values = torch.empty(tensor.shape, dtype=torch.float32)
    values.normal_(generator=torch.Generator().manual_seed(seed))
    return (values / math.sqrt(max(1, tensor[0].numel()))).to(device, tensor.dtype)
