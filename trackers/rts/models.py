"""The two target models' parts with parameters: features they work on, and where their filters come from."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trackzoo.nn.instance_norm import InstanceL2Norm, filter_scale
from trackzoo.nn.precise_pooling import precise_pool

CHANNELS = 512
#: Cells per pixel by which boxes are pooled. The features have stride 32: what the released code trained with is 1/16.
POOLING_SCALE = 1 / 16


def feature_block(stride: int) -> nn.Sequential:
    """layer3 (B, 1024, h, w) to (B, 512, h/stride, w/stride) of a fixed norm, whose scale is that of a 3x3 filter in both."""
    conv = nn.Conv2d(1024, CHANNELS, 3, stride, 1, bias=False)
    _normal(conv)
    return nn.Sequential(conv, InstanceL2Norm(filter_scale(CHANNELS, 3)))


class Residual(nn.Module):
    """Holds the learnt regularisation λ of a segmentation filter."""

    def __init__(self, initial: float = 0.01) -> None:
        super().__init__()
        self.filter_reg = nn.Parameter(torch.full((1,), initial))


class FilterOptimizer(nn.Module):
    """Holds the residual of a filter; see `filters.learn_segmentation_filters` for what is minimised."""

    def __init__(self) -> None:
        super().__init__()
        self.residual_module = Residual()


class TargetModel(nn.Module):
    """The segmentation branch's few-shot learner.

    Args:
        features: whether it has its own feature block; STA's second learner has not.
    """

    def __init__(self, features: bool = True) -> None:
        super().__init__()
        if features:
            self.feature_extractor = feature_block(1)
        self.filter_optimizer = FilterOptimizer()

    @property
    def regularisation(self) -> Tensor:
        """λ, (1,)."""
        return self.filter_optimizer.residual_module.filter_reg


class FilterInitializer(nn.Module):
    """A first instance filter out of the pooled targets (DiMP, Sec. 3.3)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.filter_conv = nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1)
        _normal(self.filter_conv)
        assert self.filter_conv.bias is not None
        nn.init.zeros_(self.filter_conv.bias)

    def forward(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Features (B, S, 512, H, W) of S samples and boxes (B, S, 4) `x, y, w, h` in crop pixels to (B, 1, 512, s, s)."""
        count, samples = features.shape[:2]
        maps = self.filter_conv(features.flatten(0, 1))
        boxes = boxes.flatten(0, 1)
        corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
        pooled = precise_pool(maps, corners, (self.size, self.size), POOLING_SCALE)
        return pooled.reshape(count, samples, *pooled.shape[1:]).mean(1, keepdim=True)


class Classifier(nn.Module):
    """The instance localisation branch.

    Args:
        filter_size: cells of its filter.
    """

    def __init__(self, filter_size: int = 4) -> None:
        super().__init__()
        self.filter_initializer = FilterInitializer(filter_size)
        self.feature_extractor = feature_block(2)


def _normal(conv: nn.Conv2d) -> None:
    nn.init.normal_(conv.weight, 0.0, math.sqrt(2.0 / (conv.kernel_size[0] * conv.kernel_size[1] * conv.out_channels)))
