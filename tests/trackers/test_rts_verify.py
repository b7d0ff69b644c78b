"""`verify rts50` and `verify lwl` on folders of other runs: everything is driven by what the folder says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.parity.case import Case
from trackzoo.parity.target import Setup
from trackzoo.parity.targets import target
from trackzoo.trackers.rts import verify_runs

TINY = {"image_sample_size": [64, 96], "clf_target_not_found_threshold": 0.1}
SCENE = {"seed": 5, "frames": 5, "height": 100, "width": 140, "target": [30, 40]}
RTS_RUNS: list[dict[str, Any]] = [
    {
        "name": "mine",
        "salt": "elsewhere",
        "calibration": "mine",
        "init": "mask",
        "scene": SCENE,
        "grey_frames": [2],
        "params": {**TINY, "train_skipping": 2, "alr_init_buff": 3, "sample_memory_size": 3},
        "overrides": {"decoder.project.conv2.bias": [1.5]},
    },
    {
        "name": "pair",
        "salt": "elsewhere",
        "calibration": "mine",
        "scene": SCENE,
        "params": TINY,
        "objects": {
            "1": {"frame": 0, "mask": "masks[0]"},
            "2": {"frame": 2, "mask": "roll(masks[2], (40, 50)) minus masks[2]"},
        },
    },
]
LWL_RUNS: list[dict[str, Any]] = [
    {
        "name": "mine",
        "network": network,
        "mode": mode,
        "salt": "elsewhere",
        "calibration": "mine",
        "scene": SCENE,
        "frames": 4,
        "objects": objects,
        "params": {"image_sample_size": [64, 96]},
    }
    for network, mode, objects in (
        ("box", "single", [{"id": "1", "frame": 0, "target": "first"}]),
        ("lwl", "multi", [{"id": "1", "frame": 0, "target": "first"}, {"id": "2", "frame": 2, "target": "second"}]),
    )
]
LWL_RUNS[1]["name"] = "pair"


def folder(name: str, runs: list[dict[str, Any]], home: Path) -> tuple[Path, dict[str, Any]]:
    """A folder of another salt and calibration, whose arrays are ours."""
    packaged = Path(target(name).packaged)
    home.mkdir()
    (home / "case.json").write_text(json.dumps({"salt": "elsewhere", "scene_seed": 5}))
    shutil.copy(packaged / "calibration-trackzoo-small.npz", home / "calibration-mine.npz")
    golden: dict[str, Any] = {"runs": np.array(json.dumps(runs))}
    np.savez(home / "golden.npz", **golden)
    wanted = {f"run/{run['name']}/x" for run in runs}
    golden |= {key: np.asarray(value) for key, value in verify_runs.run_arrays(Case(home, packaged), Setup(), wanted)}
    np.savez(home / "golden.npz", **golden)
    return home, golden


@pytest.mark.parametrize(("name", "runs"), [("rts50", RTS_RUNS), ("lwl", LWL_RUNS)], ids=["rts50", "lwl"])
def test_a_folder_of_other_runs(
    name: str, runs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, golden = folder(name, runs, tmp_path / "folder")
    # Computed once: playing the runs is what takes time.
    monkeypatch.setattr(verify_runs, "run_arrays", lambda *_, ours=dict(golden): iter(ours.items()))
    families = {key.rpartition("/")[0] for key in golden if key.startswith("run/")}
    assert len(families) >= 3
    certificate = target(name).verify(home)
    assert certificate.passed, [row for row in certificate.rows if row.status == "differs"]
    assert certificate.compared > 60
    assert certificate.count("unknown") == 0
    # One decision that differs is found, and nothing else is.
    key = "run/mine/frames/seg_memory_index" if name == "rts50" else "run/mine/frames/memory_index"
    golden[key] = golden[key] + (np.arange(len(golden[key])) == 2)
    del golden[key.replace("memory_index", "iterations")]
    np.savez(home / "golden.npz", **golden)
    certificate = target(name).verify(home)
    assert [row.array for row in certificate.rows if row.status == "differs"] == [key]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scene": {"sed": 5}}, "a scene that cannot be made"),
        ({"params": {"clf_treshold": 1}}, "there is no setting 'clf_treshold'"),
        ({"objects": {"1": {"frame": 0, "mask": "half of masks[0]"}}}, "a mask worded 'half of masks"),
    ],
)
def test_a_run_that_cannot_be_played_is_named_in_one_line(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    packaged = Path(target("rts50").packaged)
    (tmp_path / "case.json").write_text(json.dumps({"salt": "trackzoo", "scene_seed": 5}))
    run = {**RTS_RUNS[0], "salt": "trackzoo", "calibration": "trackzoo-small", "overrides": {}, **change}
    np.savez(
        tmp_path / "golden.npz", runs=np.array(json.dumps([run])), **{"run/mine/frames/flag": np.zeros(4, np.int64)}
    )
    case = Case(tmp_path, packaged)
    with pytest.raises(DataError) as caught:
        list(verify_runs.run_arrays(case, Setup(), {"run/mine/frames/flag"}))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_tolerances_tell_decisions_from_numbers() -> None:
    golden = Case(Path(target("rts50").packaged), Path(target("rts50").packaged)).arrays("golden.npz")
    rules = verify_runs.run_rules(golden)
    assert {name for name in golden if not name.startswith("stage/") and name != "runs"} == {*rules}
    for name in ("flag", "seg_memory_index", "clf_iterations", "is_lost_seg"):
        assert rules[f"run/small-lost/frames/{name}"].kind == "exact"
    assert rules["run/small-lost/frames/score"].limit == 3e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rts50", "lwl"])
def test_the_packaged_goldens_as_a_whole(name: str) -> None:
    certificate = target(name).verify()
    assert certificate.passed, [row for row in certificate.rows if row.status == "differs"]
    assert certificate.count("unknown") == 0
