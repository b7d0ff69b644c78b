"""Threshold axes: the exact doubles that each toolkit compares with, and counting along them.

Ties at a threshold are real (an overlap of 13/20 occurs), so the last bit of a threshold decides about frames. Counting is a
histogram with exact edges: equal to comparing every frame with every threshold, without the T × F table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trackzoo.metrics.types import Floats

Counts = NDArray[np.integer[Any]]
Rule = Literal["above", "at_least", "within"]


@dataclass(frozen=True)
class Axis:
    """Evenly spaced thresholds of a curve and the test that a frame passes.

    Attributes:
        thresholds: (T,) ascending, exactly as the toolkit makes them.
        unit: `overlap`, `px` or `normalized`.
        rule: `above` (value > t), `at_least` (value >= t) or `within` (value <= t). NaN passes none of them.
    """

    thresholds: Floats
    unit: str
    rule: Rule
    _padded: Floats = field(init=False, repr=False)
    _step: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        step = float(self.thresholds[-1] - self.thresholds[0]) / (len(self.thresholds) - 1)
        grid = step * np.arange(len(self.thresholds))
        if self.thresholds[0] != 0 or np.abs(self.thresholds - grid).max() > step / 1000:
            raise ValueError("thresholds must begin at 0 and be evenly spaced")
        object.__setattr__(self, "_padded", np.concatenate([[-np.inf], self.thresholds, [np.inf]]))
        object.__setattr__(self, "_step", step)

    def __len__(self) -> int:
        return len(self.thresholds)

    def ranks(self, values: Floats) -> Counts:
        """Number of thresholds (F,) that lie below each value (for `above` and `within`), or at or below it (`at_least`).

        The nearest threshold is found by rounding, which may be off by one only half a step away from any threshold; one
        comparison with the threshold's own double then decides exactly. This is `np.searchsorted`, several times faster.
        """
        first, last = -self._step, self.thresholds[-1] + self._step
        # NaN must pass no test: rank 0 on a rising axis, the last rank on a falling one.
        inner, outer = (np.fmin, np.fmax) if self.rule == "within" else (np.fmax, np.fmin)
        nearest = outer(
            inner(values, last if self.rule == "within" else first), first if self.rule == "within" else last
        )
        ranks = np.rint(nearest / self._step).astype(np.intp)
        edges = self._padded.take(ranks + 1)
        passed = edges <= nearest if self.rule == "at_least" else edges < nearest
        np.add(ranks, passed, out=ranks)
        return ranks

    def counts(self, values: Floats, sequence: Counts, sequences: int) -> Counts:
        """How many frames of each sequence pass each threshold.

        Args:
            values: (F,) overlaps or distances.
            sequence: (F,) index of the frame's sequence, 0..`sequences` - 1.
            sequences: number of sequences S.

        Returns:
            (S, T) counts.
        """
        bins = len(self) + 1
        histogram = np.bincount(sequence * bins + self.ranks(values), minlength=sequences * bins).reshape(
            sequences, bins
        )
        if self.rule == "within":  # value <= t_k exactly when at most k thresholds lie below it
            return np.cumsum(histogram[:, :-1], axis=1)
        return np.cumsum(histogram[:, :0:-1], axis=1)[:, ::-1]  # value > t_k exactly when more than k lie below it


def _torch_overlaps() -> Floats:
    """torch.arange(0, 1.05, 0.05) in float64: two of its points are one ulp above numpy's."""
    thresholds: Floats = 0.05 * np.arange(21.0)
    thresholds[[13, 15]] = np.nextafter(thresholds[[13, 15]], 1)
    return thresholds


#: 21 overlaps as pytracking's `torch.arange` makes them.
OVERLAP_TORCH = Axis(_torch_overlaps(), "overlap", "above")
#: 21 overlaps as numpy and MATLAB make them.
OVERLAP_21 = Axis(0.05 * np.arange(21.0), "overlap", "above")
#: GOT-10k's 101 overlaps.
OVERLAP_101 = Axis(np.linspace(0, 1, 101), "overlap", "above")
#: The doubles nearest to 0, 0.01, …, 1, reached rather than exceeded (strict).
OVERLAP_HUNDREDTHS = Axis(np.arange(101) / 100, "overlap", "at_least")
#: TrackingNet's 21 overlaps, reached rather than exceeded.
OVERLAP_AT_LEAST = Axis(np.linspace(0, 1, 21), "overlap", "at_least")
#: 0..50 pixels.
PIXELS_51 = Axis(np.arange(51.0), "px", "within")
#: TrackingNet's 21 distances.
PIXELS_21 = Axis(np.linspace(0, 50, 21), "px", "within")
#: 0..0.5 target sizes as hundredths (pytracking, pysot, MATLAB).
NORMALIZED_51 = Axis(np.arange(51) / 100, "normalized", "within")
#: The same by linspace (got10k): three of its points have another last bit.
NORMALIZED_LINSPACE = Axis(np.linspace(0, 0.5, 51), "normalized", "within")
#: TrackingNet's 21 normalized distances.
NORMALIZED_21 = Axis(np.linspace(0, 0.5, 21), "normalized", "within")
