"""Encoders of masks and of score maps: the label generator E, the weight predictor W, and H_θ (RTS, Sec. 3.2 and 3.4)."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, without batch norm.

    Args:
        inputs, outputs: channels.
        stride: of the first convolution and of the shortcut, a 3x3 convolution too.
        final_relu: whether the sum is rectified.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, final_relu: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.downsample = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.final_relu = final_relu

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H/stride, W/stride)."""
        y: Tensor = self.conv2(F.relu(self.conv1(x))) + self.downsample(x)
        return F.relu(y) if self.final_relu else y


class MaskTrunk(nn.Module):
    """What all encoders of one-channel maps begin with: three halvings and a pooling, 1 to 64 channels.

    Args:
        stride: of every step; 2 takes a mask from crop resolution to stride 16, 1 keeps a score map's size.
    """

    def __init__(self, stride: int = 2) -> None:
        super().__init__()
        self.stride = stride
        self.conv_block = nn.Sequential(nn.Conv2d(1, 16, 3, stride, 1))
        self.res1 = ResidualBlock(16, 32, stride)
        self.res2 = ResidualBlock(32, 64, stride)

    def trunk(self, maps: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, 64, H/16, W/16), or (B, 64, H, W) with stride 1."""
        x = F.max_pool2d(F.relu(self.conv_block(maps)), 3, self.stride, 1)
        out: Tensor = self.res2(self.res1(x))
        return out


class MaskEncoder(MaskTrunk):
    """A mask (or score map) to its label encoding, and to the weight of each of its values.

    Args:
        stride: see `MaskTrunk`.
        outputs: channels of either encoding.
    """

    def __init__(self, stride: int = 2, outputs: int = 16) -> None:
        super().__init__(stride)
        self.label_pred = nn.Sequential(nn.Conv2d(64, outputs, 3, 1, 1))
        self.samp_w_pred = nn.Conv2d(64, outputs, 3, 1, 1)
        initialise_encoder(self)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, H, W) to labels (B, outputs, h, w), never negative, and weights of the same shape, of either sign."""
        x = self.trunk(maps)
        return F.relu(self.label_pred(x)), self.samp_w_pred(x)

    def label(self, maps: Tensor) -> Tensor:
        """The labels alone."""
        out: Tensor = self.label_pred(self.trunk(maps))
        return F.relu(out)


def initialise_encoder(encoder: nn.Module) -> None:
    """Convolutions N(0, 2 / (k² · outputs)); weights of samples begin at one everywhere."""
    for name, module in encoder.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        if name.endswith("samp_w_pred"):
            nn.init.zeros_(module.weight)
            if module.bias is not None:
                nn.init.ones_(module.bias)
        else:
            fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan))
