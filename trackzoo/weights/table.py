"""The table of all published weights: what the tracker plugins state as `WEIGHTS`. Imports no torch."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

from trackzoo.errors import TrackzooError, TrackzooWarning, UnknownName
from trackzoo.weights.facts import WeightsSpec

#: Packages whose modules state `WEIGHTS`, and the entry-point group of plugins that others install.
_GROUP = "trackzoo.trackers"


@cache
def weights_specs() -> dict[str, WeightsSpec]:
    """All weights by name, built-in plugins first.

    Raises:
        TrackzooError: a name that stands twice, or an entry that is no `WeightsSpec`.
    """
    found: dict[str, WeightsSpec] = {}

    def add(specs: Iterable[WeightsSpec], origin: str) -> None:
        for spec in specs:
            if not isinstance(spec, WeightsSpec):
                raise TrackzooError(f"{origin}: found {type(spec).__name__} among its WEIGHTS, expected WeightsSpec")
            if spec.name in found:
                raise TrackzooError(f"weights '{spec.name}' are registered twice, the second time by {origin}")
            found[spec.name] = spec

    from trackzoo.registry import built_in

    for module in built_in(_GROUP):
        add(getattr(module, "WEIGHTS", ()), module.__name__)
    for entry in entry_points(group=_GROUP):
        try:
            module = importlib.import_module(entry.value.partition(":")[0])
            add(getattr(module, "WEIGHTS", ()), f"the installed package of entry point '{entry.name}'")
        except Exception as error:
            # Somebody else's broken package must not take the command line down with it.
            told = f"weights of plugin '{entry.name}' ({entry.value}) are left out: {error}"
            warnings.warn(told, TrackzooWarning, stacklevel=2)
    return found


def weights_spec(name: str) -> WeightsSpec:
    """Weights by their own name, or by that of a tracker (the weights that it uses).

    Raises:
        UnknownName: with the nearest names.
    """
    from trackzoo.registry import tracker, tracker_names

    specs = weights_specs()
    if name not in specs and name in tracker_names():
        name = tracker(name).weights or name
    if name not in specs:
        raise UnknownName("weights", name, specs, "'trackzoo weights list'")
    return specs[name]
