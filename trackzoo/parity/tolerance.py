"""How far an array may be from the reference's: facts as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Tolerance:
    """Rule of comparison for one array.

    Attributes:
        kind: `absolute` deviation of each value; `relative` to the reference array's largest magnitude; `set`: the same
            values in any order; `exact`; `input`: what the reference was given, read and not compared; `near`: booleans or
            packed bits of which a share may differ; `overlap`: the same, by intersection over union.
        limit: largest deviation, share of deviating bits for `near`, smallest overlap for `overlap`.
    """

    kind: Literal["absolute", "relative", "exact", "set", "input", "near", "overlap"]
    limit: float = 0.0

    def __str__(self) -> str:
        return {
            "absolute": f"abs {self.limit:g}",
            "relative": f"rel {self.limit:g}",
            "near": f"share {self.limit:g}",
            "overlap": f"IoU {self.limit:g}",
        }.get(self.kind, self.kind)


def absolute(limit: float) -> Tolerance:
    """Each value within `limit`."""
    return Tolerance("absolute", limit)


def relative(limit: float) -> Tolerance:
    """Each value within `limit` times the reference array's largest magnitude."""
    return Tolerance("relative", limit)


EXACT = Tolerance("exact")
SET = Tolerance("set")
INPUT = Tolerance("input")


@dataclass(frozen=True)
class Deviation:
    """How two arrays differ.

    Attributes:
        absolute: largest difference; for sets and bits, how many elements stand in one alone; inf for NaN against a number.
        relative: the same relative to the reference's largest magnitude (for sets and bits: to their number).
        fits: whether the rule of comparison is kept.
        text: why it cannot be compared at all, or empty.
    """

    absolute: float
    relative: float
    fits: bool
    text: str = ""


def _bits(values: Array) -> NDArray[np.bool_]:
    """Booleans, or the bits of bytes."""
    packed = values.dtype == np.uint8
    return np.unpackbits(values.astype(np.uint8)).astype(np.bool_) if packed else values.astype(np.bool_)


def compare(ours: object, golden: Array, rule: Tolerance) -> Deviation:
    """Compare an array with the reference's under a rule; shapes must agree, except for sets."""
    found = np.asarray(ours)
    if rule.kind == "set":
        alone = len({*found.reshape(-1).tolist()} ^ {*golden.reshape(-1).tolist()})
        text = "" if found.size == golden.size else f"{found.size} values for {golden.size}"
        return Deviation(alone, alone / max(golden.size, 1), alone == 0 and not text, text)
    if found.shape != golden.shape:
        return Deviation(float("inf"), float("inf"), False, f"shape {found.shape} for {golden.shape}")
    if golden.dtype.kind in "US":
        off = float((found != golden).sum())
        return Deviation(off, off / max(golden.size, 1), off == 0)
    if rule.kind == "near":
        bits = np.unpackbits(found ^ golden) if golden.dtype == np.uint8 else found != golden
        share = float(bits.sum()) / max(bits.size, 1)
        return Deviation(float(bits.sum()), share, share <= rule.limit)
    if rule.kind == "overlap":
        one, other = _bits(found), _bits(golden)
        union = int((one | other).sum())
        iou = int((one & other).sum()) / union if union else 1.0
        return Deviation(float((one ^ other).sum()), 1 - iou, iou >= rule.limit)
    a, b = found.astype(np.float64), golden.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        off_by = np.where(same, 0.0, np.abs(a - b))
    off_by = np.where(np.isnan(off_by), np.inf, off_by)
    largest = float(off_by.max(initial=0))
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max(initial=0))
    share = largest / scale if scale else (0.0 if largest == 0 else float("inf"))
    limit = {"exact": 0.0, "absolute": rule.limit, "relative": rule.limit * scale}[rule.kind]
    return Deviation(largest, share, largest <= limit)
