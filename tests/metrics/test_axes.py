"""Counting along thresholds equals comparing every value with every threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.metrics import axes
from trackzoo.metrics.axes import Axis

ALL = {name: value for name, value in vars(axes).items() if isinstance(value, Axis)}


def compare(axis: Axis, values: np.ndarray) -> np.ndarray:
    """The definition: (F, T) of value against threshold."""
    table = values[:, None], axis.thresholds[None]
    return {"above": np.greater, "at_least": np.greater_equal, "within": np.less_equal}[axis.rule](*table)


@pytest.mark.parametrize("name", ALL)
def test_ties_neighbours_and_odd_values(name: str) -> None:
    axis = ALL[name]
    t, half = axis.thresholds, (axis.thresholds[1:] + axis.thresholds[:-1]) / 2
    special = [np.nan, np.inf, -np.inf, -1.0, -0.0, 1e300, -1e300, 5e-324]
    values = np.concatenate([t, np.nextafter(t, -9), np.nextafter(t, 99), half, np.nextafter(half, 99), special])
    expected = compare(axis, values)
    counts = axis.counts(values, np.arange(len(values)), len(values))
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_counts_equal_the_comparison(name: str, data: st.DataObject) -> None:
    axis = ALL[name]
    top = float(axis.thresholds[-1])
    # Rational overlaps and whole distances are what annotation in integers gives: ties are the rule, not the exception.
    ties = st.builds(lambda a, b: top * a / b, st.integers(0, 400), st.integers(1, 400))
    floats = st.floats(-1, 2 * top) | st.sampled_from([np.nan, np.inf]) | ties
    values = np.array(data.draw(st.lists(floats, min_size=1, max_size=60)), dtype=np.float64)
    owners = np.sort(np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values)))))
    expected = np.array([compare(axis, values[owners == index]).sum(axis=0) for index in range(5)])
    np.testing.assert_array_equal(axis.counts(values, owners, 5), expected)


def test_the_doubles_that_the_toolkits_have() -> None:
    # Where k * 0.05 is not the double nearest to the decimal, by toolkit.
    decimals = np.array([float(f"{k * 5 / 100:.2f}") for k in range(21)])
    assert np.flatnonzero(decimals != axes.OVERLAP_21.thresholds).tolist() == [3, 6, 7, 12, 14, 17, 19]
    assert np.flatnonzero(axes.OVERLAP_TORCH.thresholds != axes.OVERLAP_21.thresholds).tolist() == [13, 15]
    assert (axes.OVERLAP_21.thresholds == np.linspace(0, 1, 21)).all()
    assert (np.linspace(0, 1, 101) != axes.OVERLAP_HUNDREDTHS.thresholds).sum() == 10
    assert (axes.NORMALIZED_51.thresholds != axes.NORMALIZED_LINSPACE.thresholds).sum() == 3


def test_uneven_thresholds_are_refused() -> None:
    with pytest.raises(ValueError, match="evenly spaced"):
        Axis(np.array([0, 0.1, 0.3]), "overlap", "above")
