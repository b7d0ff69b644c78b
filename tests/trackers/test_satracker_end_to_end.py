"""SATracker from a checkpoint to results: the real network, at its real size, on text of a set, of a person, and none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from deer import own_folder
from tinysatracker import vocabulary

from trackzoo.parity.fill import fill_state_dict
from trackzoo.trackers.satracker.model import SATracker

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.slow
def test_filled_then_add_then_run_then_track(cli: Cli, shared: Path, tmp_path: Path) -> None:
    with torch.device("meta"):
        empty = SATracker()
    state = empty.to_empty(device="cpu").state_dict()
    for tensor in state.values():
        tensor.zero_()
    path = tmp_path / "checkpoint.pth.tar"
    torch.save({"net": fill_state_dict(state, {}, "trackzoo"), "epoch": 200}, path)
    del state
    done = cli("weights", "add", "satracker", path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "1042 tensors" in done.stdout
    path.unlink()
    bert = vocabulary(tmp_path / "bert", 30522)

    folder = own_folder(shared, tmp_path / "deer")

    named = ("--device", "cpu", "--set", f"vocabulary={bert}")
    real_data = ("folder", "--data-root", str(folder))
    refused = cli("run", "-t", "satracker", *named, "-d", *real_data, timeout=300)
    assert refused.returncode == 2
    assert "follows a description" in refused.stderr
    for arguments in (("synth:sequences=1,length=3",), (*real_data, "--text", "the deer on the left")):
        done = cli("run", "-t", "satracker", *named, "-d", *arguments, timeout=300)
        assert done.returncode == 0, done.stderr
    runs = {
        json.loads(path.read_text())["identity"]["dataset"]: path
        for path in tmp_path.glob("runs/satracker/*/ope/run.json")
    }
    assert len(runs) == 2
    for dataset, path in runs.items():
        identity = json.loads(path.read_text())["identity"]
        assert identity["weights"]["name"] == "satracker"
        assert {*identity["weights"]["sha256"]} == {"satracker.safetensors", "vocabulary"}
        assert identity.get("text") == (None if dataset.startswith("synth") else "the deer on the left")
        for record in path.parent.glob("*.json"):
            if record != path:
                boxes = np.loadtxt(record.with_suffix(".txt"))
                assert boxes.shape == (3, 4)
                assert np.isfinite(boxes).all()
    box = (folder / "groundtruth.txt").read_text().splitlines()[0].replace("\t", ",")
    track = ("track", folder / "img", "--tracker", "satracker", "--box", box, *named, "--boxes", "boxes.txt")
    done = cli(*track, "--text", "the deer on the left", timeout=300)
    assert done.returncode == 0, done.stderr
    [run] = [path for dataset, path in runs.items() if not dataset.startswith("synth")]
    [record] = [path for path in run.parent.glob("*.json") if path != run]
    tracked = np.loadtxt(tmp_path / "boxes.txt", delimiter=",")
    np.testing.assert_allclose(tracked, np.loadtxt(record.with_suffix(".txt")), rtol=0, atol=1e-9)
