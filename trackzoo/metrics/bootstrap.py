"""How sure a figure is: intervals by resampling the sequences, paired differences between trackers, spread over repetitions.

Sequences are what a benchmark sampled from the world, so they are what is resampled (with replacement, as many as there are).
B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993; BCa intervals: chapter 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence as ListOf
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Floats, Pooled, Scores

Method = Literal["bca", "percentile"]

#: Resamples held in memory at once, times sequences.
_CELLS = 1 << 22


@dataclass(frozen=True)
class Interval:
    """A figure and where it lies with some confidence; all in the unit of the values.

    Attributes:
        value: the figure itself.
        low: lower end.
        high: upper end.
        error: standard error.
        confidence: share of samples whose interval holds the true figure, e.g. 0.95.
    """

    value: float
    low: float
    high: float
    error: float
    confidence: float


@dataclass(frozen=True)
class Duel:
    """Two trackers on the same sequences.

    Attributes:
        metric: what is compared.
        difference: first minus second over the data set, with its interval from resampling both on the same sequences.
        wins: sequences where the first is better by more than the margin.
        ties: sequences where they are within the margin.
        losses: sequences where the second is better.
    """

    metric: str
    difference: Interval
    wins: int
    ties: int
    losses: int

    @property
    def tied(self) -> bool:
        """Whether the difference is within what another choice of sequences could have turned."""
        return self.difference.low <= 0 <= self.difference.high


def interval(
    values: Floats,
    weights: Floats | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    method: Method = "bca",
) -> Interval:
    """Interval of the (weighted) mean of a value per sequence.

    Args:
        values: (S,) one value a sequence.
        weights: (S,) weight of each in the mean; None is the plain mean. Sequences of weight 0 are left out.
        confidence: 0 < confidence < 1.
        resamples: number of resamples.
        seed: of the resampling; equal seeds resample equal sequences.
        method: bias-corrected and accelerated, or plain percentiles.

    Raises:
        TrackzooError: settings out of range, arrays that do not fit, or no sequence.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values) or (weights is not None and weights.shape != values.shape):
        raise TrackzooError(
            f"bootstrap: found values of shape {values.shape}, expected one for each of 1 or more sequences"
        )
    if not 0 < confidence < 1 or resamples < 1:
        raise TrackzooError(
            f"bootstrap: confidence {confidence:g} and {resamples} resamples; expected 0..1 and at least 1"
        )
    if weights is not None:
        values, weights = values[weights > 0], weights[weights > 0]
    value = float(np.average(values, weights=weights)) if len(values) else float("nan")
    if not np.isfinite(values).all() or not len(values):
        nan = float("nan")
        return Interval(value, nan, nan, nan, confidence)
    means = np.concatenate(list(_resampled(values, weights, resamples, seed)))
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca":
        tails = _corrected(tails, means, value, _jackknife(values, weights))
    low, high = np.quantile(means, tails)
    return Interval(value, float(low), float(high), float(means.std(ddof=1)) if resamples > 1 else 0.0, confidence)


def intervals(scores: Scores, metrics: Iterable[str] | None = None, **settings: Any) -> dict[str, Interval]:
    """Intervals of some metrics (default: all) of one tracker. `settings` as for `interval`."""
    chosen = scores.metrics if metrics is None else metrics
    return {
        name: interval_of_pooled(scores.pooled[name], **settings)
        if name in scores.pooled
        else interval(*by_sequence(scores, _of(scores, name), scores.weights.get(name)), **settings)
        for name in chosen
    }


def by_sequence(scores: Scores, values: Floats, weights: Floats | None) -> tuple[Floats, Floats | None]:
    """Values and weights of sequences out of those of `scores.names`: the same mean, and what is to be resampled.

    Objects of one video have its troubles in common, so that videos are drawn, not objects. A video's value is the mean of its
    objects', its weight the sum of theirs. Scores whose names are sequences are given back as they are.
    """
    if not scores.groups:
        return values, weights
    place = {name: number for number, name in enumerate(scores.sequences)}
    index = np.array([place[name] for name in scores.groups], dtype=np.intp)
    each = np.ones(len(values)) if weights is None else weights
    total: Floats = np.asarray(np.bincount(index, each, len(place)), dtype=np.float64)
    part = np.where(each > 0, values, 0.0) * each
    summed: Floats = np.asarray(np.bincount(index, part, len(place)), dtype=np.float64)
    return np.divide(summed, total, out=np.zeros(len(place)), where=total > 0), total


