"""Square patches of one size from frames of any size."""

from __future__ import annotations

from collections.abc import Sequence as ListOf

import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.frames import Frame


def crops(frames: ListOf[Frame], centres: Tensor, sizes: Tensor, side: int, device: str | torch.device) -> Tensor:
    """Cut S regions around one centre out of each of B frames and resample each to `side` x `side`.

    Where a region leaves the picture, the picture's border is repeated. A region that is larger than the patch is averaged
    before it is sampled, so that fine texture does not turn into noise.

    Args:
        frames: B frames, of any sizes.
        centres: (B, 2) float64 on the CPU, x and y in pixels; pixel i covers i to i + 1.
        sizes: (B, S, 2) float64 on the CPU, width and height of the regions in pixels.
        side: of the patches, in pixels.
        device: where the patches are made.

    Returns:
        (B, S, 3, side, side) float32, 0..1.
    """
    ticks = (torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5
    patches = []
    for frame, centre, extents in zip(frames, centres, sizes, strict=True):
        picture = frame.tensor(device)
        border = torch.tensor([picture.shape[2], picture.shape[1]], dtype=torch.float64) - 0.5
        # Columns' x and rows' y of the samples, held to the middles of the outermost pixels: (S, side, 2).
        points = torch.minimum((centre + extents[:, None] * ticks[:, None]).clamp(min=0.5), border)
        x1, y1 = (points.amin((0, 1)) - 0.5).floor().long().tolist()
        x2, y2 = (points.amax((0, 1)) + 0.5).ceil().long().tolist()
        window = picture[:, y1:y2, x1:x2].float()[None]
        # Pixels for each sample; the S regions share the mean, for they are nearly of one size.
        pool = [max(1, int(step)) for step in (extents.mean(0) / side).tolist()]
        if pool != [1, 1]:
            window = F.avg_pool2d(window, (pool[1], pool[0]), ceil_mode=True)
        inside = (points - torch.tensor([x1, y1])) / torch.tensor(pool)
        extent = torch.tensor([window.shape[3], window.shape[2]])
        x, y = (inside * 2 / extent - 1).to(device, torch.float32).unbind(2)  # (S, side), -1..1 over the window
        grid = torch.stack([x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], dim=-1)
        # The S patches one below the other make one sampling of one picture.
        sampled = F.grid_sample(window, grid.view(1, -1, side, 2), padding_mode="border", align_corners=False)
        patches.append(sampled.view(3, -1, side, side).transpose(0, 1))
    return torch.stack(patches) / 255
