"""Folding batch norms away."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trackzoo.nn.folding import folded, inference_copy
from trackzoo.nn.resnet import ResNet


def lively(network: nn.Module) -> nn.Module:
    """With statistics and affine parameters that do something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.double().eval()


@pytest.mark.parametrize("depth", [34, 50])
def test_a_resnet_gives_the_same_without_a_norm(depth: int) -> None:
    network = lively(ResNet(depth, layers=2, stride_in_first=True))
    picture = torch.randn(2, 3, 40, 56, dtype=torch.float64)
    torch.testing.assert_close(inference_copy(network)(picture, ("layer2",)), network(picture, ("layer2",)))
    for made in (folded(network), inference_copy(network, fold=True)):
        assert not any(isinstance(module, nn.BatchNorm2d) for module in made.modules())
        torch.testing.assert_close(made(picture, ("layer2",)), network(picture, ("layer2",)))
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_neighbours_in_a_sequence_and_norms_without_a_convolution() -> None:
    network = lively(
        nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4))
    )
    made = folded(network)
    assert [isinstance(module, nn.BatchNorm2d) for module in made] == [True, False, False, False, True]
    values = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(made(values), network(values))


def test_statistics_that_still_change_are_not_folded() -> None:
    with pytest.raises(ValueError, match="eval"):
        folded(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)))
