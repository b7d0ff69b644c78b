"""Alpha-Refine's two networks (Yan et al., CVPR 2021). Names of tensors are the official checkpoints'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.nn.heads import CornerHead
from trackzoo.nn.precise_pooling import precise_pool
from trackzoo.nn.resnet import ResNet
from trackzoo.trackers.alpharefine.correlation import ChannelAttention, NonLocal, correlate
from trackzoo.trackers.alpharefine.segmentation import SegmentationNetwork

#: Classes of the classifier that the checkpoints hold and nobody uses.
CLASSES = 1000


@dataclass(frozen=True)
class Refined:
    """What a network says about B crops.

    Attributes:
        fused: (B, C, F, F) the correlation after attention.
        corners: (B, 4) `x1, y1, x2, y2` in crop pixels, signs not checked; None from a network without a box.
        masks: (B, side, side) soft, in 0..1; None where nobody asked.
    """

    fused: Tensor
    corners: Tensor | None
    masks: Tensor | None


class MaskNeck(nn.Module):
    """Correlation, squeeze and excitation, non-local block."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.channel_attention = ChannelAttention(positions)
        self.spatial_attention = NonLocal(positions)

    def forward(self, reference: Tensor, features: Tensor) -> Tensor:
        """(B, C, h, w) and (B, C, H, W) to (B, h·w, H, W)."""
        fused: Tensor = self.spatial_attention(self.channel_attention(correlate(reference, features)))
        return fused


class MaskNetwork(nn.Module):
    """The network of VOT2020: ResNet-50 at 384 pixels, a mask alone (`ARcm_coco_seg_only_mask_384`).

    Args:
        size: side of the crops in pixels, a multiple of 32; its weights were trained for 384.
    """

    bins = 12
    gives_box = False
    #: The checkpoint's names of the levels, the deepest first -> ours and channels.
    levels: ClassVar[Mapping[str, tuple[str, int]]] = {
        "layer5": ("layer4", 2048),
        "layer4": ("layer3", 1024),
        "layer3": ("layer2", 512),
        "layer2": ("layer1", 256),
    }

    def __init__(self, size: int = 384) -> None:
        super().__init__()
        self.size = size
        self.feature_extractor = ResNet(50, classes=CLASSES)
        self.neck = MaskNeck(self.bins**2)
        self.refiner = SegmentationNetwork({name: own for name, (_, own) in self.levels.items()}, self.bins**2)

    def reference(self, crops: Tensor, corners: Tensor) -> Tensor:
        """Reference features, once an object.

        Args:
            crops: (B, 3, 384, 384), normalised.
            corners: (B, 4) `x1, y1, x2, y2` of the boxes in crop pixels.

        Returns:
            (B, 1024, 12, 12).
        """
        features = self.feature_extractor(crops, ("layer3",))["layer3"]
        return precise_pool(features, corners, (self.bins, self.bins), 1 / 16)

    def forward(self, references: Tensor, crops: Tensor, masks: bool = True) -> Refined:
        """B objects in their crops (B, 3, 384, 384). This network has a mask to give and nothing else."""
        maps = self.feature_extractor(crops, [own for own, _ in self.levels.values()])
        fused = self.neck(references, maps["layer3"])
        features = {name: maps[own] for name, (own, _) in self.levels.items()}
        return Refined(fused, None, self.refiner(fused, features, self.size))


class CornerNeck(nn.Module):
    """Correlation, three 1x1 convolutions, squeeze and excitation."""

    def __init__(self, positions: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((positions, 128), (128, 128), (128, 64)):
            layers += [nn.Conv2d(before, after, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.post_corr = nn.Sequential(*layers)
        self.channel_attention = ChannelAttention(64)

    def forward(self, reference: Tensor, features: Tensor) -> Tensor:
        """(B, C, 8, 8) and (B, C, 16, 16) to (B, 64, 16, 16)."""
        fused: Tensor = self.channel_attention(self.post_corr(correlate(reference, features)))
        return fused


def _two(first: int, second: int, third: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.Conv2d(second, third, 3, padding=1), nn.ReLU()
    )


class MaskRefinement(nn.Module):
    """From the correlation up to half the crop, each step helped by the backbone's map of its size (as SiamMask)."""

    def __init__(self) -> None:
        super().__init__()
        self.v0, self.v1, self.v2 = _two(64, 16, 4), _two(256, 64, 16), _two(512, 128, 32)
        self.h2, self.h1, self.h0 = _two(64, 32, 32), _two(16, 16, 16), _two(4, 4, 4)
        self.post0 = nn.Conv2d(32, 16, 3, padding=1)
        self.post1 = nn.Conv2d(16, 4, 3, padding=1)
        self.post2 = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, fused: Tensor, features: tuple[Tensor, Tensor, Tensor], side: int) -> Tensor:
        """Soft masks (B, side, side); `features` at 1/2, 1/4 and 1/8 of the crop."""
        x = fused
        steps = ((self.h2, self.v2, self.post0), (self.h1, self.v1, self.post1), (self.h0, self.v0, self.post2))
        for (across, down, after), level in zip(steps, reversed(features), strict=True):
            x = after(_up(across(x), level.shape[-1]) + down(level))
        return torch.sigmoid(_up(x, side).float()).squeeze(1)


def _up(x: Tensor, side: int) -> Tensor:
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


class CornerMaskNetwork(nn.Module):
    """The network of the paper: ResNet-34 at 256 pixels, corners and a mask (`SEcmnet_ep0040-c`)."""

    size = 256
    gives_box = True

    def __init__(self) -> None:
        super().__init__()
        self.feature_extractor = ResNet(34, classes=CLASSES)
        self.neck = CornerNeck()
        self.corner_head = CornerHead(64)
        self.mask_head = MaskRefinement()
        self.feat_adjust = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 1), nn.BatchNorm2d(after), nn.ReLU())
            for before, after in ((64, 64), (64, 256), (128, 512))
        )

    def reference(self, crops: Tensor, corners: Tensor) -> Tensor:
        """Reference features (B, 256, 8, 8): the centre half of the crop (B, 3, 256, 256), which is where the box lies.

        `corners` are not used.
        """
        features: Tensor = self.feature_extractor(crops, ("layer3",))["layer3"]
        return features[:, :, 4:12, 4:12].contiguous()

    def forward(self, references: Tensor, crops: Tensor, masks: bool = True) -> Refined:
        """B objects in their crops (B, 3, 256, 256); without `masks` the mask head is spared."""
        maps = self.feature_extractor(crops, ("conv1", "layer1", "layer2", "layer3"))
        fused = self.neck(references, maps["layer3"])
        _, shares = self.corner_head(fused)
        centre, extent = shares[:, :2] * self.size, shares[:, 2:] * self.size
        corners = torch.cat([centre - extent / 2, centre + extent / 2], dim=1)
        if not masks:
            return Refined(fused, corners, None)
        half, quarter, eighth = (
            adjust(maps[name]) for adjust, name in zip(self.feat_adjust, ("conv1", "layer1", "layer2"), strict=True)
        )
        return Refined(fused, corners, self.mask_head(fused, (half, quarter, eighth), self.size))