def interval_of_parts(parts: ListOf[tuple[Floats, Floats]], **settings: Any) -> Interval:
    """Interval (BCa) of a figure that is the plain mean of several weighted means over the same sequences, as G is.

    A resample that misses a part altogether (no sequence with an unseen class) is left out.

    Args:
        parts: (values (S,), weights (S,)) of each; weight 0 takes a sequence out of a part.
        settings: as for `interval_of_pooled`.

    Raises:
        TrackzooError: no part, or arrays that do not fit.
    """
    if not parts or len({array.shape for part in parts for array in part}) != 1 or parts[0][0].ndim != 1:
        raise TrackzooError("bootstrap: expected parts with a value and a weight for each of the same sequences")
    sums = np.stack([np.where(weights > 0, values, 0.0) * weights for values, weights in parts], axis=1)
    totals = np.stack([weights for _, weights in parts], axis=1)
    return interval_of_pooled(Pooled(sums, totals), **settings)


def interval_of_pooled(
    pooled: Pooled, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0, method: Method = "bca"
) -> Interval:
    """Interval of a figure that is no mean over sequences. A resample in which it is unknown is left out.

    Args:
        pooled: how the figure comes from the sequences.
        confidence, resamples, seed, method: see `interval`.

    Raises:
        TrackzooError: arrays that do not fit, or no sequence.
    """
    return _interval([pooled], confidence, resamples, seed, method)


def _interval(terms: ListOf[Pooled], confidence: float, resamples: int, seed: int, method: Method) -> Interval:
    """Interval of one figure, or of the first minus the second, both resampled alike."""
    shapes = {array.shape[:1] for term in terms for array in (term.sums, term.totals)}
    if len(shapes) != 1 or any(term.sums.shape != term.totals.shape or not term.sums.size for term in terms):
        raise TrackzooError("bootstrap: expected sums and weights of each point for the same sequences, one or more")
    count, nan = len(terms[0].sums), float("nan")

    def figure(drawn: Floats) -> Floats:
        found = _pooled(terms[0], drawn)
        return found if len(terms) == 1 else found - _pooled(terms[1], drawn)

    value = float(figure(np.ones((1, count)))[0])
    whole = resamples * count <= _CELLS
    drawn = [_kept(count, resamples, seed)] if whole else _drawn(count, resamples, seed)
    means = np.concatenate([figure(piece) for rows in drawn for piece in _pieces(rows, terms[0].sums.shape[1])])
    means = means[np.isfinite(means)]
    if not np.isfinite(value) or len(means) < 2:
        return Interval(value, nan, nan, nan, confidence)
    left_out = figure(1 - np.eye(count))
    left_out = left_out[np.isfinite(left_out)]
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca" and len(left_out):
        tails = _corrected(tails, means, value, left_out)
    low, high = np.quantile(means, tails)
    return Interval(value, float(low), float(high), float(means.std(ddof=1)), confidence)


