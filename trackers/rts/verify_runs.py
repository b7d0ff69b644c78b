"""What `verify` compares beside single stages: whole runs, crops, readings of score maps, as the folder's file lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from trackzoo.errors import DataError, SettingsError
from trackzoo.nn.patches import cut_patch, patch_window
from trackzoo.parity.case import Case
from trackzoo.parity.scene import scene
from trackzoo.parity.target import Setup
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute
from trackzoo.settings import changed
from trackzoo.trackers.lwl import SPECS as LWL_SPECS
from trackzoo.trackers.lwl.tracker import LWLTracker
from trackzoo.trackers.rts import verify_lwl_runs, verify_rts_runs
from trackzoo.trackers.rts.localisation import localise
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.settings import RTSSettings
from trackzoo.trackers.rts.tracker import RTSTracker
from trackzoo.trackers.rts.verify_follow import open_run, specifications
from trackzoo.trackers.rts.verify_weights import Weights, sta_case
from trackzoo.trackers.sta.network import STANetwork

Arrays = Iterator[tuple[str, object]]
#: Inputs of `localize/…`.
GIVEN = ("params", "scores", "clf_pos", "clf_target_sz", "sample_pos", "sample_scale")


def run_rules(golden: Mapping[str, Array]) -> dict[str, Tolerance]:
    """Rules of every array `run/…`, `crop/…`, `localize/…` of a file."""
    rules: dict[str, Tolerance] = {}
    for spec in specifications(golden):
        table = verify_lwl_runs if "network" in spec else verify_rts_runs
        rules |= table.rules_of(golden, str(spec["name"]), spec)
    for name in golden:
        family, _, part = name.rpartition("/")
        if name == "crop/cases" or (family == "localize" and part in GIVEN):
            rules[name] = INPUT
        elif family == "localize" and part in ("translation", "flag"):
            rules[name] = EXACT if part == "flag" else absolute(1e-3)
        elif family.startswith("crop/crop/"):
            # Pixels are blended in another order on other machines; where a crop lies is exact.
            rules[name] = absolute(1e-3) if part in ("sub", "mean", "std") else EXACT
    return rules


def run_arrays(case: Case, setup: Setup, wanted: set[str]) -> Arrays:
    """Our values of the wanted ones of these arrays."""
    golden = case.arrays("golden.npz")
    if any(name.startswith("crop/") for name in wanted):
        yield from _crops(golden)
    if any(name.startswith("localize/") for name in wanted):
        yield from _localised(golden)
    weights = _WeightsOfRuns(case)
    for spec in specifications(golden):
        if any(name.startswith(f"run/{spec['name']}/") for name in wanted):
            yield from _run(spec, case, golden, setup, weights)


class _WeightsOfRuns:
    """Filled parameters by network; each is made when a run first asks for it."""

    def __init__(self, case: Case) -> None:
        self._rts = Weights(case, RTSNetwork)
        self._lwl = Weights(case, lambda: RTSNetwork(instance=False))
        self._box = Weights(case, lambda: RTSNetwork(instance=False, box=True), "manifest_boxinit.json")
        self._sta = Weights(sta_case(case), STANetwork)

    def of(self, spec: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """The network's that a run names."""
        kind = {"lwl": self._lwl, "box": self._box}.get(spec.get("network", ""), self._rts)
        return kind.state_dict(spec["salt"], spec.get("calibration"), spec.get("overrides"))

    def sta(self, spec: Mapping[str, Any]) -> dict[str, torch.Tensor] | None:
        """STA's where the run begins with a box and needs a mask."""
        return self._sta.state_dict(spec["salt"]) if spec.get("init") == "box" else None


def _run(
    spec: Mapping[str, Any], case: Case, golden: Mapping[str, Array], setup: Setup, weights: _WeightsOfRuns
) -> Arrays:
    run = open_run(spec, case)
    common: dict[str, Any] = {"device": setup.device, "dtype": setup.dtype, "compile": setup.compile}
    # The released code's slips are compared, too: with boxes that begin outside of the picture, and with those of lost objects.
    try:
        if "network" not in spec:
            rts = RTSTracker(weights=weights.of(spec), sta=weights.sta(spec), sta_slip=True, **common, **run.params)
            yield from verify_rts_runs.arrays_of(run, rts, golden)
            return
        settings = {**LWL_SPECS[0].variants["lwl-boxinit" if spec["network"] == "box" else "lwl-ytvos"], **run.params}
        alone = "merged" if spec.get("mode") == "multi" else "single"
        settings |= {"alone": alone, "merged_fallback": "first", "box_slip": True}
        lwl = LWLTracker(weights=weights.of(spec), **common, **settings)
        yield from verify_lwl_runs.arrays_of(run, lwl, golden)
    except SettingsError as error:
        raise DataError(case.folder, f"run '{run.name}': {error}", "parameters that the tracker takes") from None


def _crops(golden: Mapping[str, Array]) -> Arrays:
    for index, said in enumerate(json.loads(str(golden["crop/cases"]))):
        video, _, masks = scene(**said["scene"])
        planes = masks[0][None] if said["is_mask"] else np.ascontiguousarray(video[0].transpose(2, 0, 1))
        height, width = planes.shape[1:]
        out = (int(said["output_size_hw"][0]), int(said["output_size_hw"][1]))
        where = patch_window(said["position_yx"], said["sample_size_hw"], (height, width), out, said["mode"])
        patch = cut_patch(torch.from_numpy(planes), where, said["is_mask"])[None]
        name = f"crop/crop/{index}"
        yield f"{name}/shape", patch.shape
        yield f"{name}/mean", float(patch.double().mean())
        yield f"{name}/std", float(patch.double().std())
        yield f"{name}/sub", patch[:, :, ::6, ::6]
        yield f"{name}/coords", where.coords[None]


def _localised(golden: Mapping[str, Array]) -> Arrays:
    settings = changed(RTSSettings(), json.loads(str(golden["localize/params"])))
    found = [
        localise(scores, position, size, sample, float(scale), settings)
        for scores, position, size, sample, scale in zip(
            *(golden[f"localize/{name}"] for name in GIVEN[1:]), strict=True
        )
    ]
    yield "localize/translation", np.stack([each.translation for each in found])
    yield "localize/flag", np.array([int(each.flag) for each in found])
