"""Versions of the first crop that the instance branch learns from: as it is, flipped, blurred three ways. Nothing is random."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

#: (down, across) standard deviations in pixels.
BLURS = ((3.0, 1.0), (1.0, 3.0), (2.0, 2.0))


def versions(crop: Tensor) -> Tensor:
    """A crop (3, H, W) as (5, 3, H, W): itself, mirrored, and `BLURS`."""
    return torch.stack([crop, crop.flip(2), *(blur(crop, sigmas) for sigmas in BLURS)])


def blur(crop: Tensor, sigmas: tuple[float, float]) -> Tensor:
    """A crop (C, H, W) under a Gaussian, with black beyond its border."""
    out = crop[:, None]
    for axis, sigma in enumerate(sigmas):
        reach = math.ceil(2 * sigma)
        steps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=crop.device)
        kernel = torch.exp(-steps.square() / (2 * sigma * sigma))
        kernel = kernel / kernel.sum()
        shape, padding = ((1, 1, -1, 1), (reach, 0)) if axis == 0 else ((1, 1, 1, -1), (0, reach))
        out = functional.conv2d(out, kernel.reshape(shape), padding=padding)
    return out[:, 0]
