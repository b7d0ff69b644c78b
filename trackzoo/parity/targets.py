"""Names of what can be verified. Plugins state theirs as `VERIFY`: name -> `module:Class`; trackers need not have one."""

from __future__ import annotations

from functools import cache

from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.parity.target import Target
from trackzoo.registry import built_in, resolve

#: Targets of the core.
CORE = {"metrics": "trackzoo.parity.metrics:MetricsTarget"}


@cache
def targets() -> dict[str, str]:
    """Every target -> `module:Class`. A name that stands twice is an error."""
    found = dict(CORE)
    for module in built_in("trackzoo.trackers"):
        for name, reference in getattr(module, "VERIFY", {}).items():
            if name in found:
                raise TrackzooError(f"verify target '{name}' is registered twice: {found[name]}, {reference}")
            found[name] = reference
    return found


def target(name: str) -> Target:
    """Look a target up. Raises `UnknownName` with the nearest names."""
    known = targets()
    if name not in known:
        raise UnknownName("target", name, known, "'trackzoo verify'")
    made: Target = resolve(known[name])()
    return made
