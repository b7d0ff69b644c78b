"""ToMP's networks: a backbone and the head. `ToMP50` on ResNet-50, `ToMPL` on frozen DINOv2 with an adapter."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.dinov2 import DinoV2
from trackzoo.nn.resnet import ResNet
from trackzoo.trackers.tomp.head import Head

#: Cells of the sample are this many of its pixels apart.
STRIDE = 16


class ToMPNetwork(nn.Module):
    """What both have.

    Args:
        side: cells along each side of the feature map, n.
    """

    feature_extractor: nn.Module
    head: Head

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    @property
    def sample(self) -> int:
        """Side of the sample in its pixels, S: what the tracker cuts, and what boxes and labels are counted in."""
        return STRIDE * self.side

    @abstractmethod
    def features(self, crops: Tensor) -> Tensor:
        """Normalised crops (B, 3, S, S) to the features that enter the head (B, 1024, n, n)."""


class ToMP50(ToMPNetwork):
    """ToMP-50: ResNet-50 up to its third layer, stride 16. `layer4` and `fc` stand in the checkpoints and are not used.

    Args:
        side: 18.
        test_token, head: see `Head`.
    """

    feature_extractor: ResNet

    def __init__(self, side: int = 18, test_token: bool = True, **head: Any) -> None:
        super().__init__(side)
        self.feature_extractor = ResNet(50, classes=1000)
        self.head = Head(side, test_token=test_token, **head)

    def features(self, crops: Tensor) -> Tensor:
        """See `ToMPNetwork.features`."""
        maps: dict[str, Tensor] = self.feature_extractor(crops, ("layer3",))
        return maps["layer3"]


class Adapter(nn.Module):
    """What is trained behind the frozen backbone: a 1x1 convolution, its norm, GELU."""

    def __init__(self, channels: int = 1024) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.GELU())

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        out: Tensor = self.mlp(features)
        return out


class ToMPL(ToMPNetwork):
    """ToMP-L: DINOv2 ViT-L/14 at 378 x 378, unit tokens, adapter, pooled to n x n cells (PiVOT, arXiv 2409.18901).

    Args:
        side: 27, or 22 (the 27 x 27 patches pooled).
        test_token, head: see `Head`.
        backbone: other sizes than ViT-L's; see `DinoV2`.
    """

    feature_extractor: DinoV2

    #: Side of the pictures that DINOv2 sees.
    resolution = 378

    def __init__(
        self, side: int = 27, test_token: bool = True, backbone: dict[str, int] | None = None, **head: Any
    ) -> None:
        super().__init__(side)
        self.feature_extractor = DinoV2(**(backbone or {}))
        width = self.feature_extractor.width
        self.bkMlp = Adapter(width)
        self.head = Head(side, channels=width, test_token=test_token, **head)

    def features(self, crops: Tensor) -> Tensor:
        """See `ToMPNetwork.features`; crops of any side are resized first."""
        return self.adapt(self.feature_extractor.patches(self.resized(crops)))

    def resized(self, crops: Tensor) -> Tensor:
        """Crops at DINOv2's resolution; bilinear, without antialiasing though they shrink, as released."""
        size = (self.resolution, self.resolution)
        if crops.shape[-2:] == size:
            return crops
        return F.interpolate(crops, size=size, mode="bilinear", align_corners=False)

    def adapt(self, patches: Tensor) -> Tensor:
        """Patch tokens as a map (B, C, 27, 27) to features (B, C, n, n)."""
        unit = patches / patches.norm(dim=1, keepdim=True)
        adapted = self.bkMlp(unit)
        return F.adaptive_avg_pool2d(adapted, self.side) if adapted.shape[-1] != self.side else adapted
