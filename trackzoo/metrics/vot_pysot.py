"""Profile `pysot` of reset-based runs (StrangerZhang/pysot-toolkit, commit 8b5ced3; metrics SPEC §7).

Its EAO differs from the VOT toolkit's in how fragments are cut: each begins at the first frame or five frames after a failure
and ends where the next one starts, and the last one counts up to its end alone. numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import ResultsError
from trackzoo.geometry import Floats
from trackzoo.metrics.vot_overlaps import RegionTruth, codes
from trackzoo.metrics.vot_supervised import FAILURE, START
from trackzoo.rasterise import pixel_bounds
from trackzoo.regions import Region

#: Frames from a failure to the next start.
SKIP = 5
#: Frames behind each start that accuracy leaves out, beside the start itself.
BURN_IN = 10


@dataclass(frozen=True)
class PysotScores:
    """Scores of one tracker on S sequences.

    Attributes:
        accuracy: mean overlap over all frames of all sequences, fraction.
        lost: failures on all sequences, mean over the repetitions.
        robustness: failures a hundred frames.
        eao: fraction; NaN where no run reaches the interval.
        curve: expected overlap of a run of 0, 1, … frames.
        sequence_accuracy, sequence_lost: (S,) of each sequence.
    """

    accuracy: float
    lost: float
    robustness: float
    eao: float
    curve: Floats
    sequence_accuracy: Floats
    sequence_lost: Floats


def pysot(truths: ListOf[RegionTruth], runs: ListOf[ListOf[ListOf[Region]]], interval: tuple[int, int]) -> PysotScores:
    """Accuracy, lost number, robustness and EAO.

    Args:
        truths: annotation of S sequences.
        runs: `runs[s][r]` = regions of repetition r on sequence s, one a frame.
        interval: first and last length that EAO is averaged over.

    Raises:
        ResultsError: a run with another number of frames than its annotation.
    """
    accuracies, losts, parts, weights, lengths = [], [], [], [], []
    frames = sum(len(truth) for truth in truths)
    for truth, repetitions in zip(truths, runs, strict=True):
        marks = []
        for regions in repetitions:
            if len(regions) != len(truth):
                raise ResultsError(truth.name, f"{len(regions)} regions", f"{len(truth)}, one a frame", "run it again")
            marks.append(codes(regions))
        overlaps = [_known(truth.overlaps(regions), mark) for regions, mark in zip(repetitions, marks, strict=True)]
        accuracies.append(_mean([_without_starts(one, mark) for one, mark in zip(overlaps, marks, strict=True)]))
        losts.append(float(np.mean([(mark == FAILURE).sum() for mark in marks])))
        for regions, mark, known in zip(repetitions, marks, overlaps, strict=True):
            found = fragments(_smaller(truth, regions, known), mark)
            parts += found
            weights += [1 / len(repetitions)] * len(found)
        lengths.append(len(truth))
    everything = np.concatenate(accuracies)
    lost = float(np.sum(losts))
    curve = expected_overlap(parts, np.array(weights), max(lengths))
    part = curve[interval[0] - 1 : interval[1]]
    return PysotScores(
        accuracy=_nanmean(everything),
        lost=lost,
        robustness=100 * lost / frames,
        eao=float(part.mean(dtype=np.float64)) if part.size else float("nan"),
        curve=curve.astype(np.float64),
        sequence_accuracy=np.array([_nanmean(each) for each in accuracies]),
        sequence_lost=np.array(losts),
    )


def _known(overlaps: Floats, marks: NDArray[np.int64]) -> Floats:
    """Overlaps in float32 as the toolkit holds them, NaN where there is a code."""
    return np.where(marks >= 0, np.nan, overlaps.astype(np.float32).astype(np.float64))


def _smaller(truth: RegionTruth, regions: ListOf[Region], overlaps: Floats) -> Floats:
    """The overlaps in a picture that is one pixel smaller, in which EAO is counted; only what reaches its edge differs."""
    width, height = truth.size
    edge = [
        index
        for index, (region, annotated) in enumerate(zip(regions, truth.shapes, strict=True))
        if not np.isnan(overlaps[index])
        and any(
            bounds[2] >= width - 1 or bounds[3] >= height - 1 for bounds in (pixel_bounds(region), annotated.bounds)
        )
    ]
    found = overlaps.copy()
    again = truth.overlaps([regions[index] for index in edge], edge, (width - 1, height - 1))
    found[edge] = again.astype(np.float32)
    return found


def _without_starts(overlaps: Floats, marks: NDArray[np.int64]) -> Floats:
    left = overlaps.copy()
    for start in np.flatnonzero(marks == START):
        left[start : start + BURN_IN + 1] = np.nan
    return left


def _mean(rows: ListOf[Floats]) -> Floats:
    """Mean over the repetitions, frame by frame, of those that have the frame."""
    table = np.stack(rows)
    count = (~np.isnan(table)).sum(axis=0)
    return np.asarray(np.divide(np.nansum(table, axis=0), count, out=np.full(table.shape[1], np.nan), where=count > 0))


def _nanmean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def fragments(overlaps: Floats, marks: NDArray[np.int64]) -> list[tuple[Floats, bool]]:
    """The parts of a run: (overlaps, whether it failed).

    With failures, codes count as overlap 0; without, they stay unknown.
    """
    failures = np.flatnonzero(marks == FAILURE)
    if not failures.size:
        return [(overlaps, False)]
    values = np.nan_to_num(overlaps)
    starts = [0, *(int(at) + SKIP for at in failures if at + SKIP < len(marks))]
    found = []
    for place, start in enumerate(starts):
        last = place == len(starts) - 1
        end = len(marks) if last else starts[place + 1] + 1
        failed = place < len(failures)
        found.append((values[start:end], failed and not last))
    return found


def expected_overlap(parts: ListOf[tuple[Floats, bool]], weights: Floats, longest: int) -> NDArray[np.float32]:
    """Curve over lengths of run; index 0 is 1.

    A failed part goes on with overlap 0 up to the longest sequence, another one is unknown after its end.
    """
    table = np.full((len(parts), longest), np.nan)
    for row, (part, failed) in enumerate(parts):
        table[row, : len(part)] = part
        if failed:
            table[row, len(part) :] = 0
    curve = np.ones(longest, dtype=np.float32)
    sums = np.cumsum(np.nan_to_num(table[:, 1:]), axis=1)
    counts = np.arange(1, longest)
    known = ~np.isnan(table[:, 1:])
    means = sums / counts
    total = (weights[:, None] * known).sum(axis=0)
    value = np.where(known, means * weights[:, None], 0).sum(axis=0)
    curve[1:] = np.divide(value, total, out=np.full(longest - 1, np.nan), where=total > 0)
    return curve
