"""Copies of networks for inference: channels last in memory, and batch norms folded into the convolutions before them."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network) -> Network:
    """A copy in which every batch norm that follows a convolution is part of it.

    Pairs are found by name and order: `conv{i}` and `bn{i}` of one module (as in ResNets), and neighbours in a `Sequential`.
    The copy has other parameters than the network's checkpoints, and is for inference alone.

    Args:
        network: in evaluation mode, since what is folded in are the running statistics.

    Raises:
        ValueError: a batch norm is in training mode.
    """
    made = copy.deepcopy(network)
    for module in list(made.modules()):
        children = dict(module.named_children())
        for name, norm in children.items():
            if not isinstance(norm, nn.BatchNorm2d):
                continue
            if norm.training:
                raise ValueError("a batch norm in training mode cannot be folded: call eval() first")
            before = _before(module, name)
            conv = children.get(before)
            if isinstance(conv, nn.Conv2d):
                setattr(module, before, fuse_conv_bn_eval(conv, norm))
                setattr(module, name, nn.Identity())
    return made


def inference_copy(network: Network, fold: bool = False) -> Network:
    """A copy that computes the same faster, for inference alone: with channels last in memory.

    Args:
        network: any.
        fold: fold batch norms too. On a CPU that gains little, and it rounds every weight once more, which deep networks
            amplify.
    """
    made = folded(network.eval()) if fold else copy.deepcopy(network).eval()
    made.requires_grad_(False)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            # What a convolution gives follows its weights' layout.
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return made


def _before(module: nn.Module, name: str) -> str:
    """Name of what stands before a norm, or nothing."""
    if isinstance(module, nn.Sequential):
        names = [each for each, _ in module.named_children()]
        return names[names.index(name) - 1] if names.index(name) else ""
    return f"conv{name.removeprefix('bn')}" if name.startswith("bn") else ""
