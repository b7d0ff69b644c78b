"""Where converted weights lie: one safetensors file a name, with its facts beside it."""

from __future__ import annotations

from pathlib import Path

from trackzoo.config import cache_folder


def weights_file(name: str) -> Path:
    """The safetensors file of the weights `name`; it need not exist."""
    return cache_folder() / "weights" / f"{name}.safetensors"


def present(name: str) -> bool:
    """Whether the weights `name` are in the cache."""
    return weights_file(name).is_file()
