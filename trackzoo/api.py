"""What the command line does, from Python."""

from __future__ import annotations

from typing import Any

from trackzoo.registry import open_dataset, tracker
from trackzoo.tracker import Tracker

__all__ = ["load", "open_dataset"]


def load(name: str, *, device: str = "cpu", dtype: str = "fp32", **settings: Any) -> Tracker[Any]:
    """A tracker, ready to run.

    Args:
        name: a family (`rts`), a variant (`rts50`), or `module:Class`.
        device: torch device name.
        dtype: `fp32`, `fp16` or `bf16`.
        settings: go before the variant's.

    Raises:
        UnknownName: no such tracker; the nearest names are suggested.
        TrackzooError: something it needs is missing.
    """
    return tracker(name).load(device=device, dtype=dtype, **settings)
