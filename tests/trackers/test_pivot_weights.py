"""PiVOT's weights: official checkpoints with and without the frozen backbone, CLIP apart, and what is refused before a run."""

from __future__ import annotations

import json
import os
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from smallpivot import GOLDENS, SIDE, network
from tinyplugin import imitation

from trackzoo.errors import DataError, SettingsError, TrackzooError
from trackzoo.parity.case import Case
from trackzoo.registry import tracker
from trackzoo.trackers.pivot.build import CLIP, pivot_tracker, unfilled
from trackzoo.weights.chosen import RANDOM
from trackzoo.weights.fit import compare, manifest
from trackzoo.weights.table import weights_spec

VARIANTS = ("pivot-50", "pivot-l-22", "pivot-l-27")


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_are_as_stated(variant: str) -> None:
    choice = tracker(variant)
    network = unfilled(choice.settings.get("backbone", "resnet50"), choice.settings.get("side", 18))
    assert sum(each.numel() for each in network.parameters()) == choice.spec.parameters[variant]
    folder = GOLDENS / ("pivot50" if variant == "pivot-50" else "pivot_l")
    entries = json.loads((folder / "manifest.json").read_text())
    assert {name: list(each.shape) for name, each in network.state_dict().items()} == {
        name: entry["shape"] for name, entry in entries.items()
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_without_clip_is_refused_with_the_command_that_gets_it(variant: str, tmp_path: Path) -> None:
    own = tmp_path / "own.pth"
    torch.save({}, own)
    choice = tracker(variant).with_weights(own)
    with pytest.raises(TrackzooError, match=f"trackzoo weights get {CLIP}") as caught:
        choice.check()
    assert len(str(caught.value).splitlines()) == 1
    for settings in ({"prompt": "none"}, {"prompt": "initial"}, {"clip": "pooled"}):
        choice.check(**settings)
    with pytest.raises(TrackzooError, match="nowhere.pt"):
        choice.check(clip=str(tmp_path / "nowhere.pt"))
    # For tests of speed there is no CLIP either.
    tracker(variant).with_weights(RANDOM).check()


def test_clip_of_another_size_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"vision_model.embeddings.class_embedding": torch.zeros(768)}, tmp_path / "base.safetensors")
    with pytest.raises(SettingsError, match=f"base.safetensors: .*768 for 1024.*trackzoo weights get {CLIP}"):
        tracker("pivot-50").load(weights=RANDOM, clip=str(tmp_path / "base.safetensors"), side=4)


def test_a_checkpoint_without_its_backbone_asks_for_dinov2() -> None:
    parts = {"backbone": {"width": 8, "depth": 1, "heads": 1}, "heads": 1, "hidden": 4, "depth": 1}
    values = unfilled("dinov2", 4, **parts).state_dict()
    bare = {name: torch.zeros(each.shape) for name, each in values.items() if not name.startswith("feature_extractor.")}
    with pytest.raises(SettingsError, match="trackzoo weights get dinov2-vitl14"):
        tracker("pivot-l-27").load(weights=bare, side=4, parts=parts, clip="pooled")


