"""RTS's stages, parts and whole runs beside the authors' own; and the base of LWL's verification."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from trackzoo.parity.case import Case
from trackzoo.parity.target import GoldenFile, Setup
from trackzoo.parity.tolerance import INPUT, Array, Tolerance
from trackzoo.trackers.rts import verify_runs, verify_stage
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.verify_stage import Stage, stage_rules
from trackzoo.trackers.rts.verify_weights import Weights


class SegmentationTarget(GoldenFile):
    """One file, `golden`: single stages, parts that need no network, and runs whose specifications stand in it."""

    # As the reference had. The kink of the instance branch's hinge amplifies the order of sums: with two threads scores of
    # three runs were up to 7.6e-3 off, decisions and boxes equal.
    threads = 1

    def rules(self, file: str, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """See `Target.rules`; of the packaged runs nothing is said where they are absent."""
        absent = {name: rule for name, rule in self.known.items() if name not in golden and not name.startswith("run/")}
        return {**absent, **self.families(golden)}

    def families(self, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """See `GoldenFile.families`: stages and runs."""
        return {"runs": INPUT, **stage_rules(golden), **verify_runs.run_rules(golden)}

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        wanted = {name for name, rule in self.rules(file, golden).items() if name in golden and rule.kind != "input"}
        if any(name.startswith("stage/") for name in wanted):
            # Run through in one go: leaving and entering inference mode between two values would switch autocast off.
            with torch.inference_mode():
                found = list(self.stage(case, golden, setup))
            yield from found
        yield from verify_runs.run_arrays(case, setup, wanted)

    @abstractmethod
    def stage(self, case: Case, golden: Mapping[str, Array], setup: Setup) -> Iterator[tuple[str, object]]:
        """Our arrays `stage/…`."""


def named(golden: Mapping[str, Array], case: Case) -> tuple[str, str]:
    """Salt and calibration of a file's stages."""
    salt = str(golden["stage/salt"]) if "stage/salt" in golden else case.salt
    return salt, str(golden["stage/calibration"]) if "stage/calibration" in golden else salt


class RTSTarget(SegmentationTarget):
    """`rts50`."""

    packaged = Path(__file__).parent / "goldens" / "rts"

    def stage(self, case: Case, golden: Mapping[str, Array], setup: Setup) -> Iterator[tuple[str, object]]:
        """See `SegmentationTarget`."""
        weights = Weights(case, RTSNetwork)
        network = weights.network(weights.state_dict(*named(golden, case)), setup.device)
        yield from verify_stage.rts_arrays(Stage(network, case, golden, setup), golden)
