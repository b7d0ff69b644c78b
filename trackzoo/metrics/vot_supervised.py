"""VOT's reset-based measures (VOT2015 to 2019): accuracy, failures, EAO over runs that are restarted (metrics SPEC §7).

A trajectory has the codes 1 where the tracker was started, 2 where it failed, and 0 on the frames skipped after that. Equal to
vot-toolkit 0.9.0. numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.geometry import Floats

START, FAILURE, SKIPPED = 1, 2, 0

#: Frames from each start on that accuracy leaves out: they flatter the tracker.
BURN_IN = 10
#: Of the reliability in AR plots.
SENSITIVITY = 30.0

#: First and last length of run, in frames, over which EAO is averaged, by year.
INTERVALS = {2015: (108, 371), 2016: (108, 371), 2017: (100, 356), 2018: (100, 356), 2019: (46, 291)}
USUAL_INTERVAL = (100, 356)


@dataclass(frozen=True)
class Reset:
    """One reset-based run over a sequence of N frames.

    Attributes:
        overlaps: (N,) overlap with the truth, fraction; anything where there is a code.
        codes: (N,) 0, 1 or 2, and -1 where there is a region.
    """

    overlaps: Floats
    codes: NDArray[np.int64]

    @property
    def failures(self) -> int:
        """Number of failures."""
        return int((self.codes == FAILURE).sum())


@dataclass(frozen=True)
class SupervisedScores:
    """Scores of one tracker on S sequences.

    Attributes:
        accuracy: mean overlap, fraction, weighted by the sequences' lengths.
        failures: mean number of failures a sequence, likewise weighted: the "R" that tables of those years print.
        reliability: `exp(-30 failures / mean length)`: the horizontal axis of AR plots.
        sequence_accuracy, sequence_failures, sequence_reliability: (S,) the same for each sequence.
        lengths: (S,) frames of the sequences.
        mean_length: their mean.
        curve: expected overlap of a run of 0, 1, … frames, float32 as the toolkit holds it.
        eao: mean of the curve over the interval; NaN where the curve ends before it begins.
        interval: the interval.
    """

    accuracy: float
    failures: float
    reliability: float
    sequence_accuracy: Floats
    sequence_failures: Floats
    sequence_reliability: Floats
    lengths: Floats
    mean_length: float
    curve: NDArray[np.float32]
    eao: float
    interval: tuple[int, int]


def accuracy(run: Reset, burn_in: int = BURN_IN) -> float:
    """Mean overlap of a run, without codes and without `burn_in` frames from each start on; 0 where nothing is left."""
    counted = (run.codes != SKIPPED) & (run.codes != FAILURE)
    for start in np.flatnonzero(run.codes == START):
        counted[start : start + burn_in] = False
    return float(run.overlaps[counted].mean()) if counted.any() else 0.0


def fragments(run: Reset) -> list[tuple[Floats, bool]]:
    """The parts of a run from each start to the failure that ended it (left out): (overlaps, whether it failed)."""
    starts, failures = np.flatnonzero(run.codes == START), np.flatnonzero(run.codes == FAILURE)
    if not failures.size:
        return [(run.overlaps, False)]
    parts = [(run.overlaps[a:b], True) for a, b in zip(starts, failures, strict=False)]
    if len(starts) > len(failures):
        parts.append((run.overlaps[starts[-1] :], False))
    return parts


def expected_overlap(parts: ListOf[tuple[Floats, bool]]) -> NDArray[np.float32]:
    """Curve over lengths of run: mean over the fragments of the mean overlap of their frames 1 to j.

    A failed fragment goes on with overlap 0, another one counts up to its own length.
    """
    longest = max((len(part) for part, _ in parts), default=0)
    total, count = told(parts, longest)
    return np.asarray(np.divide(total, count, out=np.zeros(longest), where=count > 0), dtype=np.float32)


def told(parts: ListOf[tuple[Floats, bool]], longest: int) -> tuple[Floats, Floats]:
    """What fragments tell of runs of 0 … `longest` - 1 frames, (T,) each: sum of their mean overlaps, and how many they are."""
    if not longest or not parts:
        return np.zeros(longest), np.zeros(longest)
    padded, mask = np.zeros((len(parts), longest), dtype=np.float32), np.zeros((len(parts), longest), dtype=np.float32)
    for row, (part, failed) in enumerate(parts):
        padded[row, : len(part)] = part
        mask[row, : longest if failed else len(part)] = 1
    # The start's own overlap is no overlap; index 0 is only itself.
    means = padded.astype(np.float64)
    means[:, 1:] = np.cumsum(means[:, 1:], axis=1) / np.arange(1, longest)
    return (means * mask).sum(axis=0), mask.sum(axis=0, dtype=np.float64)


def average(curve: NDArray[np.float32], interval: tuple[int, int]) -> float:
    """Mean of a curve over an interval, both ends included, as far as the curve goes; NaN where it does not reach it."""
    part = curve[interval[0] : interval[1] + 1]
    return float(part.mean(dtype=np.float64)) if part.size else float("nan")


def supervised(sequences: ListOf[ListOf[Reset]], interval: tuple[int, int] = USUAL_INTERVAL) -> SupervisedScores:
    """Accuracy, failures and EAO.

    Args:
        sequences: the repetitions of each of S sequences; at least one each, of equal length.
        interval: first and last length over which EAO is averaged.
    """
    lengths = np.array([len(runs[0].overlaps) for runs in sequences], dtype=np.float64)
    each_accuracy = np.array([np.mean([accuracy(run) for run in runs]) for runs in sequences])
    each_failures = np.array([np.mean([run.failures for run in runs]) for runs in sequences])
    failures = float((each_failures * lengths).sum() / lengths.sum())
    curve = expected_overlap([part for runs in sequences for run in runs for part in fragments(run)])
    return SupervisedScores(
        accuracy=float((each_accuracy * lengths).sum() / lengths.sum()),
        failures=failures,
        reliability=float(np.exp(-SENSITIVITY * failures / lengths.mean())),
        sequence_accuracy=each_accuracy,
        sequence_failures=each_failures,
        sequence_reliability=np.exp(-SENSITIVITY * each_failures / lengths),
        lengths=lengths,
        mean_length=float(lengths.mean()),
        curve=curve,
        eao=average(curve, interval),
        interval=interval,
    )
