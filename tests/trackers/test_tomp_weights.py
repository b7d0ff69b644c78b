"""Checkpoints of ToMP, ToMP-L and PiVOT-L: with and without their backbone, of either grid."""

from __future__ import annotations

import json
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deer import own_folder
from safetensors.torch import save_file
from tinyplugin import imitation
from torch import Tensor

from trackzoo.errors import DataError, SettingsError
from trackzoo.parity.fill import fill_state_dict
from trackzoo.registry import tracker
from trackzoo.trackers.tomp.build import tomp_tracker, unfilled
from trackzoo.trackers.tomp.loading import (
    check_22,
    check_27,
    feature_side,
    head_tensors,
    with_backbone,
    without_prompting,
)
from trackzoo.weights.cache import Facts, weights_file, write_facts
from trackzoo.weights.checkpoint import Checkpoint, read_checkpoint
from trackzoo.weights.fit import compare, manifest
from trackzoo.weights.table import weights_specs

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
FG = "head.filter_predictor.query_embed_fg.weight"
DECODER = "head.filter_predictor.query_embed_fg_decoder.weight"
TEST = "head.filter_predictor.query_embed_test.weight"
SMALL: dict[str, Any] = {"depth": 1, "hidden": 16, "backbone": {"width": 32, "depth": 1, "heads": 2}}


@pytest.fixture(scope="module")
def small() -> dict[str, Tensor]:
    """Tensors of a small ToMP-L."""
    tensors = tomp_tracker(weights="random", backbone="dinov2", side=4, parts=SMALL).network.state_dict()
    return dict(tensors)


def into_cache(tensors: dict[str, Tensor]) -> None:
    """Put a backbone where `trackzoo weights add dinov2-vitl14` puts it."""
    path = weights_file("dinov2-vitl14")
    path.parent.mkdir(parents=True)
    save_file({name: each.clone() for name, each in tensors.items()}, path)
    write_facts(Facts("dinov2-vitl14", "0" * 64, path.stat().st_size, "x", "0" * 64, "2026-01-01", len(tensors)))


