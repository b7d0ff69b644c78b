"""The segmentation decoder (Robinson et al., CVPR 2020; LWL, Sec. 3.5): from an encoding at stride 16 to logits of pixels.

Level by level, from layer4 to layer1 of the backbone: `TSE` brings the encoding to the level's features, `RRB1` refines, `CAB`
lets the level above gate it, `RRB2` refines. `project` enlarges the last map to the crop.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trackzoo.trackers.rts.enlarge import bicubic

#: Levels, coarse to fine -> (channels of the backbone's map, channels of the decoder).
LEVELS: Mapping[str, tuple[int, int]] = {
    "layer4": (2048, 256),
    "layer3": (1024, 128),
    "layer2": (512, 128),
    "layer1": (256, 64),
}


def resize(maps: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear, half-pixel centres, no antialiasing."""
    height, width = size[-2:]
    return F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)


class TSE(nn.Module):
    """Target-specific encoding: the level's features, reduced, beside the encoding of the target."""

    def __init__(self, inputs: int, width: int, encoding: int) -> None:
        super().__init__()
        both = width + encoding
        self.reduce = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1))
        self.transform = nn.Sequential(
            nn.Conv2d(both, both, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(both, both, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(both, width, 3, 1, 1),
            nn.ReLU(),
        )

    def forward(self, reduced: Tensor, encoding: Tensor) -> Tensor:
        """Reduced features (B, c, H, W) and an encoding (B, e, h, w) to (B, c, H, W)."""
        out: Tensor = self.transform(torch.cat([reduced, resize(encoding, reduced.shape)], dim=1))
        return out


class RRB(nn.Module):
    """Residual refinement block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(width, width, 1)
        self.bblock = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) to the same shape."""
        x = self.conv1x1(x)
        return F.relu(x + self.bblock(x))


class CAB(nn.Module):
    """Channel attention block: what is deep decides which channels of what is shallow pass."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convreluconv = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1))

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """(B, c, H, W) and (B, c, h, w) to (B, c, H, W)."""
        means = torch.cat([shallow.mean((2, 3), keepdim=True), deep.mean((2, 3), keepdim=True)], dim=1)
        gate: Tensor = self.convreluconv(means).sigmoid()
        return shallow * gate + resize(deep, shallow.shape)


class Projection(nn.Module):
    """The last map to the logits of pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width // 2, 3, 1, 1)
        self.conv2 = nn.Conv2d(width // 2, 1, 3, 1, 1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, c, h, w) to (B, 1, *size).

        `conv2` after a bicubic enlargement is written as its nine taps before it: enlarging is linear and keeps channels apart,
        so nine maps are enlarged in place of 32, and then added, each shifted by its tap's place (equal up to rounding).
        """
        x = F.relu(self.conv1(bicubic(x, (2 * x.shape[-2], 2 * x.shape[-1]))))
        taps = self.conv2.weight[0].flatten(1).t()[:, :, None, None]  # (9, c/2, 1, 1)
        maps = F.pad(bicubic(F.conv2d(x, taps), size), (1, 1, 1, 1))
        height, width = size
        total = maps[:, 0, :height, :width]
        for tap in range(1, 9):
            row, column = divmod(tap, 3)
            total = total + maps[:, tap, row : row + height, column : column + width]
        assert self.conv2.bias is not None
        return total[:, None] + self.conv2.bias[0]

    def direct(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """The same in the order of the figure, which is slower."""
        x = F.relu(self.conv1(bicubic(x, (2 * x.shape[-2], 2 * x.shape[-1]))))
        out: Tensor = self.conv2(bicubic(x, size))
        return out


class Decoder(nn.Module):
    """See the module.

    Args:
        encoding: channels of the target's encoding.
    """

    def __init__(self, encoding: int = 16) -> None:
        super().__init__()
        widths = {name: width for name, (_, width) in LEVELS.items()}
        self.TSE = nn.ModuleDict({name: TSE(inputs, width, encoding) for name, (inputs, width) in LEVELS.items()})
        self.RRB1 = nn.ModuleDict({name: RRB(width) for name, width in widths.items()})
        self.CAB = nn.ModuleDict({name: CAB(width) for name, width in widths.items()})
        self.RRB2 = nn.ModuleDict({name: RRB(width) for name, width in widths.items()})
        names = list(LEVELS)
        self.proj = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Conv2d(widths[above], widths[name], 1), nn.ReLU())
                for above, name in pairwise(names)
            }
        )
        self.project = Projection(widths["layer1"])

    def reduce(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The part that does not depend on the encoding: kept where one picture is decoded for several encodings."""
        reduced: dict[str, Tensor] = {}
        for name in LEVELS:
            level = self.TSE[name]
            assert isinstance(level, TSE)
            reduced[name] = level.reduce(features[name])
        return reduced

    def levels(self, encoding: Tensor, reduced: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Output of every level, coarse to fine: (B, e, h, w) and reduced features to {`layer4`: (B, 256, …), …}."""
        outputs: dict[str, Tensor] = {}
        x: Tensor | None = None
        for name in LEVELS:
            own = reduced[name]
            deep = own.mean((2, 3), keepdim=True) if x is None else self.proj[name](x)
            shallow = self.RRB1[name](self.TSE[name](own, encoding))
            x = outputs[name] = self.RRB2[name](self.CAB[name](shallow, deep))
        return outputs

    def forward(self, encoding: Tensor, reduced: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (B, 1, *size) of an encoding (B, e, h, w) over reduced features."""
        out: Tensor = self.project(self.levels(encoding, reduced)["layer1"], size)
        return out
