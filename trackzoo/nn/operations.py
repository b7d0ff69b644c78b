"""Count multiply-adds of whatever torch computes inside a `with` block, by what they belong to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts while it is entered.

    Attributes:
        layers: multiply-adds of convolutions and linear layers: what profilers that look at layers see, and so what most
            tracking papers print.
        products: multiply-adds of products of two activations: the queries with the keys, the attention with the values.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers = 0
        self.products = 0

    @property
    def total(self) -> int:
        """Layers and products."""
        return self.layers + self.products

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, and count it."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in LAYERS:
            self.layers += LAYERS[name](args, out)
        elif name in PRODUCTS:
            self.products += PRODUCTS[name](args, out)
        elif name.startswith(("_scaled_dot_product", "scaled_dot_product_attention")):
            self.products += _attention(args)
        return out


def _convolution(args: tuple[Any, ...], out: Tensor) -> int:
    """Each output value is a sum over the kernel and the channels of its group."""
    return int(out.numel() * math.prod(args[1].shape[1:]))


def _attention(args: tuple[Any, ...]) -> int:
    """Queries (…, L, d) with keys (…, S, d), then the result with values (…, S, e)."""
    query, key, value = args[:3]
    rows = math.prod(query.shape[:-1])
    return int(rows * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


LAYERS: dict[str, Callable[[tuple[Any, ...], Any], int]] = {
    "convolution": _convolution,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "linear": lambda args, out: out.numel() * args[0].shape[-1],
    "addmm": lambda args, out: out.numel() * args[1].shape[-1],
    "mm": lambda args, out: out.numel() * args[0].shape[-1],
}
PRODUCTS: dict[str, Callable[[tuple[Any, ...], Any], int]] = {
    "bmm": lambda args, out: out.numel() * args[0].shape[-1],
    "baddbmm": lambda args, out: out.numel() * args[1].shape[-1],
    "matmul": lambda args, out: out.numel() * args[0].shape[-1],
}
