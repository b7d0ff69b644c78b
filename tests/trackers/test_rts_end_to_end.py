"""RTS and LWL on the engine: VOT's runs with masks, videos of several objects, an official checkpoint from file to table."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import vosmini
import votmini
from deer import own_folder

from trackzoo.engine.runner import run
from trackzoo.parity.case import Case
from trackzoo.parity.targets import target
from trackzoo.region_binary import read_binary
from trackzoo.regions import Mask, Special
from trackzoo.registry import open_dataset, tracker
from trackzoo.trackers.rts.network import RTSNetwork
from trackzoo.trackers.rts.verify_weights import Weights
from trackzoo.trackers.sta.network import STANetwork

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = {"image_sample_size": (64, 96)}


def test_vot_s_runs_begin_with_masks_and_give_masks(tmp_path: Path) -> None:
    """Forward and backward from anchors, in lanes; what comes out are masks as VOT's toolkit packs them."""
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, count=6, kind="mask", anchors={0: 1, 5: -1})
    data = open_dataset("vot2021", tmp_path / "data")
    outcome = run(
        tracker("rts").with_weights("random"), data, results=tmp_path / "runs", lanes=4, settings=SMALL, device="cpu"
    )
    assert (outcome.protocol, outcome.complete) == ("vot-multistart", True), outcome.failed
    for name in ("ants_00000000", "ants_00000005", "ball_00000000", "ball_00000005"):
        found = read_binary(outcome.folder / name[:4] / f"{name}.bin")
        assert found[0] == Special(1)
        assert len(found) == 6
        assert all(isinstance(each, Mask) for each in found[1:])
        for each in found[1:]:
            assert isinstance(each, Mask)
            height, width = each.pixels.shape
            assert each.x + width <= votmini.SIZE[0]
            assert each.y + height <= votmini.SIZE[1]
    identity = json.loads((outcome.folder / "run.json").read_text())["identity"]
    assert identity["depends"] == {"sta": {"name": None, "random": True}}


@pytest.mark.parametrize("name", ["rts", "lwl"])
def test_videos_of_several_objects_some_of_them_late(name: str, tmp_path: Path) -> None:
    data = vosmini.Videos(vosmini.TWO, length=6)
    outcome = run(tracker(name).with_weights("random"), data, results=tmp_path, lanes=2, settings=SMALL, device="cpu")
    assert outcome.complete, outcome.failed
    stored = outcome.stored()
    for video, starts in vosmini.TWO.items():
        masks = stored.masks(video)
        for index in range(min(starts.values()), 6):
            labels = masks[index]
            assert labels is not None
            assert set(np.unique(labels)) <= {0, *(obj for obj, start in starts.items() if start <= index)}
        # An object's first mask is the given one wherever it competes with none that was given, too.
        first = masks[min(starts.values())]
        assert first is not None
        truth = vosmini.squares(starts, min(starts.values()))
        np.testing.assert_array_equal(first, truth)


def test_a_bad_frame_fails_its_video_alone(tmp_path: Path) -> None:
    """The run says in one line what was wrong; the other videos are finished."""
    for name, shape in (("good", (48, 64)), ("bad", (40, 50))):
        for index in range(4):
            pixels = np.full((*(shape if index == 2 else (48, 64)), 3), 90, np.uint8)
            folder = tmp_path / "data" / name
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{index:05d}.png"), pixels)
        (folder / "groundtruth.txt").write_text("10,10,20,15\n" * 4)
    choice = tracker("lwl-boxinit").with_weights("random")
    seen: list[Any] = []
    for name in ("good", "bad"):
        data = open_dataset("folder:format=xywh", tmp_path / "data" / name)
        seen.append(run(choice, data, results=tmp_path / "runs" / name, settings=SMALL, device="cpu"))
    assert seen[0].complete
    [(_, cause)] = seen[1].failed
    assert "a picture of 50x40, expected 64x48" in str(cause)


def official(net: dict[str, torch.Tensor], path: Path, name: str) -> Path:
    """A checkpoint of the official structure."""
    torch.save({"epoch": 200, "actor_type": "x", "net_type": name, "net": net, "optimizer": {}, "stats": {}}, path)
    return path


@pytest.mark.slow
def test_from_an_official_checkpoint_to_tables(cli: Cli, shared: Path, tmp_path: Path) -> None:
    """`weights add`, then tracking on synth, several objects on synth-vos, and a real clip of DAVIS, to J and F."""
    packaged = Path(target("rts50").packaged)
    net = Weights(Case(packaged, packaged), RTSNetwork).state_dict("trackzoo", "trackzoo-small")
    path = official(net, tmp_path / "rts_resnet50.pth.tar", "RTSNet")
    done = cli("weights", "add", "rts50", path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "497 tensors" in done.stdout
    small = ("--device", "cpu", "--set", "image_sample_size=96,160")
    clip = own_folder(shared, tmp_path / "deer")
    boxes_alone = ("run", "-t", "rts", *small, "-d", "folder", "--data-root", clip)
    # STA's weights are not here, and boxes have no masks.
    refused = cli(*boxes_alone, timeout=300)
    assert refused.returncode != 0
    assert "STA's weights" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "runs").exists()
    packaged = Path(target("sta").packaged)
    net = Weights(Case(packaged, packaged), STANetwork).state_dict("trackzoo")
    done = cli("weights", "add", "sta", official(net, tmp_path / "sta.pth.tar", "STANet"), timeout=300)
    assert done.returncode == 0, done.stderr
    for arguments in (boxes_alone, ("run", "-t", "rts", *small, "-d", "synth:sequences=1,length=3")):
        done = cli(*arguments, timeout=300)
        assert done.returncode == 0, done.stderr
    identities = [json.loads(path.read_text())["identity"] for path in tmp_path.glob("runs/rts50/*/ope/run.json")]
    assert len(identities) == 2
    for identity in identities:
        assert identity["weights"]["name"] == "rts50"
        assert identity["depends"]["sta"]["name"] == "sta"
    videos = "synth-vos:sequences=2,length=5"
    done = cli("run", "-t", "rts", *small, "--lanes", "2", "-d", videos, timeout=300)
    assert done.returncode == 0, done.stderr
    table = cli("report", "-d", videos, timeout=300)
    assert table.returncode == 0, table.stderr
    assert "J&F" in table.stdout
    clips = shared / "data" / "sequences" / "davis2016"
    if clips.is_dir():
        davis = ("-d", "davis2016", "--data-root", clips)
        done = cli("run", "-t", "rts", *small, *davis, "--available", "-s", "scooter-black", timeout=900)
        assert done.returncode == 0, done.stderr
        table = cli("report", *davis, "--allow-incomplete", timeout=300)
        assert "J&F" in table.stdout, table.stderr
