"""Parameters of a network in groups that are trained at rates of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def parameter_groups(network: nn.Module, rates: Mapping[str | tuple[str, ...], float]) -> list[dict[str, Any]]:
    """What an optimiser of `torch.optim` takes; what needs no gradient is in no group.

    Args:
        network: after what is to stay was frozen.
        rates: beginnings of parameters' names -> learning rate; the first that fits counts.

    Returns:
        First the rest, at the optimiser's own rate, then a group for each of `rates`, in order; none that is empty.
    """
    rest: list[Tensor] = []
    groups: dict[str | tuple[str, ...], list[Tensor]] = {begin: [] for begin in rates}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            own = next((groups[begin] for begin in rates if name.startswith(begin)), rest)
            own.append(parameter)
    found: list[dict[str, Any]] = [
        {"params": rest},
        *({"params": groups[begin], "lr": rate} for begin, rate in rates.items()),
    ]
    return [group for group in found if group["params"]]
