"""OSTrack from a checkpoint of the official structure to results: the real network, at its real size."""

from __future__ import annotations

import json
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from deer import own_folder
from tinyplugin import imitation

from trackzoo.parity.fill import fill_state_dict
from trackzoo.weights.fit import manifest
from trackzoo.weights.table import weights_specs

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.slow
def test_official_structure_then_add_then_run(
    cli: Cli, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = weights_specs()["ostrack-256"]
    empty = {name: torch.zeros(each.shape, dtype=getattr(torch, each.dtype)) for name, each in manifest(spec).items()}
    values = json.loads(spec.manifest.read_text())
    path = tmp_path / spec.file
    net = OrderedDict(fill_state_dict(empty, values, "trackzoo"))
    torch.save(imitation(monkeypatch, net, training="lib"), path)
    done = cli("weights", "add", "ostrack-256", path, timeout=300)
    assert done.returncode == 0, done.stderr
    path.unlink()

    folder = own_folder(shared, tmp_path / "deer", 4)

    for arguments in (("synth:sequences=1,length=3",), ("folder", "--data-root", str(folder))):
        done = cli("run", "-t", "ostrack", "--device", "cpu", "-d", *arguments, timeout=300)
        assert done.returncode == 0, done.stderr
    runs = sorted((tmp_path / "runs" / "ostrack-256").glob("*/ope/run.json"))
    assert len(runs) == 2
    for run in runs:
        identity = json.loads(run.read_text())["identity"]
        assert identity["weights"]["name"] == "ostrack-256"
        assert list(identity["weights"]["sha256"]) == ["ostrack-256.safetensors"]
        for record in run.parent.glob("*.json"):
            if record != run:
                boxes = np.loadtxt(record.with_suffix(".txt"))
                assert np.isfinite(boxes).all()
                assert (boxes[1:, 2:] > 0).all()
