"""How sure the figures of a board are: intervals, the spread over repetitions, and trackers held against each other.

Intervals resample the sequences (`trackzoo.metrics.bootstrap`); a difference is resampled in pairs, both trackers on the same
sequences. Two trackers whose difference's interval holds 0 are told as a tie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from trackzoo.metrics.bootstrap import (
    Interval,
    by_sequence,
    duel,
    interval,
    interval_of_parts,
    interval_of_pooled,
    spread,
)
from trackzoo.metrics.types import Scores
from trackzoo.report.columns import Column
from trackzoo.report.model import Board, Entry

#: Share of intervals that hold the true figure.
CONFIDENCE = 0.95
#: Sequences on which two trackers differ by no more, in the metric's unit, count as ties: they print alike to one decimal.
MARGIN = 0.05

#: What G of YouTube-VOS is the mean of.
G_PARTS = ("j_seen", "j_unseen", "f_seen", "f_unseen")

Verdict = Literal["better", "worse", "tie"]


@dataclass(frozen=True)
class Versus:
    """One tracker against another on one board, for one metric.

    Attributes:
        metric: which.
        first, second: the trackers.
        values: their figures.
        difference: first minus second, with its interval.
        wins, ties, losses: sequences on which the first is better, alike within `MARGIN`, or worse.
        verdict: on the first; a tie where the interval of the difference holds 0.
    """

    metric: str
    first: str
    second: str
    values: tuple[float, float]
    difference: Interval
    wins: int
    ties: int
    losses: int
    verdict: Verdict

    @property
    def record(self) -> str:
        """Wins, ties and losses as `12/3/5`."""
        return f"{self.wins}/{self.ties}/{self.losses}"


def intervals_of(scores: Scores) -> dict[str, Interval]:
    """Metric -> interval, for the metrics that come from sequences; a single sequence says nothing about others."""
    if len(scores.sequences) < 2:
        return {}
    found = {metric: interval_of_pooled(pooled, confidence=CONFIDENCE) for metric, pooled in scores.pooled.items()}
    found |= {
        metric: interval(*by_sequence(scores, values, scores.weights.get(metric)), confidence=CONFIDENCE)
        for metric in scores.metrics
        if metric not in scores.pooled
        and (values := scores.per_sequence.get(metric)) is not None
        and _mean(scores, metric)
    }
    parts = [metric for metric in G_PARTS if metric in scores.per_sequence]
    if "g" in scores.metrics and len(parts) == len(G_PARTS):
        each = [by_sequence(scores, scores.per_sequence[part], scores.weights[part]) for part in parts]
        found["g"] = interval_of_parts(
            [(values, weights) for values, weights in each if weights is not None], confidence=CONFIDENCE
        )
    return found


def _mean(scores: Scores, metric: str) -> bool:
    """Whether a metric is the mean of its values per sequence; that of a profile that pools frames is not."""
    values, weights = scores.per_sequence[metric], scores.weights.get(metric)
    used = values == values if weights is None else weights > 0
    if not used.any():
        return False
    mean = float(values[used].mean() if weights is None else (values[used] * weights[used]).sum() / weights[used].sum())
    return math.isclose(mean, scores.metrics[metric], rel_tol=1e-4, abs_tol=1e-4)


def spread_of(entry: Entry, metric: str) -> float:
    """Standard deviation over repetitions; NaN where there is one only."""
    return spread(entry.scores).get(metric, (math.nan, math.nan))[1] if entry.repeats > 1 else math.nan


def versus(first: Entry, second: Entry, column: Column) -> Versus | None:
    """The first tracker against the second; None where they were not scored on the same sequences or the metric does not come
    from these."""
    metric = column.metric
    ours, theirs = first.scores, second.scores
    if ours.names != theirs.names or len(ours.sequences) < 2:
        return None
    if not all(
        metric in scores.pooled or (metric in scores.per_sequence and _mean(scores, metric))
        for scores in (ours, theirs)
    ):
        return None
    found = duel(ours, theirs, metric, margin=MARGIN, confidence=CONFIDENCE)
    wins, losses = (found.wins, found.losses) if column.higher else (found.losses, found.wins)
    gap = found.difference
    verdict: Verdict = "tie"
    if not found.tied and math.isfinite(gap.low):
        verdict = "better" if (gap.value > 0) == column.higher else "worse"
    values = ours.metrics[metric], theirs.metrics[metric]
    return Versus(metric, first.tracker, second.tracker, values, gap, wins, found.ties, losses, verdict)


def against_best(board: Board, column: Column) -> dict[str, Versus]:
    """Tracker -> how it stands against the best of a column, ranked ones alone, the best one itself left out."""
    ranked = [
        entry
        for entry in board.entries
        if (entry.complete or board.common)
        and not entry.random_weights
        and math.isfinite(entry.scores.metrics.get(column.metric, math.nan))
    ]
    if len(ranked) < 2:
        return {}
    sign = 1 if column.higher else -1
    best = max(ranked, key=lambda entry: sign * entry.scores.metrics[column.metric])
    found = {entry.tracker: versus(entry, best, column) for entry in ranked if entry is not best}
    return {tracker: each for tracker, each in found.items() if each is not None}


def pair(board: Board, first: str, second: str) -> list[Versus]:
    """Two trackers on a board, metric by metric; empty where one of them is not on it or they have other sequences."""
    entries = {entry.tracker: entry for entry in board.entries}
    if first not in entries or second not in entries:
        return []
    found = [versus(entries[first], entries[second], column) for column in board.columns]
    return [each for each in found if each is not None]