def _pieces(drawn: Floats, points: int) -> Iterator[Floats]:
    """Rows of `drawn` few enough that a value for each point of each fits into memory."""
    rows = max(1, _CELLS // max(points, 1))
    return (drawn[begin : begin + rows] for begin in range(0, len(drawn), rows))


def _pooled(pooled: Pooled, drawn: Floats) -> Floats:
    """The figure in each of R resamples, given how often each sequence is in each, (R, S); NaN where it is unknown."""
    sums, totals = drawn @ pooled.sums, drawn @ pooled.totals
    ratios = np.divide(sums, totals, out=np.full_like(sums, pooled.empty), where=totals > 0)
    if pooled.reach is None:
        return np.asarray(ratios.mean(axis=1))
    reached = drawn @ pooled.reach > 0
    points = reached.sum(axis=1)
    found: Floats = np.full(len(drawn), np.nan)
    np.divide(np.where(reached, ratios, 0).sum(axis=1), points, out=found, where=points > 0)
    return found


def duel(first: Scores, second: Scores, metric: str, *, margin: float = 0.0, **settings: Any) -> Duel:
    """Compare two trackers that were scored on the same sequences under the same profile.

    Args:
        first: scores of one.
        second: scores of the other.
        metric: name in `Scores.per_sequence` or `Scores.pooled`; higher is better. What is pooled is taken of each sequence by
            itself for wins, ties and losses; where that is unknown for one of them they tie.
        margin: per-sequence differences up to this many percent points are ties.
        settings: as for `interval`.

    Raises:
        TrackzooError: other sequences, another profile, or no such metric.
    """
    if (first.profile, first.version, first.dataset) != (second.profile, second.version, second.dataset):
        raise TrackzooError(
            f"cannot compare scores under '{first.profile}' version {first.version} with '{second.profile}' version "
            f"{second.version}; evaluate both under one profile"
        )
    if first.names != second.names or first.groups != second.groups:
        raise TrackzooError(
            f"cannot compare scores on other sequences ({len(first.names)} and {len(second.names)}); evaluate both on the same"
        )
    if metric in first.pooled and metric in second.pooled:
        return _duel_of_pooled(metric, first.pooled[metric], second.pooled[metric], margin, **settings)
    gap = _of(first, metric) - _of(second, metric)
    weights, others = first.weights.get(metric), second.weights.get(metric)
    if (weights is None) != (others is None) or (weights is not None and not np.array_equal(weights, others)):  # type: ignore[arg-type]
        # A profile that leaves out sequences by their result weighs two trackers differently; a pair needs one weighing.
        weights = None
    gap, weights = by_sequence(first, gap, weights)
    counted = gap[weights > 0] if weights is not None else gap
    wins, losses = int((counted > margin).sum()), int((counted < -margin).sum())
    return Duel(metric, interval(gap, weights, **settings), wins, len(counted) - wins - losses, losses)


def _duel_of_pooled(metric: str, first: Pooled, second: Pooled, margin: float, **settings: Any) -> Duel:
    options = {"confidence": 0.95, "resamples": 10_000, "seed": 0, "method": "bca", **settings}
    each = np.eye(len(first.sums))
    gap = np.nan_to_num(_pooled(first, each) - _pooled(second, each))
    wins, losses = int((gap > margin).sum()), int((gap < -margin).sum())
    return Duel(metric, _interval([first, second], **options), wins, len(gap) - wins - losses, losses)


def spread(scores: Scores) -> dict[str, tuple[float, float]]:
    """Metric -> (mean, standard deviation) over repetitions; the deviation is NaN for a single one."""
    return {
        name: (float(runs.mean()), float(runs.std(ddof=1)) if len(runs) > 1 else float("nan"))
        for name, runs in scores.by_run.items()
    }


def _of(scores: Scores, metric: str) -> Floats:
    if metric not in scores.per_sequence:
        raise TrackzooError(
            f"no values per sequence of '{metric}' under '{scores.profile}'; known: {', '.join(scores.metrics)}"
        )
    return scores.per_sequence[metric]


def _resampled(values: Floats, weights: Floats | None, resamples: int, seed: int) -> Iterator[Floats]:
    """Means of resamples, in pieces. How often each sequence was drawn decides all: a matrix product does the rest."""
    n = len(values)
    whole = resamples * n <= _CELLS
    for counts in [_kept(n, resamples, seed)] if whole else _drawn(n, resamples, seed):
        if weights is None:
            yield counts @ values / n
        else:
            yield counts @ (values * weights) / (counts @ weights)


def _drawn(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each of `n` sequences is in each resample, (R, n), in pieces."""
    random = np.random.default_rng(seed)
    piece = max(1, _CELLS // n)
    for begin in range(0, resamples, piece):
        rows = min(piece, resamples - begin)
        drawn = random.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


@lru_cache(maxsize=1)
def _kept(n: int, resamples: int, seed: int) -> Floats:
    """All of `_drawn` where it is small: the figures and trackers of a table are resampled alike, drawing is the slow part."""
    return np.concatenate(list(_drawn(n, resamples, seed)))


def _jackknife(values: Floats, weights: Floats | None) -> Floats:
    """Means with one sequence left out each."""
    w = np.ones(len(values)) if weights is None else weights
    if len(values) == 1:
        return values
    return np.asarray(((values * w).sum() - values * w) / (w.sum() - w))


def _corrected(tails: Floats, means: Floats, value: float, left_out: Floats) -> NDArray[np.float64]:
    """Tail probabilities corrected for bias and skewness (Efron and Tibshirani, eqs. 14.9 to 14.15)."""
    normal = NormalDist()
    below = ((means < value).mean() + (means <= value).mean()) / 2
    if not 0 < below < 1:  # all resamples alike, e.g. one sequence: there is nothing to correct
        return tails
    bias = normal.inv_cdf(float(below))
    gaps = left_out.mean() - left_out
    scale = float((gaps**2).sum()) ** 1.5
    skew = float((gaps**3).sum()) / (6 * scale) if scale else 0.0
    shifted = np.array([bias + normal.inv_cdf(float(tail)) for tail in tails])
    return np.array([normal.cdf(float(z)) for z in bias + shifted / (1 - skew * shifted)])
