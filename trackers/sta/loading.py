"""STA's network out of its weights, and the iterations that only the checkpoint's constructor states."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from trackzoo.errors import DataError
from trackzoo.trackers.sta.network import STANetwork
from trackzoo.weights.checkpoint import read_constructor
from trackzoo.weights.chosen import RANDOM, weights_path
from trackzoo.weights.loading import fill_from

#: More would take minutes for a mask; a file that says so is damaged.
MOST_ITERATIONS = 1000


def load(weights: Any) -> tuple[STANetwork, int | None]:
    """The filled network, and how many iterations its filters take, or None where the weights do not say.

    Args:
        weights: see `trackzoo.weights.loading.fill_from`.

    Raises:
        SettingsError, DataError: as `fill_from`; a number of iterations that cannot be.
    """
    with torch.device("meta"):
        network = STANetwork()
    fill_from(network, weights)
    if isinstance(weights, Path) or (isinstance(weights, str) and weights != RANDOM):
        path = weights_path(weights)
        return network, iterations_of(read_constructor(path), path)
    return network, None


def iterations_of(constructor: Any, path: Path) -> int | None:
    """`optim_iter` of a checkpoint's constructor, or None where it does not say. Raises `DataError` for what cannot be."""
    kwds = constructor.get("kwds") if isinstance(constructor, Mapping) else None
    if not isinstance(kwds, Mapping) or "optim_iter" not in kwds:
        return None
    found = kwds["optim_iter"]
    if type(found) is not int or not 1 <= found <= MOST_ITERATIONS:
        expected = f"a whole number from 1 to {MOST_ITERATIONS}"
        raise DataError(path, f"optim_iter {found!r} in its constructor", expected, "download it again")
    return found
