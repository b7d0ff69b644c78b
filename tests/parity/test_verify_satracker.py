"""`trackzoo verify satracker` and `mixformer`: the packaged goldens, folders of other salts and sizes, missing arrays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trackzoo.errors import DataError
from trackzoo.parity.fill import fill_value
from trackzoo.parity.target import Certificate
from trackzoo.parity.targets import target


def folder(place: Path, name: str, *files: str, **about: Any) -> Path:
    """A folder of goldens with some of the packaged files and a case of its own."""
    packaged = target(name).packaged
    place.mkdir(exist_ok=True)
    for file in files:
        shutil.copy(packaged / file, place)
    case = json.loads((packaged / "case.json").read_text())
    (place / "case.json").write_text(json.dumps({**case, **about}))
    return place


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as content:
        return {name: content[name] for name in content.files}


def off(certificate: Certificate) -> set[str]:
    return {row.array for row in certificate.rows if row.status == "differs"}


def test_sam_and_loss_agree_and_what_is_absent_is_skipped(tmp_path: Path) -> None:
    certificate = target("satracker").verify(folder(tmp_path, "satracker", "sam_spec.npz", "dm_loss.npz"))
    assert certificate.passed, off(certificate)
    assert certificate.compared == 13
    assert {row.status for row in certificate.rows} == {"agrees", "skipped", "input"}


def test_another_salt_is_another_network(tmp_path: Path) -> None:
    certificate = target("satracker").verify(folder(tmp_path, "satracker", "sam_spec.npz", "dm_loss.npz", salt="other"))
    assert off(certificate) == {f"sam{i}_{part}" for i in range(3) for part in ("selector", "text_out", "search_out")}


def test_parts_and_sizes_are_the_folders_own(tmp_path: Path) -> None:
    """One SAM on one map of another size; the others are missing. Computed here, with nothing of the network's code."""
    place = folder(tmp_path, "satracker", salt="third")
    random = np.random.default_rng(0)
    given = {
        "template": random.normal(size=(1, 192, 3, 5)).astype(np.float16),
        "search": random.normal(size=(1, 192, 7, 4)).astype(np.float16),
        "text": random.normal(size=(1, 5, 768)).astype(np.float16),
        "mask": np.array([[True, True, True, False, False]]),
    }

    def value(name: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(fill_value(f"backbone.sam1.{name}", shape, "third")).double()

    def linear(name: str, values: torch.Tensor, out: int) -> torch.Tensor:
        return values @ value(f"{name}.weight", out, values.shape[-1]).T + value(f"{name}.bias", out)

    def convolution(name: str, values: torch.Tensor, out: int) -> torch.Tensor:
        weight, bias = value(f"{name}.weight", out, values.shape[1], 3, 3), value(f"{name}.bias", out)
        return torch.nn.functional.conv2d(values, weight, bias, padding=1)

    template, search, text = (torch.from_numpy(given[name]).double() for name in ("template", "search", "text"))
    pooled = convolution("visual_in", template, 512).amax((2, 3))[0]
    words = linear("text_in", text[0], 512)
    query, keys, values = linear("query", pooled, 512), linear("key", words, 512), linear("value", words, 512)
    selector = []
    for head in range(8):
        part = slice(64 * head, 64 * head + 64)
        share = (keys[:3, part] @ query[part] / 8).softmax(0)  # the first three tokens are real
        selector.append(share @ values[:3, part])
    chosen = torch.cat(selector)
    changed = text[0] + linear("text_out", words * pooled, 768)
    maps = convolution("visual_in", search, 512) * chosen[:, None, None]
    mean, spread = value("norm.running_mean", 512), value("norm.running_var", 512)
    maps = (maps - mean[:, None, None]) / (spread + 1e-5).sqrt()[:, None, None]
    maps = maps * value("norm.weight", 512)[:, None, None] + value("norm.bias", 512)[:, None, None]
    after = search + convolution("visual_out", maps, 192)
    outputs = {"selector": chosen[None, None], "text_out": changed[None, :, ::2], "search_out": after}
    made = {**given, **{name: each.float().numpy() for name, each in outputs.items()}}
    np.savez(place / "sam_spec.npz", **{f"sam1_{name}": each for name, each in made.items()})
    certificate = target("satracker").verify(place)
    assert certificate.passed, off(certificate)
    assert certificate.compared == 3


@pytest.mark.slow
def test_cvt_on_a_picture_of_the_folders_own(tmp_path: Path) -> None:
    """Hugging Face's model with the values of another salt; the picture is no square and odd; two arrays are missing."""
    from transformers import CvtConfig, CvtModel

    place = folder(tmp_path, "satracker", salt="fourth")
    config = CvtConfig(depth=[1, 4, 16], drop_path_rate=[0.0, 0.0, 0.0])
    model = CvtModel(config).eval()
    state = model.state_dict()
    filled = {
        name: torch.from_numpy(fill_value(f"cvt.{name}", tuple(each.shape), "fourth")) if each.numel() > 1 else each
        for name, each in state.items()
    }
    model.load_state_dict(filled)
    picture = np.random.default_rng(1).normal(size=(1, 3, 52, 40)).astype(np.float16)
    with torch.inference_mode():
        found = model(torch.from_numpy(picture).float(), output_hidden_states=True)
    np.savez(
        place / "cvt.npz",
        image=picture,
        hf_stage0=found.hidden_states[0][:, ::4].numpy(),
        hf_stage2=found.hidden_states[2].numpy(),
        hf_cls_token=found.cls_token_value.numpy(),
    )
    certificate = target("satracker").verify(place)
    assert certificate.passed, off(certificate)
    assert certificate.compared == 3


@pytest.mark.parametrize(
    ("file", "key", "how"),
    [
        ("dm_loss.npz", "loss", lambda a: a + 1e-4),
        ("dm_loss.npz", "label", lambda a: a ^ 1),
        ("dm_loss.npz", "score_up", lambda a: a[:, :-1]),
        ("sam_spec.npz", "sam1_selector", lambda a: a * 1.001),
    ],
)
def test_a_changed_array_is_found(file: str, key: str, how: Callable[[Any], Any], tmp_path: Path) -> None:
    place = folder(tmp_path, "satracker", file)
    content = arrays(place / file)
    content[key] = how(content[key])
    (place / file).unlink()
    np.savez(place / file, **content)
    assert off(target("satracker").verify(place)) == {key}


@pytest.mark.parametrize(
    ("break_it", "needle"),
    [
        (lambda entries: entries.pop("satracker"), "no map 'satracker'"),
        (lambda entries: entries["satracker"].pop("backbone.sam0.key.bias"), "backbone.sam0.key.bias"),
        (lambda entries: entries["satracker"]["backbone.sam0.key.bias"].update(shape=[3]), r"shape \[512\]"),
    ],
)
def test_a_broken_manifest_is_refused_in_one_line(
    break_it: Callable[[Any], object], needle: str, tmp_path: Path
) -> None:
    place = folder(tmp_path, "satracker", "sam_spec.npz")
    entries = json.loads((target("satracker").packaged / "manifest.json").read_text())
    break_it(entries)
    (place / "manifest.json").write_text(json.dumps(entries))
    with pytest.raises(DataError, match=needle) as caught:
        target("satracker").verify(place)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_mixformers_blocks_and_head(tmp_path: Path) -> None:
    place = folder(tmp_path, "mixformer", "pieces.npz")
    content = arrays(place / "pieces.npz")
    kept = {name: each for name, each in content.items() if name.startswith(("block1", "block2", "corner"))}
    (place / "pieces.npz").unlink()
    np.savez(place / "pieces.npz", **{**kept, "block1_two_out_online": kept["block1_two_out_online"] * 1.01})
    assert off(target("mixformer").verify(place)) == {"block1_two_out_online"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["satracker", "mixformer"])
def test_all_packaged_arrays_agree(name: str) -> None:
    certificate = target(name).verify()
    assert certificate.passed, off(certificate)
    assert certificate.compared == {"satracker": 36, "mixformer": 26}[name]


@pytest.mark.slow
def test_a_track_on_another_scene_is_another_track(tmp_path: Path) -> None:
    certificate = target("mixformer").verify(folder(tmp_path, "mixformer", "pieces.npz", scene_seed=2))
    assert off(certificate) == {"template_crop", "search_crop"}
