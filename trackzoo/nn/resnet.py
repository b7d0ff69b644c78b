"""ResNet backbones, whose names map one to one onto the official checkpoints of the trackers that use them.

Names: `conv1`, `bn1`, `layer{1..4}.{i}.conv{1..3}`, `.bn{1..3}`, `.downsample.{0,1}`, `fc`. He et al.: Deep residual learning
for image recognition, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Depth -> blocks of each layer.
BLOCKS: Mapping[int, tuple[int, int, int, int]] = MappingProxyType({34: (3, 4, 6, 3), 50: (3, 4, 6, 3)})
WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (ResNet-34). `stride` halves the map in the first; `stride_in_first` changes nothing here."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, stride_in_first: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, width, H/stride, W/stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 (ResNet-50).

    Args:
        inputs: channels that come in.
        width: channels of the 3x3; four times as many go out.
        stride: of the block.
        stride_in_first: put the stride in the first 1x1, as Caffe2's and Mask R-CNN's weights have it, in place of the 3x3.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, stride_in_first: bool = False) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_in_first else (1, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.downsample = _shortcut(inputs, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 4·width, H/stride, W/stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A ResNet that gives the maps of its layers.

    Args:
        depth: 34 or 50.
        layers: how many of the four layers it owns.
        stride_in_first: see `Bottleneck`.
        classes: size of the classifier `fc` that a checkpoint holds and tracking does not use; 0 for none.
        fc_inputs: channels that `fc` expects, where they differ from those of the last layer owned.
    """

    def __init__(
        self,
        depth: int = 50,
        layers: int = 4,
        stride_in_first: bool = False,
        classes: int = 0,
        fc_inputs: int | None = None,
    ) -> None:
        super().__init__()
        block = Bottleneck if depth == 50 else BasicBlock
        self.layers = layers
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for index, (count, width) in enumerate(zip(BLOCKS[depth][:layers], WIDTHS, strict=False)):
            members = []
            for number in range(count):
                members.append(block(inputs, width, 2 if index and not number else 1, stride_in_first))
                inputs = width * block.expansion
            self.add_module(f"layer{index + 1}", nn.Sequential(*members))
        if classes:
            self.fc = nn.Linear(fc_inputs or inputs, classes)
        _initialise(self)

    def forward(self, pictures: Tensor, wanted: Collection[str] = ("layer4",)) -> dict[str, Tensor]:
        """Maps of a batch of normalised pictures.

        Args:
            pictures: (B, 3, H, W).
            wanted: of `conv1` (after its ReLU, stride 2), `stem` (after max-pooling, stride 4), `layer1` … `layer4` (after
                their last ReLU, strides 4, 8, 16, 32). Layers beyond the last one wanted are not computed.
        """
        maps: dict[str, Tensor] = {}
        x = F.relu(self.bn1(self.conv1(pictures)))
        maps["conv1"] = x
        x = F.max_pool2d(x, 3, 2, 1)
        maps["stem"] = x
        last = max((int(name[-1]) for name in wanted if name.startswith("layer")), default=0)
        for number in range(1, last + 1):
            x = self.get_submodule(f"layer{number}")(x)
            maps[f"layer{number}"] = x
        return {name: maps[name] for name in wanted}


class FrozenNorms(nn.Module):
    """Mixed into networks whose batch norms keep their statistics in training too (their affine parameters still learn)."""

    def train(self, mode: bool = True) -> FrozenNorms:
        """As `nn.Module.train`, with every batch norm left in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _initialise(network: nn.Module) -> None:
    """He's initialisation, as the trackers' training starts where no pretrained weights are given."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            with torch.no_grad():
                module.bias.zero_()
