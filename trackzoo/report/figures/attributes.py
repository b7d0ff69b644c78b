"""A metric by attribute, as bars and radars show it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.metrics.ope import average
from trackzoo.metrics.types import Floats
from trackzoo.report.columns import column
from trackzoo.report.figures.drawn import board_title
from trackzoo.report.model import Board


@dataclass(frozen=True)
class AttributeChart:
    """One metric of T trackers over the sequences that carry each of A attributes.

    Attributes:
        title: what it shows.
        label: the metric with its unit.
        attributes: (A) names.
        counts: (A) number of sequences that carry each.
        trackers: (T) names, best first.
        values: (T, A) in the metric's unit; NaN where not known.
        notes: what a reader must know, a line each.
    """

    title: str
    label: str
    attributes: tuple[str, ...]
    counts: tuple[int, ...]
    trackers: tuple[str, ...]
    values: Floats
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `TrackzooError` for values that do not fit the names."""
        shape = (len(self.trackers), len(self.attributes))
        if self.values.shape != shape or len(self.counts) != shape[1]:
            raise TrackzooError(f"attribute chart: found values of shape {self.values.shape}, expected {shape}")

    def top(self, count: int) -> AttributeChart:
        """The first `count` trackers, with a note on how many are left out."""
        left = len(self.trackers) - count
        if left <= 0:
            return self
        note = f"The first {count} of {len(self.trackers)} trackers."
        return replace(self, trackers=self.trackers[:count], values=self.values[:count], notes=(*self.notes, note))


def chart(board: Board, metric: str = "") -> AttributeChart | None:
    """The chart of a board's runs that may be ranked, averaged as the profile averages; None where there is nothing to show.

    Args:
        board: the runs.
        metric: name in `Scores.per_sequence`; by default the one that ranks.
    """
    metric = metric or board.main.metric
    names = list(dict.fromkeys(name for sequence in board.names for name in board.attributes.get(sequence, ())))
    runs = [entry for entry in board.entries if entry.complete or board.common]
    runs = [entry for entry in runs if metric in entry.scores.per_sequence]
    if not names or not runs:
        return None
    scores = runs[0].scores
    carried = {
        name: np.array([name in board.attributes.get(sequence, ()) for sequence in scores.groups or scores.names])
        for name in names
    }
    counts = [sum(name in board.attributes.get(sequence, ()) for sequence in scores.sequences) for name in names]
    values = np.full((len(runs), len(names)), math.nan)
    for row, entry in enumerate(runs):
        each, weights = entry.scores.per_sequence[metric], entry.scores.weights.get(metric)
        for place, chosen in enumerate(carried.values()):
            if chosen.any():
                values[row, place] = average(each[chosen], None if weights is None else weights[chosen])
    facts = column(metric)
    left = [entry.tracker for entry in board.entries if entry not in runs]
    return AttributeChart(
        f"{facts.title} by attribute on {board_title(board)}",
        f"{facts.title} [{facts.unit}]" if facts.unit else facts.title,
        tuple(names),
        tuple(counts),
        tuple(entry.tracker for entry in runs),
        values,
        (f"Not shown, being incomplete: {', '.join(left)}.",) if left else (),
    )
