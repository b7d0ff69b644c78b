"""Box heads on a search feature map: towers of convolutions (OSTrack's centre head and its kin)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Bounds of scores and sizes (OSTrack).
LOWEST = 1e-4


def add_tower(head: nn.Module, name: str, channels: int, hidden: int, out: int) -> None:
    """Give `head` the five layers of a tower under the checkpoints' names: `conv{1..4}_{name}.{0,1}`, `conv5_{name}`.

    Four times convolution 3×3, BatchNorm, ReLU with widths hidden, hidden/2, hidden/4, hidden/8, then a convolution 1×1.
    """
    widths = [channels, hidden, hidden // 2, hidden // 4, hidden // 8]
    for number in range(1, 5):
        before, after = widths[number - 1], widths[number]
        layer = nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
        head.add_module(f"conv{number}_{name}", layer)
    head.add_module(f"conv5_{name}", nn.Conv2d(widths[4], out, 1))


def run_tower(head: nn.Module, name: str, features: Tensor) -> Tensor:
    """Features (B, channels, F, F) through the tower `name`: (B, out, F, F)."""
    for number in range(1, 6):
        features = head.get_submodule(f"conv{number}_{name}")(features)
    return features


def initialise_towers(head: nn.Module) -> None:
    """Xavier uniform for every weight of more than one dimension (OSTrack)."""
    for parameter in head.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)


def bounded_sigmoid(values: Tensor) -> Tensor:
    """Sigmoid kept within 1e-4 of 0 and 1."""
    return torch.sigmoid(values).clamp(LOWEST, 1 - LOWEST)


class CentreHead(nn.Module):
    """Score, size and offset maps (OSTrack, section 3.3).

    Args:
        channels: of the feature map.
        hidden: of the first convolution.
    """

    def __init__(self, channels: int = 768, hidden: int = 256) -> None:
        super().__init__()
        for name, out in (("ctr", 1), ("offset", 2), ("size", 2)):
            add_tower(self, name, channels, hidden, out)
        initialise_towers(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature map (B, channels, F, F) to maps of F × F.

        Returns:
            Scores (B, 1, F, F) in 1e-4..1-1e-4; sizes (B, 2, F, F), width and height as shares of the crop's side, in the
            same bounds; offsets (B, 2, F, F), x and y in cells, unbounded.
        """
        scores = bounded_sigmoid(run_tower(self, "ctr", features))
        sizes = bounded_sigmoid(run_tower(self, "size", features))
        return scores, sizes, run_tower(self, "offset", features)


class CornerHead(nn.Module):
    """Top-left and bottom-right corner, each the expectation of a distribution over the cells (STARK; OSTrack's widths).

    Args:
        channels: of the feature map.
        hidden: of the first convolution.
    """

    def __init__(self, channels: int = 768, hidden: int = 256) -> None:
        super().__init__()
        for name in ("tl", "br"):
            add_tower(self, name, channels, hidden, 1)
        initialise_towers(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Feature map (B, channels, F, F) to the logits of both corners (B, 2, F, F) and boxes (B, 4).

        Boxes are `cx, cy, w, h` in shares of the crop's side; a corner lies at its cell's top-left.
        """
        logits = torch.cat([run_tower(self, "tl", features), run_tower(self, "br", features)], dim=1).float()
        side = logits.shape[-1]
        steps = torch.arange(side, device=logits.device, dtype=torch.float32) / side
        chance = logits.flatten(2).softmax(-1).reshape(logits.shape)
        corners = torch.stack(
            [(chance.sum(2) * steps).sum(-1), (chance.sum(3) * steps).sum(-1)], dim=2
        )  # (B, corner, xy)
        low, high = corners[:, 0], corners[:, 1]
        return logits, torch.cat([(low + high) / 2, high - low], dim=1)


def best_cell(response: Tensor) -> Tensor:
    """(B,) flat index of the first maximum of each map (B, 1, F, F) or (B, F, F)."""
    return response.flatten(1).argmax(dim=1)


def centre_boxes(cells: Tensor, sizes: Tensor, offsets: Tensor) -> Tensor:
    """Boxes at given cells.

    Args:
        cells: (B,) flat indices.
        sizes, offsets: (B, 2, F, F) maps of `CentreHead`.

    Returns:
        (B, 4) `cx, cy, w, h` in shares of the crop's side. There is no half cell added.
    """
    side = sizes.shape[-1]
    index = cells[:, None, None].expand(-1, 2, 1)
    size = sizes.flatten(2).gather(2, index).squeeze(-1)
    offset = offsets.flatten(2).gather(2, index).squeeze(-1)
    corner = torch.stack([cells % side, cells.div(side, rounding_mode="floor")], dim=1)
    return torch.cat([(corner.to(offset.dtype) + offset) / side, size], dim=1)
