"""Intervals over sequences agree with scipy's; pairs and repetitions do what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boxmade import results, truths
from hypothesis import given, settings, strategies as st
from scipy import stats

from trackzoo.errors import TrackzooError
from trackzoo.metrics import Scores, evaluate
from trackzoo.metrics.bootstrap import duel, interval, intervals, spread


@pytest.fixture(scope="module")
def pair() -> tuple[Scores, Scores]:
    annotation = truths(0, sequences=40)
    good, bad = results(1, annotation, 0.1), results(2, annotation, 0.25)
    return evaluate("strict", annotation, [good]), evaluate("strict", annotation, [bad])


@pytest.mark.parametrize("method", ["bca", "percentile"])
@pytest.mark.parametrize(("size", "skewed"), [(12, True), (60, True), (120, False)])
def test_scipy_gives_the_same_interval(method: str, size: int, skewed: bool) -> None:
    random = np.random.default_rng(size)
    values = 100 * (random.random(size) ** 4 if skewed else random.random(size))
    ours = interval(values, resamples=60_000, method=method)  # type: ignore[arg-type]
    theirs = stats.bootstrap((values,), np.mean, n_resamples=60_000, method=method, rng=np.random.default_rng(1))
    scale = theirs.standard_error
    assert ours.value == pytest.approx(values.mean())
    assert ours.error == pytest.approx(scale, rel=0.03)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * scale)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * scale)


def test_scipy_gives_the_same_interval_with_weights() -> None:
    random = np.random.default_rng(3)
    values, weights = random.random(80), random.integers(20, 500, 80).astype(float)

    def mean(v: np.ndarray, w: np.ndarray, axis: int) -> np.ndarray:
        return (v * w).sum(axis=axis) / w.sum(axis=axis)

    ours = interval(values, weights, resamples=60_000)
    theirs = stats.bootstrap(
        (values, weights), mean, paired=True, n_resamples=60_000, method="bca", rng=np.random.default_rng(1)
    )
    limits = (theirs.confidence_interval.low, theirs.confidence_interval.high)
    assert (ours.low, ours.high) == pytest.approx(limits, abs=0.06 * theirs.standard_error)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    held = 0
    for seed in range(200):
        found = interval(random.normal(5, 2, 40), confidence=0.9, resamples=500, seed=seed)
        held += found.low <= 5 <= found.high
    assert 0.84 < held / 200 < 0.95


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(st.floats(0, 100), min_size=1, max_size=30),
    seed=st.integers(0, 100),
    method=st.sampled_from(["bca", "percentile"]),
)
def test_intervals_lie_within_the_values_and_repeat(values: list[float], seed: int, method: str) -> None:
    array = np.array(values)
    found = interval(array, resamples=200, seed=seed, method=method)  # type: ignore[arg-type]
    assert array.min() - 1e-9 <= found.low <= found.high <= array.max() + 1e-9
    assert found == interval(array, resamples=200, seed=seed, method=method)  # type: ignore[arg-type]
    shifted = interval(array + 10, resamples=200, seed=seed, method="percentile")
    plain = interval(array, resamples=200, seed=seed, method="percentile")
    assert shifted.low == pytest.approx(plain.low + 10, abs=1e-9)


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(50)
    whole = interval(values, resamples=1000)
    monkeypatch.setattr("trackzoo.metrics.bootstrap._CELLS", 777)
    assert interval(values, resamples=1000) == whole


def test_every_metric_has_an_interval(pair: tuple[Scores, Scores]) -> None:
    found = intervals(pair[0], resamples=500)
    assert found.keys() == pair[0].metrics.keys()
    for name, each in found.items():
        assert each.value == pytest.approx(pair[0].metrics[name])
        assert each.low <= each.value <= each.high


def test_a_pair_is_told_apart_although_their_intervals_overlap(pair: tuple[Scores, Scores]) -> None:
    better = pair[0]
    values = np.asarray(better.per_sequence["auc"])
    worse = replace(better, per_sequence={"auc": values - np.linspace(0.1, 2, len(values))})
    found = duel(better, worse, "auc", resamples=2000)
    assert found.difference.value == pytest.approx(1.05)
    assert not found.tied
    assert (found.wins, found.ties, found.losses) == (40, 0, 0)
    alone = [interval(each.per_sequence["auc"], resamples=2000) for each in (better, worse)]
    assert alone[0].low < alone[1].high
    assert duel(better, worse, "auc", margin=1.05, resamples=10).ties == 20


def test_a_tracker_ties_with_itself_and_duels_are_symmetric(pair: tuple[Scores, Scores]) -> None:
    same = duel(pair[0], pair[0], "op50", resamples=100)
    assert same.tied
    assert (same.wins, same.ties, same.losses) == (0, 40, 0)
    there = duel(*pair, "auc", resamples=500, method="percentile")
    back = duel(pair[1], pair[0], "auc", resamples=500, method="percentile")
    assert there.difference.value == -back.difference.value
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert (there.wins, there.losses) == (back.losses, back.wins)


def test_sequences_without_weight_are_left_out() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan])
    weights = np.array([1.0, 1.0, 1.0, 0.0])
    assert interval(values, weights, resamples=100) == interval(values[:3], np.ones(3), resamples=100)
    assert np.isnan(interval(values, resamples=100).low)


def test_what_cannot_be_compared_is_refused(pair: tuple[Scores, Scores]) -> None:
    with pytest.raises(TrackzooError, match="under 'strict' version 1 with 'stark' version 1"):
        duel(pair[0], replace(pair[1], profile="stark"), "auc")
    with pytest.raises(TrackzooError, match=r"other sequences \(40 and 1\)"):
        duel(pair[0], replace(pair[1], names=("a",)), "auc")
    with pytest.raises(TrackzooError, match="no values per sequence of 'ao' under 'strict'; known: auc"):
        duel(*pair, "ao")
    with pytest.raises(TrackzooError, match="confidence 2"):
        interval(np.ones(3), confidence=2)
    with pytest.raises(TrackzooError, match="shape"):
        interval(np.ones((3, 2)))


def test_spread_over_repetitions() -> None:
    annotation = truths(5, sequences=4)
    runs = [results(seed, annotation) for seed in (6, 7, 8)]
    found = spread(evaluate("pytracking", annotation, runs))["auc"]
    single = [evaluate("pytracking", annotation, [run]).metrics["auc"] for run in runs]
    assert found == pytest.approx((np.mean(single), np.std(single, ddof=1)))
    assert np.isnan(spread(evaluate("pytracking", annotation, runs[:1]))["auc"][1])
