"""DINOv2 under the original's names, with the original's position table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.errors import SettingsError
from trackzoo.nn.dinov2 import DinoV2, backbone_tensors, original_name, original_tensors, resized_positions
from trackzoo.weights.fit import manifest
from trackzoo.weights.table import weights_specs


@pytest.fixture(scope="module")
def small() -> DinoV2:
    torch.manual_seed(0)
    made = DinoV2(32, 2, 2).eval().requires_grad_(False)
    made.load_state_dict({name: torch.randn_like(each) * 0.2 for name, each in made.state_dict().items()})
    return made


def as_version_4(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of `transformers` 5 to those of its version 4, which the hub's files have."""
    new = {}
    for name, tensor in tensors.items():
        for five, four in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")):
            name = name.replace(f"attention.{five}", f"attention.attention.{four}")
        new[name.replace("attention.o_proj", "attention.output.dense")] = tensor
    return new


def test_names_are_the_originals(small: DinoV2) -> None:
    names = {re.sub(r"blocks\.\d+", "blocks.0", name) for name in small.state_dict()}
    published = manifest(weights_specs()["dinov2-vitl14"])
    assert names == {re.sub(r"blocks\.\d+", "blocks.0", name) for name in published}
    assert small.state_dict()["blocks.1.attn.qkv.weight"].shape == (96, 32)


def test_the_large_one_fits_its_manifest() -> None:
    with torch.device("meta"):
        large = DinoV2()
    published = manifest(weights_specs()["dinov2-vitl14"])
    assert {name: tuple(each.shape) for name, each in large.state_dict().items()} == {
        name: entry.shape for name, entry in published.items()
    }


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_hub_files_of_both_versions_are_read(small: DinoV2, version: int, prefix: str) -> None:
    theirs = dict(small.model.state_dict())
    theirs = as_version_4(theirs) if version == 4 else theirs
    assert (version == 4) == any(".query." in name for name in theirs)
    found = original_tensors({prefix + name: each for name, each in theirs.items()})
    own = small.state_dict()
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], own[name]) for name in own)
    # Third by third, as the original packs them.
    layer = small.model.encoder.layer[0].attention
    assert torch.equal(own["blocks.0.attn.qkv.weight"][32:64], layer.k_proj.weight)


def test_what_is_not_its_is_kept_for_a_strict_check_to_refuse(small: DinoV2) -> None:
    own = small.state_dict()
    assert original_name("classifier.weight") is None
    assert original_tensors({**own, "classifier.weight": torch.ones(1)}).keys() - own.keys() == {"classifier.weight"}
    theirs = dict(small.model.state_dict())
    del theirs["encoder.layer.1.attention.v_proj.bias"]
    found = original_tensors(theirs)
    assert "blocks.1.attn.qkv.bias" not in found
    with pytest.raises(RuntimeError, match="Missing key"):
        DinoV2(32, 2, 2).load_state_dict(found)


def test_filling_goes_to_the_right_places(small: DinoV2) -> None:
    other = DinoV2(32, 2, 2).eval()
    other.load_state_dict(small.state_dict())
    for name, tensor in small.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], tensor), name
    picture = torch.randn(2, 3, 42, 42)
    torch.testing.assert_close(other(picture), small(picture))
    assert small.patches(picture).shape == (2, 32, 3, 3)


def test_on_the_meta_device_it_takes_the_tensors_themselves(small: DinoV2) -> None:
    with torch.device("meta"):
        other = DinoV2(32, 2, 2).eval()
    other.load_state_dict(small.state_dict(), assign=True)
    picture = torch.randn(1, 3, 42, 42)
    torch.testing.assert_close(other(picture), small(picture))


def test_the_position_table_is_resized_by_the_originals_factor() -> None:
    torch.manual_seed(0)
    table = torch.randn(1, 1 + 37 * 37, 8)
    assert resized_positions(table, 37) is table
    found = resized_positions(table, 27)
    assert found.shape == (1, 1 + 27 * 27, 8)
    assert torch.equal(found[:, 0], table[:, 0])
    # Cubic convolution (a = -0.75) at (i + 0.5) · 37 / 27.1 - 0.5, axis by axis.
    grid = table[0, 1:].reshape(37, 37, 8).double().numpy()
    weights = np.zeros((27, 37))
    for i in range(27):
        where = (i + 0.5) * 37 / 27.1 - 0.5
        first = int(np.floor(where))
        for tap in range(first - 1, first + 3):
            x = abs(where - tap)
            value = 1.25 * x**3 - 2.25 * x**2 + 1 if x <= 1 else -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
            weights[i, min(max(tap, 0), 36)] += value
    expected = np.einsum("ia,jb,abc->ijc", weights, weights, grid).reshape(27 * 27, 8)
    np.testing.assert_allclose(found[0, 1:], expected, atol=1e-4)
    # And not as transformers resizes it.
    by_size = F.interpolate(table[:, 1:].reshape(1, 37, 37, 8).permute(0, 3, 1, 2), (27, 27), mode="bicubic")
    assert (by_size.flatten(2).transpose(1, 2) - found[:, 1:]).norm() / found[:, 1:].norm() > 5e-3


def test_the_table_is_made_once_and_again_for_new_weights(small: DinoV2, monkeypatch: pytest.MonkeyPatch) -> None:
    other = DinoV2(32, 1, 2).eval().requires_grad_(False)
    first = other.positions(27)
    assert other.positions(27) is first
    state = other.state_dict()
    state["pos_embed"] = state["pos_embed"] + 1
    other.load_state_dict(state)
    torch.testing.assert_close(other.positions(27), first + 1, atol=1e-5, rtol=0)
    with pytest.raises(SettingsError, match="56x42 pixels, expected a square"):
        other(torch.zeros(1, 3, 42, 56))


def test_other_sizes_are_refused_with_the_command_that_gets_the_right_one(tmp_path: Path) -> None:
    base = {"embeddings.cls_token": torch.zeros(1, 1, 768)}
    with pytest.raises(SettingsError, match=r"width 768 \(ViT-B\).*'trackzoo weights get dinov2-vitl14'"):
        backbone_tensors(base)
    with pytest.raises(SettingsError, match="register tokens.*trackzoo weights get dinov2-vitl14"):
        backbone_tensors({"cls_token": torch.zeros(1, 1, 1024), "register_tokens": torch.zeros(1, 4, 1024)})
