"""LWL's stages, its pass over a whole frame with a box, and whole runs beside the authors' own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from trackzoo.parity.case import Case
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import Array
from trackzoo.trackers.lwl import verify_stage
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.verify import SegmentationTarget, named
from trackzoo.trackers.rts.verify_stage import Stage
from trackzoo.trackers.rts.verify_weights import Weights


class LWLTarget(SegmentationTarget):
    """`lwl-ytvos` and `lwl-boxinit`, whose parameters are the same but for the encoder of boxes."""

    packaged = Path(__file__).parent / "goldens" / "lwl"

    def stage(self, case: Case, golden: Mapping[str, Array], setup: Setup) -> Iterator[tuple[str, object]]:
        """See `SegmentationTarget`."""
        weights = Weights(case, lambda: RTSNetwork(instance=False, box=True), "manifest_boxinit.json")
        network = weights.network(weights.state_dict(*named(golden, case)), setup.device)
        yield from verify_stage.lwl_arrays(Stage(network, case, golden, setup, factor=verify_stage.FACTOR))
        if any(name.startswith("stage/box/") for name in golden):
            yield from verify_stage.box_arrays(network, case, golden, setup)
