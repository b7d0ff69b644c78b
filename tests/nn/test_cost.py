"""Multiply-adds: closed forms, and the tables of papers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trackzoo.cost import measure
from trackzoo.errors import SettingsError
from trackzoo.nn.operations import Operations
from trackzoo.registry import tracker
from trackzoo.trackers.jn.model import JN
from trackzoo.trackers.ostrack.model import OSTrack

NARROW = {"width": 48, "depth": 12, "heads": 3}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_single_operations(mode: Callable[[], torch.no_grad]) -> None:
    convolution, linear = nn.Conv2d(6, 8, 3, padding=1, groups=2), nn.Linear(5, 7)
    tokens = torch.randn(2, 4, 10, 16)
    with mode(), Operations() as counter:
        convolution(torch.randn(2, 6, 9, 9))
        assert counter.layers == 2 * 8 * 81 * 27
        linear(torch.randn(3, 4, 5))
        assert counter.layers == 2 * 8 * 81 * 27 + 12 * 35
        assert counter.products == 0
        tokens @ tokens.transpose(-2, -1)
        assert counter.products == 8 * 100 * 16
        F.scaled_dot_product_attention(tokens[:, :, :3], tokens, tokens)
        assert counter.products == 8 * 100 * 16 + 8 * 3 * 10 * 32


def work(template: int, search: int, crops: int, keep: float) -> Operations:
    """One forward pass of an OSTrack-like network, templates included, nothing spared; shapes alone, no numbers."""
    with torch.device("meta"), torch.no_grad():
        network = OSTrack(template, search, keep).eval()
        with Operations() as counter:
            templates = network.backbone.embed_templates(torch.empty(1, crops, 3, template, template))
            network(templates, torch.empty(1, 3, search, search), probe=lambda name, value: None)
    return counter


@pytest.mark.parametrize(("keep", "printed"), [(0.6, 36.1), (0.7, 38.0), (0.8, 40.1), (0.9, 42.7), (1.0, 45.5)])
def test_procontexts_table_4(keep: float, printed: float) -> None:
    """The paper's GFLOPs are multiply-adds of layers; its profiler also counts biases and norms, some 0.2 of them."""
    assert work(128, 256, 4, keep).layers / 1e9 == pytest.approx(printed, abs=0.3)


@pytest.mark.parametrize(("template", "search", "printed"), [(128, 256, 21.5), (192, 384, 48.3)])
def test_ostracks_table(template: int, search: int, printed: float) -> None:
    assert work(template, search, 1, 0.7).layers / 1e9 == pytest.approx(printed, abs=0.05)


@pytest.mark.parametrize("name", ["ostrack-256", "ostrack-384", "procontext", "procontext-256", "jn-256", "jn-384"])
def test_parameters_are_as_the_plugins_say(name: str) -> None:
    choice = tracker(name)
    sizes = {key: choice.settings[key] for key in ("template_size", "search_size") if key in choice.settings}
    crops = {"ostrack": (128, 256), "procontext": (192, 384), "jn": (144, 256)}[choice.spec.name]
    with torch.device("meta"):
        network = (JN if choice.spec.name == "jn" else OSTrack)(*(tuple(sizes.values()) or crops))
    assert sum(each.numel() for each in network.parameters()) == choice.spec.parameters[name]


@pytest.mark.parametrize(
    ("template", "search", "crops", "keep", "total"),
    [(128, 256, 1, 0.7, 21.0 + 1.7), (192, 384, 4, 0.7, 99.4 + 3.7), (192, 384, 4, 1.0, 123.0 + 3.7)],
)
def test_the_specifications_counts(template: int, search: int, crops: int, keep: float, total: float) -> None:
    counted = work(template, search, crops, keep)
    assert total == pytest.approx(counted.layers / 1e9, rel=0.03) or total == pytest.approx(
        counted.total / 1e9, rel=0.03
    )


def test_a_tracker_is_measured() -> None:
    small = tracker("ostrack-256").load(weights="random", encoder=NARROW)
    found = measure("small", small, lanes=2, frames=1, size=(320, 240))
    assert found.parameters == sum(each.numel() for each in small.network.parameters())
    assert set(found.milliseconds) == {"crop", "network", "update", "total"}
    assert found.milliseconds["total"] >= found.milliseconds["network"] > 0
    assert found.memory > 0
    # The first frame embeds a template and no more: 64 tokens of 48 channels from 768 values each.
    assert found.first.layers == 64 * 48 * 768
    assert found.first.products == 0
    # The last block spares the template's queries, projection and MLP.
    spared = 64 * 48 * 48 * (1 + 1 + 8)
    assert found.described.layers - found.frame.layers == spared
    assert found.printed.layers == found.first.layers + found.described.layers
    with pytest.raises(SettingsError, match="at least 1"):
        measure("small", small, lanes=0)


def test_the_command(cli: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = cli("cost", "static", "--frames", "1", "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    assert found["tracker"] == "static"
    assert found["parameters"] == 0
