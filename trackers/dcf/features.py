"""What the filters see of a patch: gradient orientations and colour, a vector for each cell of 4 x 4 pixels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

#: Side of a cell in pixels.
CELL = 4
#: Unsigned orientations; there are twice as many signed ones (Felzenszwalb et al., TPAMI 2010).
ORIENTATIONS = 9
#: Where a normalised histogram entry is cut (the same paper; Dalal and Triggs, CVPR 2005).
TRUNCATION = 0.2


def gradients(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Central differences, in the colour channel in which they are strongest.

    Args:
        patches: (N, 3, H, W).

    Returns:
        Differences along x and y, and their magnitude, each (N, 1, H, W).
    """
    padded = F.pad(patches, (1, 1, 1, 1), mode="replicate")
    dx = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    dy = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strongest, channel = (dx * dx + dy * dy).max(dim=1, keepdim=True)
    return dx.gather(1, channel), dy.gather(1, channel), strongest.sqrt_()


def orientation_cells(patches: Tensor) -> Tensor:
    """Gradient magnitude by signed orientation: channel k for the angle k * 20 degrees.

    A gradient counts for the orientations less than 20 degrees away, the more the nearer: for the part of its projection on
    that direction that exceeds what is left of it at 20 degrees. This needs no angle and has no edges between bins.

    Args:
        patches: (N, 3, H, W), H and W multiples of 4.

    Returns:
        (N, 18, H / 4, W / 4), non-negative.
    """
    dx, dy, magnitude = gradients(patches)
    step = math.pi / ORIENTATIONS
    gain = 1 / (1 - math.cos(step))
    dx, dy, floor = dx * gain, dy * gain, magnitude * (math.cos(step) * gain)
    forward, backward = [], []
    # One orientation after the other: 18 channels of pixels at once would not fit the processor's cache.
    for k in range(ORIENTATIONS):
        projection = dx * math.cos(k * step) + dy * math.sin(k * step)
        forward.append(_pool((projection - floor).clamp_(min=0)))
        backward.append(_pool(projection.add_(floor).clamp_(max=0)))
    return torch.cat(forward + backward, dim=1).abs_()


def _pool(pixels: Tensor) -> Tensor:
    # Neighbouring cells share a rim of one pixel: a cheap likeness of the bilinear binning of the papers.
    return F.avg_pool2d(pixels, CELL + 2, CELL, padding=1, count_include_pad=False)


def hog(patches: Tensor) -> Tensor:
    """Histograms of oriented gradients in Felzenszwalb's form: 18 signed and 9 unsigned orientations, 4 texture energies.

    Args:
        patches: (N, 3, H, W) in 0..1.

    Returns:
        (N, 31, H / 4, W / 4) float64, 0..0.4 (texture: 0..about 0.85).
    """
    signed = orientation_cells(patches).double()
    unsigned = signed[:, :ORIENTATIONS] + signed[:, ORIENTATIONS:]
    # Energy of the four blocks of 2 x 2 cells that a cell belongs to.
    energy = F.pad((unsigned * unsigned).sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    blocks = energy[:, :, 1:, 1:] + energy[:, :, :-1, 1:] + energy[:, :, 1:, :-1] + energy[:, :, :-1, :-1]
    norms = (blocks + 1e-4).rsqrt()
    sensitive, insensitive = torch.zeros_like(signed), torch.zeros_like(unsigned)
    texture = []
    for norm in (norms[:, :, 1:, 1:], norms[:, :, :-1, 1:], norms[:, :, 1:, :-1], norms[:, :, :-1, :-1]):
        capped = (signed * norm).clamp_(max=TRUNCATION)
        sensitive += capped
        insensitive += (unsigned * norm).clamp_(max=TRUNCATION)
        texture.append(capped.sum(1, keepdim=True) / math.sqrt(2 * ORIENTATIONS))
    return torch.cat([sensitive / 2, insensitive / 2, *texture], dim=1)


def lab(patches: Tensor) -> Tensor:
    """Mean colour of each cell in CIE L*a*b* (sRGB, white point D65).

    Args:
        patches: (N, 3, H, W) in 0..1.

    Returns:
        (N, 3, H / 4, W / 4) float64: L* / 100 - 0.5, a* / 100, b* / 100, each about -1..1.
    """
    rgb = F.avg_pool2d(patches, CELL).double()
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)  # IEC 61966-2-1
    red, green, blue = linear.unbind(1)
    # Rows of the sRGB matrix, each divided by the white point's value, so that white is 1, 1, 1.
    x = 0.433953 * red + 0.376219 * green + 0.189828 * blue
    y = 0.212673 * red + 0.715152 * green + 0.072175 * blue
    z = 0.017758 * red + 0.109477 * green + 0.872765 * blue
    fx, fy, fz = (_lightness(value) for value in (x, y, z))
    return torch.stack([1.16 * fy - 0.66, 5 * (fx - fy), 2 * (fy - fz)], dim=1)


def _lightness(value: Tensor) -> Tensor:
    """CIE's cube root with its straight piece near black (CIE 15:2004)."""
    knee = 6 / 29
    return torch.where(value > knee**3, value.clamp(min=knee**3) ** (1 / 3), value / (3 * knee**2) + 4 / 29)


def features(patches: Tensor) -> Tensor:
    """What the translation filter sees: `hog` and `lab` of (N, 3, H, W) patches in 0..1, (N, 34, H / 4, W / 4) float64."""
    return torch.cat([hog(patches), lab(patches)], dim=1)
