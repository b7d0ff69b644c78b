"""ProContEXT's stages, pieces and tracks beside the authors' own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trackzoo.nn.search_tracking import SearchTracker
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import Array
from trackzoo.trackers.ostrack.model import OSTrack
from trackzoo.trackers.ostrack.verify import SearchTarget
from trackzoo.trackers.procontext.tracker import SCALES, ProContEXTTracker


class ProContEXTTarget(SearchTarget):
    """Static templates from frame 0, dynamic ones from frame 4; tracks with several update intervals."""

    folder, package = "procontext", Path(__file__).parent
    templates = (0, 4)
    tracks = ("track", "track_counter97", "track_interval1", "track_interval3")

    @property
    def factors(self) -> tuple[float, ...]:
        """Area factors of the template crops."""
        return SCALES[2]

    def unfilled(self) -> torch.nn.Module:
        """See `SearchTarget`."""
        return OSTrack(192, 384)

    def tracker(self, weights: Any, setup: Setup) -> SearchTracker[Any]:
        """See `SearchTarget`."""
        return ProContEXTTracker(
            weights=weights, device=setup.device, dtype=setup.dtype, compile=setup.compile, exact_crops=True
        )

    def adapt(self, tracker: SearchTracker[Any], golden: Mapping[str, Array]) -> None:
        """The golden's own update interval."""
        assert isinstance(tracker, ProContEXTTracker)
        tracker.update_interval = int(golden.get("update_interval", np.int64(100)))
