"""trackzoo: one toolkit for visual single-object tracking.

    import trackzoo

    tracker = trackzoo.load("dcf")                                  # a tracker, ready to run
    for prediction in tracker.track(frames, (x, y, w, h)): ...      # a person's own video
    run = trackzoo.run("dcf", "synth")                              # a benchmark, stored and resumable
    print(trackzoo.evaluate(run))                                   # its scores
    trackzoo.compare("dcf", "static").write("report")               # tables, plots and pages of all that is stored

The command line does the same by calling the same functions. Importing this package imports neither torch nor cv2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackzoo._version import __version__

if TYPE_CHECKING:
    from trackzoo.api import compare, evaluate, load, open_dataset, run

__all__ = ["__version__", "compare", "evaluate", "load", "open_dataset", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from trackzoo import api

        return getattr(api, name)
    raise AttributeError(f"module 'trackzoo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