def parted(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Head with adapter, and the backbone under its own names."""
    prefix = "feature_extractor."
    head = {name: each for name, each in tensors.items() if not name.startswith(prefix)}
    return head, {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def built_with(checkpoint: dict[str, Any], **kwds: Any) -> dict[str, Any]:
    """The checkpoint, saying what its network was built with."""
    checkpoint["constructor"].kwds = kwds
    return checkpoint


def test_either_name_of_the_foreground_token_will_do() -> None:
    token = torch.rand(1, 8)
    for name in (FG, DECODER):
        found = head_tensors({name: token})
        assert torch.equal(found[FG], token)
        assert torch.equal(found[DECODER], token)
        assert torch.equal(found[TEST], torch.zeros(1, 8))  # built without a mark for the current frame
    assert torch.equal(head_tensors({FG: token, TEST: token})[TEST], token)


def test_a_checkpoint_without_its_backbone_takes_it_from_the_cache(small: dict[str, Tensor]) -> None:
    head, backbone = parted(small)
    with pytest.raises(SettingsError, match="'trackzoo weights get dinov2-vitl14' fetches them") as caught:
        tomp_tracker(weights=head, backbone="dinov2", side=4, parts=SMALL)
    assert "\n" not in str(caught.value)
    into_cache(backbone)
    whole = tomp_tracker(weights=head, backbone="dinov2", side=4, parts=SMALL).network.state_dict()
    assert all(torch.equal(whole[name], each) for name, each in small.items())
    # One that has its own keeps it.
    own = {**small, "feature_extractor.norm.bias": small["feature_extractor.norm.bias"] + 1}
    assert torch.equal(with_backbone(own)["feature_extractor.norm.bias"], own["feature_extractor.norm.bias"])


def test_a_backbone_of_another_size_is_refused_before_the_first_frame(small: dict[str, Tensor]) -> None:
    head, backbone = parted(small)
    into_cache({name: each.repeat_interleave(2, -1) for name, each in backbone.items()})
    with pytest.raises(SettingsError, match=r"do not fit the network: \d+ misshapen \(first feature_extractor"):
        tomp_tracker(weights=head, backbone="dinov2", side=4, parts=SMALL)


def test_pivots_prompting_is_left_out(small: dict[str, Tensor]) -> None:
    extra = {f"{name}.0.weight": torch.ones(1) for name in ("test_fuse", "test_fuse_head", "test_shrink")}
    assert (
        without_prompting({**small, **extra, "hint_test_feat_head.mlp_head.0.weight": torch.ones(1)}).keys()
        == small.keys()
    )
    with pytest.raises(SettingsError, match="1 unexpected"):
        tomp_tracker(weights={**small, "novelty": torch.ones(1)}, backbone="dinov2", side=4, parts=SMALL)


def test_both_grids_have_the_same_names_and_pivots_are_thirty_more() -> None:
    specs = weights_specs()
    assert compare(manifest(specs["tomp-l-22"]), manifest(specs["tomp-l-27"]))
    assert len(manifest(specs["tomp-l-27"])) == 573
    for backbone, side, name in (("resnet50", 18, "tomp-50"), ("dinov2", 27, "tomp-l-27")):
        network = unfilled(backbone, side)
        own = {key: tuple(each.shape) for key, each in network.state_dict().items()}
        assert own == {key: entry.shape for key, entry in manifest(specs[name]).items()}
        assert sum(each.numel() for each in network.parameters()) == tracker(name).spec.parameters[name]


@pytest.mark.parametrize(
    ("constructor", "side"),
    [
        ({"kwds": {"feature_sz": 22}}, 22),
        ({"kwds": {"feature_sz": [27, 27]}}, 27),
        ({"kwds": {}}, None),
        ({"kwds": {"feature_sz": "x"}}, None),
        (None, None),
        ([1], None),
    ],
)
def test_what_a_checkpoint_was_built_with_tells_the_grid(constructor: Any, side: int | None) -> None:
    assert feature_side(constructor) == side
    checkpoint = Checkpoint({}, None, constructor)
    for check, own in ((check_22, 22), (check_27, 27)):
        if side in (None, own):
            check("x.pth", checkpoint)
        else:
            with pytest.raises(DataError, match=f"feature_sz {side}, expected feature_sz {own}"):
                check("x.pth", checkpoint)


def test_a_file_of_the_other_grid_is_refused_when_it_is_added_or_named(
    small: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackzoo.weights.convert import add_weights

    path = tmp_path / "pivot.pth.tar"
    torch.save(built_with(imitation(monkeypatch, OrderedDict(small)), feature_sz=22), path)
    assert feature_side(read_checkpoint(path).constructor) == 22
    small_manifest = tmp_path / "manifest.json"
    small_manifest.write_text(
        json.dumps({name: {"shape": list(each.shape), "dtype": str(each.dtype)[6:]} for name, each in small.items()})
    )
    for side in (22, 27):
        spec = replace(weights_specs()[f"tomp-l-{side}"], manifest=small_manifest)
        settings: dict[str, Any] = {"weights": path, "backbone": "dinov2", "side": side, "parts": SMALL}
        if side == 22:
            added = add_weights(spec, path)
            tomp_tracker(**settings)
        else:
            settings_of_the_converted = {**settings, "weights": added.path}
            with pytest.raises(DataError, match="22 x 22 grid"):
                tomp_tracker(**settings_of_the_converted)
            with pytest.raises(DataError, match="22 x 22 grid"):
                add_weights(spec, path)
            with pytest.raises(DataError, match="22 x 22 grid"):
                tomp_tracker(**settings)


@pytest.mark.parametrize("name", ["tomp-50", "tomp-l-27", "tomp-l-22"])
def test_missing_weights_are_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(SettingsError, match=f"'trackzoo weights add {name} ") as caught:
        tracker(name).check()
    assert "\n" not in str(caught.value)


# The real networks, at their real size.


def official(name: str, monkeypatch: pytest.MonkeyPatch, keep: Callable[[str], bool], **kwds: Any) -> dict[str, Any]:
    """A checkpoint of the official structure, filled with generated values."""
    spec = weights_specs()[name]
    values = json.loads(spec.manifest.read_text())
    if name.startswith("tomp-l"):  # PiVOT-L's, whose prompting is not read
        values["test_fuse.mlp.0.weight"] = {"shape": [8, 24, 1, 1]}
    empty = {
        key: torch.zeros(each["shape"], dtype=getattr(torch, each.get("dtype", "float32")))
        for key, each in values.items()
        if keep(key)
    }
    return built_with(imitation(monkeypatch, OrderedDict(fill_state_dict(empty, values, "trackzoo"))), **kwds)


def runs(cli: Cli, name: str, shared: Path, folder: Path) -> None:
    """On a generated video, and on three frames of a real one; boxes are finite and have a size."""
    if not folder.exists():
        own_folder(shared, folder)
    for arguments in (("synth:sequences=1,length=3",), ("folder", "--data-root", str(folder))):
        done = cli("run", "-t", name, "--device", "cpu", "-d", *arguments, timeout=600)
        assert done.returncode == 0, done.stderr
    found = sorted((folder.parent / "runs" / name).glob("*/ope/run.json"))
    assert len(found) == 2
    for run in found:
        assert json.loads(run.read_text())["identity"]["weights"]["name"] == name
        for record in run.parent.glob("*.json"):
            if record != run:
                boxes = np.loadtxt(record.with_suffix(".txt"))
                assert np.isfinite(boxes).all()
                assert (boxes[1:, 2:] > 0).all()


@pytest.mark.slow
def test_tomp_50_from_an_official_file_to_results(
    cli: Cli, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tomp50.pth.tar"
    torch.save(official("tomp-50", monkeypatch, lambda key: key not in (TEST, DECODER)), path)
    done = cli("weights", "add", "tomp-50", path, timeout=300)
    assert done.returncode == 0, done.stderr
    runs(cli, "tomp-50", shared, tmp_path / "deer")


@pytest.mark.slow
@pytest.mark.parametrize("inside", [True, False])
def test_tomp_l_from_an_official_file_to_results(
    inside: bool, cli: Cli, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the frozen backbone inside the checkpoint, and without it."""
    path = tmp_path / "PiVOT_L_27.pth.tar"
    prefix = "feature_extractor."
    torch.save(
        official("tomp-l-27", monkeypatch, lambda key: inside or not key.startswith(prefix), feature_sz=27), path
    )
    if not inside:
        done = cli("weights", "add", "tomp-l-27", path, timeout=300)
        assert done.returncode == 2
        assert "trackzoo weights get dinov2-vitl14" in done.stderr
        values = json.loads(weights_specs()["dinov2-vitl14"].manifest.read_text())
        empty = {key: torch.zeros(each["shape"]) for key, each in values.items()}
        original = tmp_path / "dinov2_vitl14_pretrain.pth"
        torch.save(OrderedDict(fill_state_dict(empty, values, "trackzoo")), original)
        done = cli("weights", "add", "dinov2-vitl14", original, timeout=300)
        assert done.returncode == 0, done.stderr
        original.unlink()
    done = cli("weights", "add", "tomp-l-27", path, timeout=300)
    assert done.returncode == 0, done.stderr
    path.unlink()
    runs(cli, "tomp-l-27", shared, tmp_path / "deer")
