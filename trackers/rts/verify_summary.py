"""How the goldens keep a tensor: shape, mean, standard deviation and a strided part; and how near ours must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from trackzoo.parity.tolerance import EXACT, Array, Tolerance, absolute

#: Share of a tensor's standard deviation.
SHARE = 1e-3
#: Names of a summary's parts.
PARTS = ("shape", "mean", "std", "sub")


def summary(name: str, tensor: Tensor, strides: tuple[int, ...]) -> Iterator[tuple[str, object]]:
    """`name/shape`, `/mean`, `/std` (unbiased), `/sub`: every stride-th value of each axis; stride 0 is 1."""
    values = tensor.detach().float().cpu()
    yield f"{name}/shape", list(values.shape)
    yield f"{name}/mean", float(values.double().mean())
    yield f"{name}/std", float(values.double().std())
    yield f"{name}/sub", values[tuple(slice(None, None, stride or None) for stride in strides)].numpy()


def summary_rules(name: str, golden: Mapping[str, Array]) -> dict[str, Tolerance]:
    """Rules of a summary: within a share of the standard deviation."""
    deviation = float(golden[f"{name}/std"]) if f"{name}/std" in golden else 1.0
    # A filter of zeros (the first iterate) has to be zero.
    near = absolute(SHARE * deviation)
    return {f"{name}/shape": EXACT, **{f"{name}/{part}": near for part in PARTS[1:]}}
