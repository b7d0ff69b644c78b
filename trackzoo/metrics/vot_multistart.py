"""VOT's anchor-based measures (VOT2020 to 2022): accuracy, robustness, EAO over runs from anchors (metrics SPEC §6).

A run goes from its anchor to an end of the video, forward or backward, and is not restarted: once the overlap has stayed at
or below 0.1 for ten frames it has failed, and `progress` counts the frames before. Equal to vot-toolkit 0.9.0. numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.geometry import Floats

#: A run has failed after so many frames in a row with an overlap that is not above the threshold.
GRACE, THRESHOLD = 10, 0.1

#: First and last length of run, in frames, over which EAO is averaged: VOT2020, 2021 and 2022.
INTERVAL = (115, 755)


@dataclass(frozen=True)
class AnchorRun:
    """One run from an anchor, in the order in which it went. L = number of frames, its anchor included.

    Attributes:
        overlaps: (L,) overlap with the truth, fraction; that of the anchor is 0.
        progress: frames before it failed; L when it did not.
    """

    overlaps: Floats
    progress: int

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.progress < len(self.overlaps)


@dataclass(frozen=True)
class MultistartScores:
    """Scores of one tracker on S sequences, fractions.

    Attributes:
        accuracy: mean overlap before failure, weighted by the sequences' `before_failure`.
        robustness: share of the frames before failure, weighted by the sequences' `lengths`.
        sequence_accuracy, sequence_robustness: (S,) the same for each sequence.
        before_failure: (S,) frames before failure, over all runs.
        lengths: (S,) frames of the sequences.
        curve: expected overlap of a run of 0, 1, … frames.
        phi, active: (S, T) the curve of each sequence, and the number of runs that each of its points is the mean of.
        eao: mean of the curve over the interval.
        interval: the interval.
    """

    accuracy: float
    robustness: float
    sequence_accuracy: Floats
    sequence_robustness: Floats
    before_failure: Floats
    lengths: Floats
    curve: Floats
    phi: Floats
    active: Floats
    eao: float
    interval: tuple[int, int]


def progress(overlaps: Floats, empty: NDArray[np.bool_], grace: int = GRACE, threshold: float = THRESHOLD) -> int:
    """Frames of a run before it failed; its length where it did not.

    Args:
        overlaps: (L,) in the order of the run. The anchor's own, 0, is looked at too.
        empty: (L,) frames without a target; they break a row of low overlaps.
        grace: so many low overlaps in a row are a failure.
        threshold: an overlap up to it is low.
    """
    low = (overlaps <= threshold) & ~empty
    if len(low) < grace:
        return len(low)
    counts = np.concatenate([[0], np.cumsum(low)])
    rows = np.flatnonzero(counts[grace:] - counts[:-grace] == grace)
    return int(rows[0]) if rows.size else len(low)


def run(overlaps: Floats, empty: NDArray[np.bool_]) -> AnchorRun:
    """A run with its progress; see `progress`."""
    return AnchorRun(overlaps, progress(overlaps, empty))


def expected_overlaps(runs: ListOf[AnchorRun], high: int) -> tuple[Floats, Floats]:
    """Curve of one sequence: (phi, active), both (high,); index 0 is empty.

    A run that ended well says nothing about lengths beyond its own; one that failed goes on with overlap 0. Its mean is
    then taken over one frame less than the length, as the toolkit does.
    """
    lengths = np.arange(high, dtype=np.float64)
    total, active = np.zeros(high), np.zeros(high)
    for each in runs:
        length = len(each.overlaps)
        sums = np.cumsum(np.where(np.arange(1, length) < each.progress, each.overlaps[1:], 0))
        own = min(length, high)
        total[1:own] += sums[: own - 1] / lengths[1:own]
        active[1:own] += 1
        if each.failed and length < high:
            total[length:] += sums[-1] / (lengths[length:] - 1)
            active[length:] += 1
    return np.divide(total, active, out=np.zeros(high), where=active > 0), active


def multistart(
    sequences: ListOf[ListOf[AnchorRun]], lengths: ListOf[int], interval: tuple[int, int] = INTERVAL
) -> MultistartScores:
    """Accuracy, robustness and EAO.

    Args:
        sequences: the runs of each of S sequences.
        lengths: (S,) frames of the sequences.
        interval: first and last length over which EAO is averaged. The toolkit's curve stops one short of the last.
    """
    low, high = interval
    frames = np.array([sum(len(each.overlaps) for each in runs) for runs in sequences], dtype=np.float64)
    before = np.array([sum(each.progress for each in runs) for runs in sequences], dtype=np.float64)
    sums = np.array([sum(float(each.overlaps[: each.progress].sum()) for each in runs) for runs in sequences])
    accuracy = np.divide(sums, before, out=np.zeros(len(sums)), where=before > 0)
    robustness = np.divide(before, frames, out=np.zeros(len(sums)), where=frames > 0)
    weights = np.array(lengths, dtype=np.float64)
    curves = [expected_overlaps(runs, high) for runs in sequences]
    phi, active = np.stack([curve[0] for curve in curves]), np.stack([curve[1] for curve in curves])
    count = active.sum(axis=0)
    curve = np.divide((phi * active).sum(axis=0), count, out=np.zeros(high), where=count > 0)
    return MultistartScores(
        accuracy=float((accuracy * before).sum() / before.sum()) if before.any() else 0.0,
        robustness=float((robustness * weights).sum() / weights.sum()),
        sequence_accuracy=accuracy,
        sequence_robustness=robustness,
        before_failure=before,
        lengths=weights,
        curve=curve,
        phi=phi,
        active=active,
        eao=float(curve[low : high + 1].mean()),
        interval=interval,
    )