def test_an_adapter_of_pivot_50_is_applied_where_the_checkpoint_has_one() -> None:
    entries = json.loads((GOLDENS / "pivot_l" / "manifest.json").read_text())
    adapter = {name: torch.rand(each["shape"]) for name, each in entries.items() if name.startswith("bkMlp.")}
    adapter["bkMlp.mlp.1.num_batches_tracked"] = torch.tensor(0)
    values, crops = network().state_dict(), torch.rand(1, 3, 16 * SIDE, 16 * SIDE)
    options: dict[str, Any] = {"side": SIDE, "parts": {"depth": 1}, "prompt": "none"}
    made = pivot_tracker(weights={**values, **adapter}, **options).network
    with torch.no_grad():
        plain = pivot_tracker(weights=values, **options).network.features(crops)
        mixed = torch.einsum("oc,bchw->bohw", adapter["bkMlp.mlp.0.weight"][:, :, 0, 0], plain)
        mean, variance, weight, bias = (
            adapter[f"bkMlp.mlp.1.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        wanted = F.gelu((mixed - mean) / (variance + 1e-5).sqrt() * weight + bias)
        torch.testing.assert_close(made.features(crops), wanted, rtol=1e-3, atol=1e-3)
    del adapter["bkMlp.mlp.1.bias"]
    with pytest.raises(SettingsError, match=r"1 missing \(first bkMlp.mlp.1.bias\)"):
        pivot_tracker(weights={**values, **adapter}, **options)


def test_an_adapter_of_pivot_50_is_taken_in_whole_or_not_at_all() -> None:
    expected = manifest(weights_spec("pivot-50"))
    more = {name for name in expected if name.startswith("bkMlp.")}
    assert len(more) == 6
    without = {name: entry for name, entry in expected.items() if name not in more}
    assert compare(expected, expected)
    assert compare(without, expected)
    assert compare({**without, "bkMlp.mlp.1.bias": expected["bkMlp.mlp.1.bias"]}, expected).missing == tuple(
        sorted(more - {"bkMlp.mlp.1.bias"})
    )


@pytest.mark.parametrize("side", [22, 27])
def test_a_file_of_the_other_grid_is_refused_when_it_is_named(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = imitation(monkeypatch, OrderedDict({"x": torch.zeros(1)}))
    checkpoint["constructor"].kwds = {"feature_sz": side}
    torch.save(checkpoint, tmp_path / "pivot.pth.tar")
    other = {22: 27, 27: 22}[side]
    with pytest.raises(DataError, match=f"{side} x {side} grid"):
        tracker(f"pivot-l-{other}").load(weights=tmp_path / "pivot.pth.tar", clip="pooled")
    with pytest.raises(SettingsError, match="pivot.pth.tar: this checkpoint comes without its frozen backbone"):
        tracker(f"pivot-l-{side}").load(weights=tmp_path / "pivot.pth.tar", clip="pooled")


def test_a_runs_files_say_which_clip_it_used(tmp_path: Path) -> None:
    loaded = tracker("pivot-50").load(weights=RANDOM, clip="pooled", side=4, template_size=64)
    assert loaded.identity() == {"clip": {"name": "pooled"}}
    loaded = tracker("pivot-50").load(weights=RANDOM, prompt="initial", side=4, template_size=64)
    assert loaded.identity() == {}
    sizes = {"width": 8, "hidden": 8, "depth": 1, "heads": 1, "size": 28, "out": 4}
    from safetensors.torch import save_file

    from trackzoo.nn.clip import ClipSizes, ClipVision

    own = ClipVision(ClipSizes(**sizes)).model.state_dict()
    save_file({name: torch.ones(each.shape) for name, each in own.items()}, tmp_path / "tiny.safetensors")
    loaded = tracker("pivot-50").load(
        weights=RANDOM, clip=str(tmp_path / "tiny.safetensors"), clip_sizes=sizes, side=4, template_size=64
    )
    said = loaded.identity()["clip"]
    assert said["name"] == "tiny.safetensors"
    assert len(said["sha256"]["tiny.safetensors"]) == 64


# Whole checkpoints: slow, since the large network has 1.3 GB of them.

Save = Callable[[dict[str, torch.Tensor], Path, int], Path]


@pytest.fixture
def save(monkeypatch: pytest.MonkeyPatch) -> Iterator[Save]:
    """Write a checkpoint as the training code does: a dict with `net`, and a constructor of its own class."""
    module = types.ModuleType("ltr.admin.model_constructor")

    class NetConstructor:
        """Data alone."""

        def __init__(self, side: int) -> None:
            self.fun_name, self.fun_module = "tompnet50_CLIP", "ltr.models.tracking.tompnet"
            self.args: tuple[Any, ...] = ()
            self.kwds = {"feature_sz": side, "use_test_frame_encoding": True}

    NetConstructor.__module__, NetConstructor.__qualname__ = module.__name__, "NetConstructor"
    module.NetConstructor = NetConstructor  # type: ignore[attr-defined]
    for name in ("ltr", "ltr.admin"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def write(tensors: dict[str, torch.Tensor], path: Path, side: int) -> Path:
        torch.save({"epoch": 40, "net": tensors, "constructor": NetConstructor(side), "stats": {}}, path)
        return path

    yield write
    sys.modules.pop(module.__name__, None)


def filled(variant: str) -> dict[str, torch.Tensor]:
    settings = tracker(variant).settings
    folder = GOLDENS / ("pivot50" if variant == "pivot-50" else "pivot_l")
    case = Case(folder, folder)
    return case.fill(unfilled(settings.get("backbone", "resnet50"), settings.get("side", 18)))


def tracked(variant: str, dataset: str, frames: int, **options: Any) -> np.ndarray:
    """Boxes of the first frames of a data set's first sequence."""
    from trackzoo.registry import open_dataset
    from trackzoo.sequence import Target

    opened = open_dataset(dataset, **options)
    sequence = opened[opened.available()[0]]
    loaded = tracker(variant).load(clip="pooled")
    [(state, _)] = loaded.start([sequence.frames[0]], [Target(sequence.boxes[0])], [0])
    return np.array([loaded.step([sequence.frames[index]], [state])[0].box for index in range(1, frames)])


@pytest.mark.slow
def test_pivot_50s_checkpoint_is_taken_in_and_runs(save: Save, tmp_path: Path, shared: Path) -> None:
    path = save(filled("pivot-50"), tmp_path / "PiVOT_50.pth.tar", 18)
    from trackzoo.weights.convert import add_weights

    added = add_weights(weights_spec("pivot-50"), path)
    assert added.fresh
    assert added.facts.constructor["kwds"]["feature_sz"] == 18
    boxes = tracked("pivot-50", "synth", 6)
    assert np.isfinite(boxes).all()
    boxes = tracked("pivot-50", "otb100", 6, root=shared / "data" / "sequences")
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] >= 10).all()


@pytest.mark.slow
def test_pivot_ls_checkpoint_with_and_without_its_backbone_is_one(save: Save, tmp_path: Path) -> None:
    from trackzoo.weights.convert import add_weights

    values = filled("pivot-l-27")
    prefix = "feature_extractor."
    frozen = {name.removeprefix(prefix): each for name, each in values.items() if name.startswith(prefix)}
    whole = save(values, tmp_path / "PiVOT_L_27.pth.tar", 27)
    bare = {name: each for name, each in values.items() if not name.startswith(prefix)}
    stripped = save(bare, tmp_path / "stripped.pth.tar", 27)
    del values, bare
    with pytest.raises(DataError, match="feature_sz"):
        add_weights(weights_spec("pivot-l-22"), whole)
    with pytest.raises(SettingsError, match="trackzoo weights get dinov2-vitl14"):
        add_weights(weights_spec("pivot-l-27"), stripped)
    first = add_weights(weights_spec("pivot-l-27"), whole).facts
    os.remove(whole)
    torch.save(frozen, tmp_path / "dinov2_vitl14_pretrain.pth")
    del frozen
    add_weights(weights_spec("dinov2-vitl14"), tmp_path / "dinov2_vitl14_pretrain.pth")
    boxes = tracked("pivot-l-27", "synth", 3)
    assert np.isfinite(boxes).all()
    second = add_weights(weights_spec("pivot-l-27"), stripped, force=True).facts
    assert (first.tensors, first.bytes) == (second.tensors, second.bytes)
    np.testing.assert_array_equal(tracked("pivot-l-27", "synth", 3), boxes)


@pytest.mark.slow
def test_openais_clip_is_taken_in_and_asked_for_no_more(tmp_path: Path) -> None:
    """All its tensors in half precision, as it is shipped, among others of the text tower."""
    from trackzoo.parity.fill import fill_value
    from trackzoo.weights.convert import add_weights

    entries = json.loads((GOLDENS / "pivot_l" / "clip_manifest.json").read_text())
    shipped = {name: torch.from_numpy(fill_value(name, tuple(each["shape"]))).half() for name, each in entries.items()}
    torch.save({**shipped, "logit_scale": torch.zeros(())}, tmp_path / "clip.pt")
    own = tmp_path / "own.pth"
    torch.save({}, own)
    with pytest.raises(TrackzooError, match="trackzoo weights get"):
        tracker("pivot-50").with_weights(own).check()
    added = add_weights(weights_spec(CLIP), tmp_path / "clip.pt")
    assert added.facts.tensors == 392
    tracker("pivot-50").with_weights(own).check()
