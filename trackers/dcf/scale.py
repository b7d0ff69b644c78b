"""The scale filter: a correlation filter along the axis of scale (Danelljan et al., DSST, BMVC 2014).

The target is cut out in S sizes around the current one; the features of each cut are one sample of a signal of length S with
as many channels as there are features. Its filter is the closed form of DSST's equations 4 and 5.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trackzoo.trackers.dcf.filter import parabola


def scale_factors(count: int, step: float) -> Tensor:
    """(S,) float64: powers of `step`, 1 in the middle; `count` is odd."""
    return torch.pow(step, torch.arange(count, dtype=torch.float64) - count // 2)


def scale_label(count: int, sigma: float) -> Tensor:
    """Spectrum (S / 2 + 1,) of a Gaussian of `sigma` steps around the middle."""
    offsets = torch.arange(count, dtype=torch.float64) - count // 2
    label: Tensor = torch.fft.rfft(torch.exp(-0.5 * (offsets / sigma) ** 2))
    return label


def scale_parts(spectra: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator and denominator of the filter that one sample asks for (DSST, equation 4).

    Args:
        spectra: (B, D, S / 2 + 1) complex128.
        label: (S / 2 + 1,).

    Returns:
        (B, D, S / 2 + 1) complex128 and (B, S / 2 + 1) float64.
    """
    conjugate = spectra.conj().resolve_conj()
    return conjugate * label, (spectra * conjugate).real.sum(1)


def scale_offsets(spectra: Tensor, numerators: Tensor, denominators: Tensor, count: int, ridge: float) -> Tensor:
    """By how many steps the target has grown, (B,) float64, to a part of a step (DSST, equation 5).

    Args:
        spectra: (B, D, S / 2 + 1) of the sample.
        numerators, denominators: running means of `scale_parts`.
        count: S.
        ridge: added to the denominator, as a part of its mean.
    """
    bottom = denominators + ridge * denominators.mean(1, keepdim=True).clamp(min=1e-12)
    response = torch.fft.irfft((spectra * numerators).sum(1) / bottom, n=count)
    peak, index = response.max(1)
    each = torch.arange(len(response), device=response.device)
    offsets: Tensor = (
        index + parabola(response[each, index - 1], peak, response[each, (index + 1) % count]) - count // 2
    )
    return offsets
