"""ResNet's strides and names, exact RoI pooling, and the norm after the last feature convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from trackzoo.nn.instance_norm import InstanceL2Norm, filter_scale
from trackzoo.nn.precise_pooling import precise_pool
from trackzoo.nn.resnet import FrozenNorms, ResNet


@pytest.mark.parametrize(("depth", "channels"), [(34, (64, 128, 256, 512)), (50, (256, 512, 1024, 2048))])
def test_maps_have_the_strides_and_channels_of_the_paper(depth: int, channels: tuple[int, ...]) -> None:
    network = ResNet(depth).eval()
    with torch.inference_mode():
        maps = network(torch.randn(2, 3, 64, 96), ("conv1", "stem", "layer1", "layer2", "layer3", "layer4"))
    assert maps["conv1"].shape == (2, 64, 32, 48)
    assert maps["stem"].shape == (2, 64, 16, 24)
    for number, width in enumerate(channels, 1):
        side = 2 ** (number + 1)
        assert maps[f"layer{number}"].shape == (2, width, 64 // side, 96 // side)


def test_the_stride_stands_where_the_weights_were_trained() -> None:
    assert ResNet(50, stride_in_first=True).get_submodule("layer2.0.conv1").stride == (2, 2)
    assert ResNet(50).get_submodule("layer2.0.conv2").stride == (2, 2)


def test_an_unused_classifier_is_kept_for_strict_loading() -> None:
    assert ResNet(34, classes=1000).fc.weight.shape == (1000, 512)
    assert not hasattr(ResNet(50, layers=3), "layer4")


def test_frozen_norms_keep_their_statistics_in_training() -> None:
    class Frozen(FrozenNorms, ResNet):
        pass

    network = Frozen(34, layers=1).train()
    before = network.bn1.running_mean.clone()
    network(torch.randn(1, 3, 32, 32), ("layer1",))
    assert network.training
    assert torch.equal(before, network.bn1.running_mean)


def _sampled(plane: np.ndarray, x: float, y: float) -> float:
    """The interpolated map at one point, straight from its definition: a sum of hats."""
    rows = np.maximum(0, 1 - np.abs(y - np.arange(plane.shape[0])))
    columns = np.maximum(0, 1 - np.abs(x - np.arange(plane.shape[1])))
    return float(rows @ plane @ columns)


@pytest.mark.parametrize("box", [(16.0, 24.0, 80.0, 72.0), (-40.0, 10.0, 30.0, 70.0), (90.0, 90.0, 300.0, 200.0)])
def test_a_bin_is_the_mean_of_the_interpolated_map(box: tuple[float, ...]) -> None:
    plane = np.random.default_rng(0).normal(size=(7, 9))
    maps = torch.from_numpy(plane)[None, None]
    pooled = precise_pool(maps, torch.tensor([box]), (2, 3), 1 / 16)
    x1, y1, x2, y2 = (value / 16 for value in box)
    samples = 60
    for i in range(2):
        for j in range(3):
            ys = y1 + (y2 - y1) * (i + (np.arange(samples) + 0.5) / samples) / 2
            xs = x1 + (x2 - x1) * (j + (np.arange(samples) + 0.5) / samples) / 3
            mean = np.mean([_sampled(plane, x, y) for y in ys for x in xs])
            assert float(pooled[0, 0, i, j]) == pytest.approx(mean, abs=3e-3)


def test_a_box_without_area_gives_zero_and_no_gradient_of_nan() -> None:
    maps = torch.randn(1, 2, 5, 5, requires_grad=True)
    box = torch.tensor([[20.0, 20.0, 20.0, 40.0]], requires_grad=True)
    pooled = precise_pool(maps, box, (4, 4), 1 / 16)
    assert not pooled.any()
    pooled.sum().backward()
    assert box.grad is not None
    assert torch.isfinite(box.grad).all()


def test_precise_pooling_agrees_with_the_reference(shared: Path) -> None:
    golden = np.load(shared / "parity" / "alpharefine" / "mask_resnet50_384.npz")
    maps, rois = torch.from_numpy(golden["prroi_feature"]), torch.from_numpy(golden["prroi_rois"])
    ours = precise_pool(maps[rois[:, 0].long()], rois[:, 1:], (6, 6), 1 / 16)
    np.testing.assert_allclose(ours, golden["prroi_out"], atol=1e-5)


def test_instance_norm_gives_every_sample_the_same_norm() -> None:
    norm = InstanceL2Norm(filter_scale(8, 3))
    x = torch.randn(3, 8, 5, 4) * torch.tensor([0.1, 1.0, 30.0])[:, None, None, None]
    norms = norm(x).flatten(1).norm(dim=1)
    expected = (8 * 5 * 4 / (8 * 9)) ** 0.5
    torch.testing.assert_close(norms, torch.full((3,), expected), rtol=1e-4, atol=0)
