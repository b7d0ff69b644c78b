"""Filters of many objects at once: applying them, and learning them by Gauss-Newton steepest descent.

Steepest descent on `|r(w)|²` (DiMP, ICCV 2019, Eq. 6-8; LWL, Eq. 5; RTS, Sec. 3.3): `u = r(w)`, `g = Jᵀu`, `h = Jg`,
`a = |g|² / |h|²`, `w ← w - a·g`. J and Jᵀ are written out: no autograd within the iterations, so that everything stays
differentiable once, for training.

**Layout of samples**: (B, C, N, H, W), the N samples of an object *behind* its channels. An object's memory then is one matrix
of C rows, and applying a filter to all of its samples, or gathering the gradient over them, is one matrix product; the first n
samples of every object of an arena are a view of it (`arena[:, :, :n]`), which is read as it stands.

A filter of s x s cells is applied as s² products of a single cell each, whose results are shifted and added: what is shifted
are the few channels that come out, never the 512 that go in.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from trackzoo.nn.precision import full

#: Smallest |h|².
FLOOR = 1e-8
#: Regularisation of the instance filter; it has no learnt parameter.
INSTANCE_REGULARISATION = 0.01
#: What sees (iteration, filters, losses) before each iteration and after the last.
Watch = Callable[[int, Tensor, Tensor], None]


def apply_filters(features: Tensor, filters: Tensor) -> Tensor:
    """Each object's filter on that object's features, in one grouped convolution.

    Args:
        features: (B, C, H, W).
        filters: (B, K, C, s, s).

    Returns:
        (B, K, H', W'): zero padding of s // 2, so that H' = H for odd s and H + 1 for even s.
    """
    with full(features):
        count, outputs, channels, side, _ = filters.shape
        stacked = features.float().reshape(1, count * channels, *features.shape[2:])
        kernels = filters.float().reshape(count * outputs, channels, side, side)
        scores = F.conv2d(stacked, kernels, padding=side // 2, groups=count)
        return scores.reshape(count, outputs, *scores.shape[2:])


def correlate(samples: Tensor, filters: Tensor) -> Tensor:
    """Each object's filter on all samples of that object.

    Args:
        samples: (B, C, N, H, W).
        filters: (B, K, C, s, s).

    Returns:
        (B, K, N, H', W'), as `apply_filters`.
    """
    count, channels, number, height, width = samples.shape
    outputs, side = filters.shape[1], filters.shape[-1]
    pad = side // 2
    taps = filters.permute(0, 1, 3, 4, 2).reshape(count, -1, channels)  # (B, K·s², C)
    parts = torch.bmm(taps, samples.flatten(2)).reshape(count, outputs, side * side, number, height, width)
    parts = F.pad(parts, (pad, pad, pad, pad))
    rows, columns = height + 2 * pad - side + 1, width + 2 * pad - side + 1
    total = parts[:, :, 0, :, :rows, :columns]
    for tap in range(1, side * side):
        row, column = divmod(tap, side)
        total = total + parts[:, :, tap, :, row : row + rows, column : column + columns]
    return total


def gather(samples: Tensor, residuals: Tensor, side: int) -> Tensor:
    """The transpose of `correlate`: gradient of a sum of residuals with respect to the filters.

    Args:
        samples: (B, C, N, H, W).
        residuals: (B, K, N, H', W').
        side: s.

    Returns:
        (B, K, C, s, s).
    """
    count, channels, _, height, width = samples.shape
    outputs = residuals.shape[1]
    pad = side - 1 - side // 2
    padded = F.pad(residuals, (pad, pad, pad, pad))
    last = side - 1
    shifted = [
        padded[..., last - row : last - row + height, last - column : last - column + width]
        for row in range(side)
        for column in range(side)
    ]
    stacked = torch.stack(shifted, dim=2).reshape(count, outputs * side * side, -1)  # (B, K·s², N·H·W)
    taps = torch.bmm(stacked, samples.flatten(2).transpose(1, 2))  # (B, K·s², C)
    return taps.reshape(count, outputs, side, side, channels).permute(0, 1, 4, 2, 3)


def learn_segmentation_filters(
    samples: Tensor,
    labels: Tensor,
    weights: Tensor,
    importance: Tensor,
    filters: Tensor,
    regularisation: Tensor,
    iterations: int,
    watch: Watch | None = None,
) -> Tensor:
    """Fit filters to label encodings (RTS, Eq. 2; LWL, Eq. 4): `r₁ = W·q·(x * w - E)`, `r₂ = λ·w`.

    Args:
        samples: (B, C, N, H, W) segmentation features; slots that are not filled hold any finite numbers.
        labels: (B, K, N, H, W) encodings E of the samples' masks.
        weights: (B, K, N, H, W) their weights W.
        importance: (B, N) q, the samples' weights in memory: they enter as they are, not by their root. 0 for slots that are
            not filled.
        filters: (B, K, C, s, s) to start from.
        regularisation: λ, one number.
        iterations: how many.
        watch: sees every iterate and its loss.

    Returns:
        (B, K, C, s, s).
    """
    with full(samples):
        samples, side = samples.float(), filters.shape[-1]
        strength = weights * importance[:, None, :, None, None]
        residual = strength * (correlate(samples, filters) - labels)
        for step in range(iterations):
            if watch is not None:
                watch(step, filters, _loss(residual, regularisation * filters))
            gradient = gather(samples, strength * residual, side) + regularisation.square() * filters
            change = strength * correlate(samples, gradient)
            length = _length(gradient, change, regularisation)
            filters = filters - length * gradient
            # The residual is linear in the filter, so it moves along with it and is never computed anew.
            residual = residual - length * change
        if watch is not None:
            watch(iterations, filters, _loss(residual, regularisation * filters))
        return filters


def learn_instance_filters(
    samples: Tensor,
    labels: Tensor,
    importance: Tensor,
    filters: Tensor,
    iterations: int,
    watch: Watch | None = None,
) -> Tensor:
    """Fit filters to score maps with a hinge on the background (RTS, Eq. 6; DiMP).

    `r₁ = √q·(act(x * w) - m·y)`, `r₂ = 0.01·w` with `m` 1 on the target and 0.1 elsewhere; `act` has slope 1 for positive and m
    for negative scores.

    Args:
        samples: (B, C, N, H, W) classification features; slots that are not filled hold any finite numbers.
        labels: (B, N, H', W') Gaussians y.
        importance: (B, N) q, sum 1; `1/n` each where the samples have no weights yet. 0 for slots that are not filled.
        filters: (B, 1, C, s, s) to start from.
        iterations: how many.
        watch: sees every iterate and its loss.

    Returns:
        (B, 1, C, s, s).
    """
    with full(samples):
        samples, side = samples.float(), filters.shape[-1]
        target = labels[:, None]
        slope = ((target > 0.05).to(target.dtype) + 0.1).clamp(max=1)
        root = importance.sqrt()[:, None, :, None, None]
        reg = torch.full((), INSTANCE_REGULARISATION, dtype=samples.dtype, device=samples.device)
        scores = correlate(samples, filters)
        for step in range(iterations):
            residual = root * (_activation(scores, slope) - slope * target)
            if watch is not None:
                watch(step, filters, _loss(residual, reg * filters))
            # Slope of the active piece; in the kink the mean of both.
            jacobian = root * ((1 - slope) / 2 * scores.sign() + (1 + slope) / 2)
            gradient = gather(samples, jacobian * residual, side) + reg.square() * filters
            moved = correlate(samples, gradient)
            length = _length(gradient, jacobian * moved, reg)
            filters = filters - length * gradient
            scores = scores - length * moved
        if watch is not None:
            residual = root * (_activation(scores, slope) - slope * target)
            watch(iterations, filters, _loss(residual, reg * filters))
        return filters


def _activation(scores: Tensor, slope: Tensor) -> Tensor:
    return (1 - slope) / 2 * scores.abs() + (1 + slope) / 2 * scores


def _energy(values: Tensor) -> Tensor:
    """(B, 1, 1, 1, 1) sum of squares of each object."""
    return values.square().sum(dim=(1, 2, 3, 4), keepdim=True)


def _length(gradient: Tensor, change: Tensor, regularisation: Tensor) -> Tensor:
    """Step that minimises the quadratic along the gradient."""
    energy = _energy(gradient)
    return energy / (_energy(change) + regularisation.square() * energy).clamp(min=FLOOR)


def _loss(residual: Tensor, regular: Tensor) -> Tensor:
    """(B,) mean square of all residuals."""
    number = residual[0].numel() + regular[0].numel()
    return (_energy(residual) + _energy(regular)).flatten() / number
