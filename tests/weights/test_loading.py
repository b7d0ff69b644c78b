"""A network is filled whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tinyplugin import manifest, tensors

from trackzoo.errors import DataError, SettingsError, UnknownName
from trackzoo.weights import chosen
from trackzoo.weights.cache import weights_file
from trackzoo.weights.convert import add_weights
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.loading import fill_from


def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsSpec:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest()))
    made = WeightsSpec("tiny", "Tiny", ("tiny",), "tiny.pth", "https://example.org/zoo", file)
    monkeypatch.setattr(chosen, "weights_specs", lambda: {"tiny": made})
    return made


@pytest.mark.parametrize("how", ["mapping", "official", "name", "path", "text"])
def test_every_way_of_naming_weights(spec: WeightsSpec, tmp_path: Path, how: str) -> None:
    path = tmp_path / "official.pth"
    torch.save({"net": tensors(3.5)}, path)
    add_weights(spec, path)
    filled = network()
    ways: dict[str, Any] = {
        "mapping": tensors(3.5),
        "official": path,
        "name": "tiny",
        "path": weights_file("tiny"),
        "text": str(weights_file("tiny")),
    }
    fill_from(filled, ways[how])
    assert all(torch.equal(filled.state_dict()[name], value) for name, value in tensors(3.5).items())


def test_random_weights_are_the_same_each_time_and_let_signals_through() -> None:
    first, second = network(), network()
    for each in (first, second):
        fill_from(each, "random")
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())
    deep = torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range(12)))
    fill_from(deep, "random")
    with torch.no_grad():
        assert 1e-3 < float(deep(torch.randn(8, 64)).std()) < 1e3
    assert not torch.equal(deep[0].weight, deep[1].weight)


@pytest.mark.parametrize("fault", ["missing", "unexpected", "misshapen"])
def test_what_does_not_fit_leaves_the_network_as_it_was(fault: str) -> None:
    wrong = tensors()
    if fault == "missing":
        del wrong["1.running_var"]
    elif fault == "unexpected":
        wrong["extra"] = torch.zeros(1)
    else:
        wrong["0.weight"] = torch.zeros(4, 5)
    filled = network()
    before = {name: value.clone() for name, value in filled.state_dict().items()}
    with pytest.raises(SettingsError, match=f"1 {fault}"):
        fill_from(filled, wrong)
    assert all(torch.equal(value, before[name]) for name, value in filled.state_dict().items())


def test_no_weights_says_what_to_do(spec: WeightsSpec) -> None:
    with pytest.raises(SettingsError, match="trackzoo weights add NAME FILE"):
        fill_from(network(), None)
    with pytest.raises(SettingsError, match=r"download tiny.pth \(Tiny\) from https://example.org/zoo"):
        fill_from(network(), "tiny")
    with pytest.raises(UnknownName, match="did you mean tiny"):
        fill_from(network(), "tinny")
    with pytest.raises(DataError, match="no such file"):
        fill_from(network(), "somewhere/net.pth")
    with pytest.raises(SettingsError, match="found a int"):
        fill_from(network(), 3)


def test_weights_in_the_cache_that_lost_a_part_are_refused(spec: WeightsSpec, tmp_path: Path) -> None:
    path = tmp_path / "official.pth"
    torch.save(tensors(), path)
    file = add_weights(spec, path).path
    whole = file.read_bytes()
    chosen.check_whole(spec)
    file.write_bytes(whole[:-4])
    with pytest.raises(DataError, match="--force"):
        chosen.check_whole(spec)
    file.write_bytes(whole[:-4] + b"\0\0\0\1")  # one number is another now: names and shapes still fit
    chosen.check_whole(spec)
    with pytest.raises(DataError, match="SHA-256"):
        chosen.describe("tiny")
    file.with_suffix(".json").write_text("{}")
    with pytest.raises(DataError, match="facts"):
        chosen.check_whole(spec)
