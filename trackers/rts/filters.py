"""Filters of many objects at once: applying them, and learning them by Gauss-Newton steepest descent.

Steepest descent on `|r(w)|²` (DiMP, ICCV 2019, Eq. 6-8; LWL, Eq. 5; RTS, Sec. 3.3): `u = r(w)`, `g = Jᵀu`, `h = Jg`,
`a = |g|² / |h|²`, `w ← w - a·g`. J and Jᵀ are written out: no autograd within the iterations, so that everything stays
differentiable once, for training.

**Layout of samples**: (N, B, C, H, W), slots first and objects second: the first n slots of neighbouring lanes of an arena are
a view (`arena[:n, a:b]`), which is read as it stands and never copied.

How it is computed depends on what is fastest (measured, see the card). On a CPU, a filter of several outputs is applied slot by
slot, all objects of a slot in one grouped convolution: a slot's samples stay in the cache, which is three times as fast as one
call for all. Elsewhere, and for filters of one output, a filter of s x s cells is applied as s² products of a single cell each,
in one batched matrix product, whose results are shifted and added.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

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
        stacked = _single(features).reshape(1, count * channels, *features.shape[2:])
        kernels = _single(filters).reshape(count * outputs, channels, side, side)
        scores = F.conv2d(stacked, kernels, padding=side // 2, groups=count)
        return scores.reshape(count, outputs, *scores.shape[2:])


def _single(values: Tensor) -> Tensor:
    """At least single precision."""
    return values if values.dtype == torch.float64 else values.float()


def correlate(samples: Tensor, filters: Tensor) -> Tensor:
    """Each object's filter on all samples of that object.

    Args:
        samples: (N, B, C, H, W).
        filters: (B, K, C, s, s).

    Returns:
        (N, B, K, H', W'), as `apply_filters`.
    """
    if _slot_by_slot(samples, filters.shape[1]):
        return torch.stack([apply_filters(slot, filters) for slot in samples.unbind()])
    number, count, channels, height, width = samples.shape
    outputs, side = filters.shape[1], filters.shape[-1]
    pad = side // 2
    taps = filters.permute(0, 1, 3, 4, 2).reshape(count, -1, channels)  # (B, K·s², C)
    parts = torch.matmul(taps, samples.flatten(3)).reshape(number, count, outputs, side * side, height, width)
    parts = F.pad(parts, (pad, pad, pad, pad))
    rows, columns = height + 2 * pad - side + 1, width + 2 * pad - side + 1
    total = parts[..., 0, :rows, :columns]
    for tap in range(1, side * side):
        row, column = divmod(tap, side)
        total = total + parts[..., tap, row : row + rows, column : column + columns]
    return total


def gather(samples: Tensor, residuals: Tensor, side: int) -> Tensor:
    """The transpose of `correlate`: gradient of a sum of residuals with respect to the filters.

    Args:
        samples: (N, B, C, H, W).
        residuals: (N, B, K, H', W').
        side: s.

    Returns:
        (B, K, C, s, s).
    """
    number, count, channels, height, width = samples.shape
    outputs = residuals.shape[2]
    if _slot_by_slot(samples, outputs):
        total = _gather_slot(samples[0], residuals[0], side)
        for slot in range(1, number):
            total = total + _gather_slot(samples[slot], residuals[slot], side)
        return total
    pad = side - 1 - side // 2
    padded = F.pad(residuals, (pad, pad, pad, pad))
    last = side - 1
    shifted = [
        padded[..., last - row : last - row + height, last - column : last - column + width]
        for row in range(side)
        for column in range(side)
    ]
    stacked = torch.stack(shifted, dim=3).reshape(number, count, outputs * side * side, height * width)
    taps = torch.matmul(stacked, samples.flatten(3).transpose(2, 3)).sum(0)  # (B, K·s², C)
    return taps.reshape(count, outputs, side, side, channels).permute(0, 1, 4, 2, 3)


def _slot_by_slot(samples: Tensor, outputs: int) -> bool:
    return samples.device.type == "cpu" and outputs > 1


def _gather_slot(samples: Tensor, residuals: Tensor, side: int) -> Tensor:
    """`gather` of one slot: (B, C, H, W) and (B, K, H', W')."""
    count, channels = samples.shape[:2]
    outputs = residuals.shape[1]
    kernels: Tensor = conv2d_weight(  # type: ignore[no-untyped-call]
        samples.flatten(0, 1)[None],
        (count * outputs, channels, side, side),
        residuals.flatten(0, 1)[None],
        padding=side // 2,
        groups=count,
    )
    return kernels.reshape(count, outputs, channels, side, side)


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
        samples: (N, B, C, H, W) segmentation features; slots that are not filled hold any finite numbers.
        labels: (N, B, K, H, W) encodings E of the samples' masks.
        weights: (N, B, K, H, W) their weights W.
        importance: (N, B) q, the samples' weights in memory: they enter as they are, not by their root. 0 for slots that are
            not filled.
        filters: (B, K, C, s, s) to start from.
        regularisation: λ, one number.
        iterations: how many.
        watch: sees every iterate and its loss.

    Returns:
        (B, K, C, s, s).
    """
    with full(samples):
        samples, side = _single(samples), filters.shape[-1]
        strength = weights * importance[:, :, None, None, None]
        residual = strength * (correlate(samples, filters) - labels)
        for step in range(iterations):
            if watch is not None:
                watch(step, filters, _loss(residual, regularisation * filters))
            gradient = gather(samples, strength * residual, side) + regularisation.square() * filters
            change = strength * correlate(samples, gradient)
            length = _length(gradient, change, regularisation)
            filters = filters - length[:, None, None, None, None] * gradient
            # The residual is linear in the filter, so it moves along with it and is never computed anew.
            residual = residual - length[:, None, None, None] * change
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
        samples: (N, B, C, H, W) classification features; slots that are not filled hold any finite numbers.
        labels: (N, B, H', W') Gaussians y.
        importance: (N, B) q, sum 1; `1/n` each where the samples have no weights yet. 0 for slots that are not filled.
        filters: (B, 1, C, s, s) to start from.
        iterations: how many.
        watch: sees every iterate and its loss.

    Returns:
        (B, 1, C, s, s).
    """
    with full(samples):
        samples, side = _single(samples), filters.shape[-1]
        target = labels[:, :, None]
        slope = ((target > 0.05).to(target.dtype) + 0.1).clamp(max=1)
        root = importance.sqrt()[:, :, None, None, None]
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
            filters = filters - length[:, None, None, None, None] * gradient
            scores = scores - length[:, None, None, None] * moved
        if watch is not None:
            residual = root * (_activation(scores, slope) - slope * target)
            watch(iterations, filters, _loss(residual, reg * filters))
        return filters


def _activation(scores: Tensor, slope: Tensor) -> Tensor:
    return (1 - slope) / 2 * scores.abs() + (1 + slope) / 2 * scores


def _energy(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """(B,) sum of squares of each object; `dims` are all others."""
    return values.square().sum(dim=dims)


#: All axes but the objects': of residuals (N, B, K, H, W), and of filters (B, K, C, s, s).
_RESIDUAL, _FILTER = (0, 2, 3, 4), (1, 2, 3, 4)


def _length(gradient: Tensor, change: Tensor, regularisation: Tensor) -> Tensor:
    """(B,) step that minimises the quadratic along the gradient."""
    energy = _energy(gradient, _FILTER)
    return energy / (_energy(change, _RESIDUAL) + regularisation.square() * energy).clamp(min=FLOOR)


def _loss(residual: Tensor, regular: Tensor) -> Tensor:
    """(B,) mean square of all residuals."""
    number = residual[:, 0].numel() + regular[0].numel()
    return (_energy(residual, _RESIDUAL) + _energy(regular, _FILTER)) / number
