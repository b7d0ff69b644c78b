"""In which numbers a network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from trackzoo.errors import SettingsError

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def dtype_named(name: str) -> torch.dtype:
    """The torch dtype of `fp32`, `fp16` or `bf16`. Raises `SettingsError`."""
    if name not in DTYPES:
        raise SettingsError(f"unknown dtype '{name}'; one of {', '.join(DTYPES)}")
    return DTYPES[name]


@contextmanager
def without_tf32() -> Iterator[None]:
    """Context (or decorator) in which a GPU computes float32 in full; cuDNN would round convolutions' inputs to TF32."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before


def autocast(device: str, name: str) -> AbstractContextManager[Any]:
    """Context in which matrix products and convolutions run in the named precision; the rest stays float32.

    `fp32` means all 24 bits: see `without_tf32`.
    """
    dtype = dtype_named(name)
    if dtype == torch.float32:
        return without_tf32()
    return torch.autocast(torch.device(device).type, dtype=dtype)


def full(values: Tensor) -> AbstractContextManager[Any]:
    """Context in which autocast leaves operations on `values` alone."""
    # Meta tensors, which serve to count operations, have no autocast.
    return nullcontext() if values.is_meta else torch.autocast(values.device.type, enabled=False)
