"""The translation filter, trained and applied in the Fourier domain.

Bolme et al. (MOSSE, CVPR 2010) found the filter whose correlation with a patch is a narrow peak on the target; Henriques et
al. (KCF, TPAMI 2015) and Danelljan et al. (DSST, BMVC 2014) gave it several channels. All train on the cyclic shifts of one
patch, so filters as large as the patch learn what wraps round its border. Galoogahi et al. (BACF, ICCV 2017) hold the filter
to the target's own size, so that all shifts but the central one are true background; that needs a few steps of ADMM.

Every function works on B filters at once. Maps have n x n cells, spectra n x (n / 2 + 1) (`torch.fft.rfft2`), n even.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Ridge on the confined filter, as a part of the patch's mean energy; small beside the penalties.
RIDGE = 1e-3


def hann(length: int) -> Tensor:
    """Cosine window without its zeros at the ends, (length,) float64."""
    return torch.hann_window(length + 2, periodic=False, dtype=torch.float64)[1:-1]


def gaussian_labels(cells: int, sigmas: Tensor) -> Tensor:
    """Wished responses: Gaussians around the patch's centre (MOSSE).

    Args:
        cells: n.
        sigmas: (B,) float64, in cells.

    Returns:
        (B, n, n), 1 at the centre, which for even n lies between four cells.
    """
    offsets = torch.arange(cells, dtype=torch.float64, device=sigmas.device) - (cells - 1) / 2
    row = torch.exp(-0.5 * (offsets / sigmas[:, None]) ** 2)
    return row[:, :, None] * row[:, None, :]


def boxes_at_origin(cells: int, extents: Tensor) -> Tensor:
    """Rectangles around the map's origin [0, 0], with which convolution moves nothing; at least 3 x 3 cells.

    Args:
        cells: n.
        extents: (B, 2) float64, width and height in cells.

    Returns:
        (B, n, n) of 0 and 1.
    """
    index = torch.arange(cells, dtype=torch.float64, device=extents.device)
    distance = torch.minimum(index, cells - index)  # the map is cyclic
    inside = distance <= (extents / 2).clamp(min=1)[:, :, None]  # (B, 2, n)
    return (inside[:, 1, :, None] & inside[:, 0, None, :]).double()


def train(spectra: Tensor, labels: Tensor, supports: Tensor, regularisation: float, iterations: int) -> Tensor:
    """Filters whose responses to their own patches come near the labels, zero outside their supports.

    Per object, over spectra f of K channels, with y the label's spectrum and h the filter: minimise

        |y - sum_k f_k h_k|^2 + ridge |h|^2   with h zero outside its support in space.

    ADMM splits h into a free copy g and a confined copy h that are made to agree (BACF; here in scaled form, u the dual). The
    step for g is a ridge regression in each frequency by itself; its K x K matrix is a diagonal plus one of rank one, which
    Sherman and Morrison's formula inverts:

        w = h - u,   g = w + conj(f) (y - sum_k f_k w_k) / (penalty + sum_k |f_k|^2)
        h = what is left of g + u inside the support,   u = u + g - h

    A few steps with a penalty that grows tenfold at each are enough for tracking, where the next frame goes on; they stop
    short of the minimum, and the first penalty decides how far: it does what a ridge does elsewhere.

    With `iterations` 0 the support is ignored and the filter is DSST's (equation 3): conj(f) y / (sum |f|^2 + regularisation).

    Args:
        spectra: (B, K, n, n / 2 + 1) complex128 of the windowed features.
        labels: (B, n, n / 2 + 1) complex128.
        supports: (B, n, n).
        regularisation: the first penalty (or DSST's ridge), as a part of the patch's mean energy, so that it means the same in
            rich and in poor texture.
        iterations: steps of ADMM.

    Returns:
        (B, K, n, n / 2 + 1) complex128.
    """
    cells = spectra.shape[-2]
    conjugate = spectra.conj().resolve_conj()
    energy = (spectra * conjugate).real.sum(1, keepdim=True)
    mean = energy.mean((-1, -2), keepdim=True).clamp(min=1e-12)  # a patch without any texture has none
    wished = labels[:, None]
    penalty = regularisation * mean
    # The first step starts from nothing: DSST's filter.
    free = conjugate * (wished / (energy + penalty))
    dual = torch.zeros_like(spectra)
    for step in range(iterations):
        dual = dual + free
        confine = supports[:, None] * (penalty / (penalty + RIDGE * mean))
        confined: Tensor = torch.fft.rfft2(torch.fft.irfft2(dual, s=(cells, cells)).mul_(confine))
        if step == iterations - 1:
            return confined
        dual = dual.sub_(confined).mul_(0.1)  # the scaled dual shrinks as the penalty grows
        penalty = penalty * 10
        start = confined - dual
        rest = wished - (spectra * start).sum(1, keepdim=True)
        free = start + conjugate * (rest / (energy + penalty))
    return free


def respond(spectra: Tensor, filters: Tensor, fine: int) -> Tensor:
    """Responses of filters to patches, interpolated.

    Args:
        spectra: (B, K, n, n / 2 + 1) of the windowed features.
        filters: the same shape.
        fine: samples for each cell, even or 1.

    Returns:
        (B, n * fine, n * fine) float64; the interpolation is trigonometric, that is, the spectrum padded with zeros
        (Danelljan et al., fDSST, TPAMI 2017).
    """
    product = (spectra * filters).sum(1)
    cells = product.shape[-2]
    half, size = cells // 2, cells * fine
    if fine > 1:
        padded = product.new_zeros(len(product), size, size // 2 + 1)
        padded[:, :half, :half] = product[:, :half, :half]
        padded[:, -half + 1 :, :half] = product[:, -half + 1 :, :half]
        product = padded * fine**2
    responses: Tensor = torch.fft.irfft2(product, s=(size, size))
    return responses


def parabola(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Where the parabola through three neighbouring samples has its top, -0.5..0.5 from the middle one; 0 where it has none."""
    bend = before - 2 * peak + after
    return torch.where(bend < 0, 0.5 * (before - after) / bend, torch.zeros_like(peak)).clamp(-0.5, 0.5)


def locate(responses: Tensor) -> tuple[Tensor, Tensor]:
    """Highest point of each response.

    Args:
        responses: (B, m, m), cyclic.

    Returns:
        (B, 2) int64 column and row of the highest sample, and (B, 2) float64 the same to a part of a sample.
    """
    count, size = len(responses), responses.shape[-1]
    peak, index = responses.flatten(1).max(1)
    row, column = index // size, index % size
    each = torch.arange(count, device=responses.device)
    x = column + parabola(responses[each, row, column - 1], peak, responses[each, row, (column + 1) % size])
    y = row + parabola(responses[each, row - 1, column], peak, responses[each, (row + 1) % size, column])
    return torch.stack([column, row], 1), torch.stack([x, y], 1)


def peak_to_sidelobe(responses: Tensor, radius: int) -> Tensor:
    """Peak to sidelobe ratio: how many standard deviations the peak stands above the rest (MOSSE, on failures).

    Args:
        responses: (B, m, m).
        radius: of the square around the peak that is left out, in samples.

    Returns:
        (B,) float64; about 5 for chance, 20 and more for a target that is plainly there.
    """
    peaks, _ = locate(responses)
    index = torch.arange(responses.shape[-1], device=responses.device)
    far = (index - peaks[:, :, None]).abs() > radius  # (B, 2, m)
    rest = (far[:, 1, :, None] | far[:, 0, None, :]).double()
    count = rest.sum((1, 2))
    mean = (responses * rest).sum((1, 2)) / count
    variance = ((responses - mean[:, None, None]) ** 2 * rest).sum((1, 2)) / count
    return (responses.amax((1, 2)) - mean) / variance.sqrt().clamp(min=1e-9)
