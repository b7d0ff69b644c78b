"""Scores over the sequences that carry an attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.metrics.ope import average
from trackzoo.metrics.types import Scores, Truth


@dataclass(frozen=True)
class AttributeScores:
    """Scores of one tracker over the sequences with one attribute.

    Attributes:
        attribute: its name.
        sequences: number of sequences that carry it.
        metrics: metric -> value over them, in the unit of `Scores.metrics`.
    """

    attribute: str
    sequences: int
    metrics: Mapping[str, float]


def by_attribute(scores: Scores, truths: ListOf[Truth]) -> dict[str, AttributeScores]:
    """The data set's mean, taken over the sequences of each attribute; attributes by name.

    Args:
        scores: of one tracker.
        truths: the annotation that it was scored on, in the same order.

    Raises:
        TrackzooError: the sequences are others.
    """
    if scores.names != tuple(truth.name for truth in truths):
        raise TrackzooError("scores by attribute: the annotation is not of the sequences that were scored")
    found = {}
    for attribute in sorted({name for truth in truths for name in truth.attributes}):
        carries = np.array([attribute in truth.attributes for truth in truths])
        found[attribute] = AttributeScores(attribute, int(carries.sum()), subset(scores, carries))
    return found


def subset(scores: Scores, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> dict[str, float]:
    """Metrics over the chosen sequences (S,) alone, averaged as the profile does over the data set."""
    return {
        name: float(average(scores.per_sequence[name][chosen], weights if weights is None else weights[chosen]))
        for name in scores.metrics
        for weights in [scores.weights.get(name)]
    }
