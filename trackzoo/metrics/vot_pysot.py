"""Profile `pysot` of reset-based runs (StrangerZhang/pysot-toolkit, commit 8b5ced3; metrics SPEC §7).

It differs from the VOT toolkit's in how polygons are drawn (`trackzoo.metrics.pysot_overlaps`) and, in EAO, in how fragments
are cut: each begins at the first frame or five frames after a failure and ends where the next one starts, and the last one
counts up to its end alone. numpy alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError
from trackzoo.geometry import Floats
from trackzoo.metrics.pysot_overlaps import overlap, overlaps, reach
from trackzoo.metrics.vot_overlaps import RegionTruth, codes
from trackzoo.metrics.vot_supervised import FAILURE, START
from trackzoo.regions import Region

#: Frames from a failure to the next start.
SKIP = 5
#: Frames that accuracy leaves out from each start on, the start itself among them.
BURN_IN = 10


@dataclass(frozen=True)
class PysotScores:
    """Scores of one tracker on S sequences.

    Attributes:
        accuracy: mean overlap over all frames of all sequences, fraction.
        lost: failures on all sequences, mean over the repetitions.
        robustness: failures a hundred frames.
        eao: fraction; NaN where no run reaches the interval.
        curve: expected overlap of a run of 0, 1, … frames, float32 as the toolkit keeps it.
        sequence_accuracy, sequence_lost: (S,) of each sequence.
        known: (S,) frames that accuracy is the mean of.
        sums, totals: (S, T) what each sequence's runs add to the curve: overlaps times weights, and weights.
        lengths: (S,) frames of the sequences.
    """

    accuracy: float
    lost: float
    robustness: float
    eao: float
    curve: NDArray[np.float32]
    sequence_accuracy: Floats
    sequence_lost: Floats
    known: Floats
    sums: Floats
    totals: Floats
    lengths: Floats


def pysot(truths: ListOf[RegionTruth], runs: ListOf[ListOf[ListOf[Region]]], interval: tuple[int, int]) -> PysotScores:
    """Accuracy, lost number, robustness and EAO.

    Args:
        truths: annotation of S sequences.
        runs: `runs[s][r]` = regions of repetition r on sequence s, one a frame.
        interval: first and last length that EAO is averaged over.

    Raises:
        ResultsError: a run with another number of frames than its annotation.
    """
    accuracies, losts, tells = [], [], []
    lengths = np.array([len(truth) for truth in truths], dtype=np.float64)
    longest = int(lengths.max())
    for truth, repetitions in zip(truths, runs, strict=True):
        marks = []
        for regions in repetitions:
            if len(regions) != len(truth):
                raise ResultsError(truth.name, f"{len(regions)} regions", f"{len(truth)}, one a frame", "run it again")
            marks.append(codes(regions))
        annotated = [shape.region for shape in truth.shapes]
        found = [overlaps(regions, annotated, truth.size) for regions in repetitions]
        accuracies.append(_mean([_without_starts(one, mark) for one, mark in zip(found, marks, strict=True)]))
        losts.append(float(np.mean([(mark == FAILURE).sum() for mark in marks])))
        parts = [
            part
            for regions, mark, known in zip(repetitions, marks, found, strict=True)
            for part in fragments(_smaller(truth, regions, known), mark)
        ]
        tells.append(told(parts, np.array([part.share / len(repetitions) for part in parts]), longest))
    everything = np.concatenate(accuracies)
    lost = float(np.sum(losts))
    sums, totals = (np.stack(each) for each in zip(*tells, strict=True))
    curve = expected_overlap(sums.sum(axis=0), totals.sum(axis=0))
    return PysotScores(
        accuracy=_nanmean(everything),
        lost=lost,
        robustness=100 * lost / float(lengths.sum()),
        eao=average(curve, interval),
        curve=curve,
        sequence_accuracy=np.array([_nanmean(each) for each in accuracies]),
        sequence_lost=np.array(losts),
        known=np.array([float((~np.isnan(each)).sum()) for each in accuracies]),
        sums=sums,
        totals=totals,
        lengths=lengths,
    )


def average(curve: NDArray[np.float32], interval: tuple[int, int]) -> float:
    """EAO: mean over indices low - 1 to high - 1 of the curve, as far as it goes; NaN where it ends before."""
    part = curve[interval[0] - 1 : interval[1]]
    return float(part.mean(dtype=np.float64)) if part.size else float("nan")


def _smaller(truth: RegionTruth, regions: ListOf[Region], known: Floats) -> Floats:
    """The overlaps in a picture that is one pixel smaller, in which EAO is counted; only what reaches its edge differs."""
    width, height = truth.size
    counted = known.copy()
    for index in np.flatnonzero(~np.isnan(known)).tolist():
        pair = regions[index], truth.shapes[index].region
        if any(right >= width or bottom >= height for _, _, right, bottom in map(reach, pair)):
            counted[index] = overlap(*pair, (width - 1, height - 1))
    return counted


def _without_starts(overlaps: Floats, marks: NDArray[np.int64]) -> Floats:
    left = overlaps.copy()
    for start in np.flatnonzero(marks == START):
        left[start : start + BURN_IN] = np.nan
    return left


def _mean(rows: ListOf[Floats]) -> Floats:
    """Mean over the repetitions, frame by frame, of those that have the frame."""
    table = np.stack(rows)
    count = (~np.isnan(table)).sum(axis=0)
    return np.asarray(np.divide(np.nansum(table, axis=0), count, out=np.full(table.shape[1], np.nan), where=count > 0))


def _nanmean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


@dataclass(frozen=True, eq=False)
class Fragment:
    """A part of a run between two starts.

    Attributes:
        overlaps: one a frame; NaN where unknown.
        failed: it ended with a failure.
        share: its weight within its run. The toolkit takes the share of its frames that carry the tag (every frame does), of
            which it counts one too many where the next start would lie just behind the video's last frame.
    """

    overlaps: Floats
    failed: bool
    share: float = 1.0


def fragments(overlaps: Floats, marks: NDArray[np.int64]) -> list[Fragment]:
    """The parts of a run: each begins at the first frame or `SKIP` frames after a failure and ends at the next one's start.

    With failures, codes count as overlap 0; without, they stay unknown. A failure so near to the end that no frame could be
    the next start, not even the one just behind the last, does not count.
    """
    failures = np.flatnonzero(marks == FAILURE)
    if not failures.size:
        return [Fragment(overlaps, False)]
    values, end = np.nan_to_num(overlaps), len(marks)
    starts = [0, *(int(at) + SKIP for at in failures if at + SKIP <= end)]
    found = [
        Fragment(part := values[start : after + 1], True, len(part) / (after + 1 - start))
        for start, after in itertools.pairwise(starts)
    ]
    return [*found, *([Fragment(values[starts[-1] :], False)] if starts[-1] < end else [])]


def told(parts: ListOf[Fragment], weights: Floats, longest: int) -> tuple[Floats, Floats]:
    """What fragments tell of runs of 0 … `longest` - 1 frames, (T,) each: their mean overlaps times weights, and weights.

    A failed part goes on with overlap 0 up to the longest sequence, another one is unknown after its end. Index 0 is 1.
    """
    table = np.full((len(parts), longest), np.nan)
    for row, part in enumerate(parts):
        table[row, : len(part.overlaps)] = part.overlaps
        if part.failed:
            table[row, len(part.overlaps) :] = 0
    known = ~np.isnan(table[:, 1:])
    means = np.cumsum(np.nan_to_num(table[:, 1:]), axis=1) / np.arange(1, longest)
    sums = np.where(known, means * weights[:, None], 0).sum(axis=0)
    whole = weights.sum(keepdims=True)
    return np.concatenate([whole, sums]), np.concatenate([whole, (weights[:, None] * known).sum(axis=0)])


def expected_overlap(sums: Floats, totals: Floats) -> NDArray[np.float32]:
    """Curve over lengths of run: what all fragments tell (`told`), NaN where none does."""
    curve = np.divide(sums, totals, out=np.full(len(sums), np.nan), where=totals > 0)
    return np.asarray(curve, dtype=np.float32)
