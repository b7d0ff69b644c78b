"""How pysot's toolkit draws shapes: each rule on a case small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trackzoo.errors import TrackzooError
from trackzoo.metrics.pysot_overlaps import overlap, overlaps
from trackzoo.metrics.vot_pysot import fragments
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special

PICTURE = (100, 80)
corners = st.floats(-20, 120, width=32)
shapes = st.one_of(
    st.builds(Rectangle, corners, corners, st.floats(0, 60, width=32), st.floats(0, 60, width=32)),
    st.builds(Polygon, st.lists(st.tuples(corners, corners), min_size=3, max_size=5).map(tuple)),
)


def pixels(region: Region) -> int:
    """Pixels that a shape has, read off its overlap with a box of 50 x 40 around it."""
    around = Rectangle(10, 10, 49, 39)
    return round(overlap(region, around, PICTURE) * 2000)


def test_a_box_reaches_its_far_corner() -> None:
    """5 x 4 reaches over 6 columns and 5 rows; level edges give nothing, the upright ones both rows."""
    assert pixels(Rectangle(20, 20, 5, 4)) == 30
    assert pixels(Polygon(((20, 20), (25, 20), (25, 24), (20, 24)))) == 30


def test_halves_are_rounded_away_from_zero() -> None:
    """VOT rounds them to even: 20.5 to 20, 24.5 to 24."""
    assert pixels(Rectangle(20.5, 20.5, 4, 3)) == 20
    assert overlap(Rectangle(20.5, 20, 4, 4), Rectangle(21, 20, 4, 4), PICTURE) == 1
    assert overlap(Rectangle(-0.5, 20, 4, 4), Rectangle(-1, 20, 5, 4), PICTURE) == 1


def test_a_tip_is_not_drawn() -> None:
    """Rows 20 to 24 of a triangle that stands on its tip: 9, 7, 5, 3 pixels, and none for the tip."""
    assert pixels(Polygon(((20, 20), (28, 20), (24, 24)))) == 24


def test_two_equal_nodes_count_once() -> None:
    """An arrow: on row 22 its inner corner gives two nodes between the borders; on row 24 each leg's tip gives two."""
    arrow = Polygon(((20, 20), (28, 20), (28, 24), (24, 22), (20, 24)))
    # 20 to 28 on rows 20 to 22, the legs 20 to 22 and 26 to 28 on row 23. Row 24 is filled
    # from tip to tip, as the toolkit has it.
    assert pixels(arrow) == 3 * 9 + (3 + 3) + 9


def test_bounds_are_columns_and_rows_that_still_count() -> None:
    inside, across = Rectangle(95, 10, 4, 4), Rectangle(95, 10, 20, 4)
    assert overlap(inside, across, (100, 80)) == pytest.approx(5 / 6)
    assert overlap(inside, across, (99, 79)) == 1
    assert overlap(Rectangle(110, 10, 5, 5), Rectangle(110, 10, 5, 5), PICTURE) == 0
    assert overlap(Rectangle(-9, 10, 5, 5), Rectangle(-9, 10, 5, 5), PICTURE) == 0


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_code_is_unknown_and_a_point_refused(code: int) -> None:
    box = Rectangle(20, 20, 5, 4)
    assert math.isnan(overlap(Special(code), box, PICTURE))
    assert math.isnan(overlap(box, Special(code), PICTURE))
    with pytest.raises(TrackzooError, match="covers no pixels"):
        overlap(Point(3, 4), box, PICTURE)


def test_a_mask_counts_as_it_is() -> None:
    mask = Mask(20, 20, np.ones((5, 6), dtype=bool))
    assert overlap(mask, Rectangle(20, 20, 5, 4), PICTURE) == 1
    assert overlap(mask, mask, PICTURE) == 1
    assert overlap(mask, Mask(70, 20, np.ones((5, 6), dtype=bool)), PICTURE) == 0


@given(shapes, shapes)
def test_overlaps_are_fractions_and_symmetric(first: Region, second: Region) -> None:
    value = overlap(first, second, PICTURE)
    assert 0 <= value <= 1
    assert value == overlap(second, first, PICTURE)
    assert value == np.float32(value)
    assert overlaps([first, second], [second, first], PICTURE).tolist() == [value, value]


@given(
    st.integers(0, 49),
    st.integers(0, 50),
    st.integers(1, 30),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 9),
)
def test_boxes_inside_the_picture_count_by_arithmetic(x: int, y: int, w: int, h: int, dx: int, dy: int) -> None:
    first, second = Rectangle(x, y, w, h), Rectangle(x + dx, y + dy, w, h)
    both = max(w + 1 - dx, 0) * max(h + 1 - dy, 0)
    expected = both / (2 * (w + 1) * (h + 1) - both)
    assert overlap(first, second, PICTURE) == np.float32(expected)


def run(length: int, *failures: int) -> list[tuple[int, bool, float]]:
    """Fragments of a run with these failures: (frames, failed, share)."""
    marks = np.full(length, -1)
    marks[list(failures)] = 2
    return [(len(part.overlaps), part.failed, part.share) for part in fragments(np.ones(length), marks)]


def test_where_runs_are_cut() -> None:
    assert run(30) == [(30, False, 1)]
    assert run(30, 8) == [(14, True, 1), (17, False, 1)]
    # The next start is the last frame.
    assert run(30, 24) == [(30, True, 1), (1, False, 1)]
    # It would be just behind it: a failed fragment all the same, with one frame too many in its share.
    assert run(30, 25) == [(30, True, 30 / 31)]
    # It would lie farther: as if it had not failed.
    assert run(30, 26) == [(30, False, 1)]
    assert run(30, 8, 27) == [(14, True, 1), (17, False, 1)]
