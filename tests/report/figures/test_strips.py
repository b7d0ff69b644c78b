"""Strips of frames and failures: where boxes and masks stand, and which frames are shown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from trackzoo.errors import TrackzooError
from trackzoo.regions import Mask, Rectangle as Box
from trackzoo.report.figures.failures import Failure, failures, worst
from trackzoo.report.figures.of_pictures import pixels
from trackzoo.report.figures.strip import ANNOTATION, Shot, Strip, evenly, strips, telling

GREY = np.full((60, 80, 3), 128, dtype=np.uint8)


def shot(**changes: object) -> Shot:
    settings: dict[str, object] = {
        "boxes": {"dcf": np.array([10.0, 20, 30, 15]), "static": np.array([12.0, 22, 30, 15])},
        "truth": np.array([11.0, 21, 30, 15]),
        **changes,
    }
    return Shot(GREY, "#4", **settings)  # type: ignore[arg-type]


def outlines(figure: Figure) -> dict[str, tuple[float, ...]]:
    """Label -> box of the outlines in the first picture."""
    found = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return {str(patch.get_label()): (*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in found}


def test_boxes_stand_where_they_were_given_and_the_annotation_is_corners() -> None:
    figure = strips([Strip("airplane-1", (shot(), shot()))])
    assert outlines(figure) == {"dcf": (10, 20, 30, 15), "static": (12, 22, 30, 15)}
    corners = [line.get_xydata() for line in figure.axes[0].lines if line.get_label() == ANNOTATION]
    assert len(corners) == 4
    assert {tuple(path[1]) for path in corners} == {(11, 21), (41, 21), (41, 36), (11, 36)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [ANNOTATION, "dcf", "static"]
    assert [axes.get_xlim() for axes in figure.axes] == [(0, 80)] * 2
    assert figure.axes[0].get_ylim() == (60, 0)
    assert figure.axes[0].texts[0].get_text() == "#4"
    assert any(text.get_text() == "airplane-1" for text in figure.texts)


def test_what_is_not_known_is_not_drawn() -> None:
    nothing = np.full(4, math.nan)
    figure = strips([Strip("a", (shot(boxes={"dcf": nothing, "static": np.array([1.0, 2, 3, 4])}, truth=None),))])
    assert list(outlines(figure)) == ["static"]
    assert not [line for line in figure.axes[0].lines if line.get_label() == ANNOTATION]
    with pytest.raises(TrackzooError, match="no frame to show"):
        strips([])
    with pytest.raises(TrackzooError, match="no frame to show"):
        strips([Strip("a", ())])


def test_polygon_stands_in_place_of_the_box() -> None:
    points = np.array([[1.0, 2], [30, 4], [28, 40]])
    figure = strips([Strip("a", (shot(outline=points),))])
    [path] = [line.get_xydata() for line in figure.axes[0].lines if line.get_label() == ANNOTATION]
    assert path.tolist() == [*points.tolist(), points[0].tolist()]


def test_masks_colour_the_pixels_that_are_set() -> None:
    mask = np.zeros((60, 80), dtype=bool)
    mask[10:20, 30:50] = True
    figure = strips([Strip("a", (shot(masks={"dcf": mask}),))])
    picture, cover = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    assert picture.shape == (60, 80, 3)
    assert ((cover[..., 3] > 0) == mask).all()


def test_zoom_keeps_the_target_and_the_shape_and_stays_in_the_picture() -> None:
    for x in (0.0, 20.0, 70.0):
        figure = strips([Strip("a", (shot(truth=np.array([x, 40.0, 10, 10])),))], zoom=3)
        left, right = figure.axes[0].get_xlim()
        lower, upper = figure.axes[0].get_ylim()
        assert 0 <= left <= x
        assert min(x + 10, 80) <= right <= 80
        assert (right - left) / (lower - upper) == pytest.approx(80 / 60)
        assert right - left < 80


def test_more_trackers_than_can_be_told_apart_are_named_below() -> None:
    many = {f"tracker-{place}": np.array([place, 2.0, 10, 10]) for place in range(9)}
    figure = strips([Strip("a", (shot(boxes=many),))])
    assert len(outlines(figure)) == 6
    assert any("Not drawn: tracker-6, tracker-7, tracker-8." in text.get_text() for text in figure.texts)


def test_large_pictures_are_cut_to_what_a_printer_shows() -> None:
    large = np.zeros((1080, 1920, 3), dtype=np.uint8)
    figure = strips([Strip("a", tuple(Shot(large, f"#{place}") for place in range(5)))])
    assert max(image.get_array().shape[1] for axes in figure.axes for image in axes.images) <= 450  # type: ignore[union-attr]
    assert figure.axes[0].get_xlim() == (0, 1920)


@given(st.integers(1, 3000), st.integers(1, 20))
def test_even_frames_span_the_sequence(count: int, wanted: int) -> None:
    frames = evenly(count, wanted)
    assert list(frames) == sorted(set(frames))
    assert len(frames) <= wanted
    assert frames[0] == 0
    if wanted > 1:
        assert frames[-1] == count - 1
        assert len(frames) == min(wanted, count)


def test_telling_frames_are_where_trackers_differ() -> None:
    first, second = np.ones(20), np.ones(20)
    second[[3, 14]] = 0
    second[7] = math.nan
    assert telling([first, second], 2) == (3, 14)
    assert telling([np.where(np.arange(20) == 5, 0.0, 1.0)], 2)[0] == 5
    assert len(telling([first[:2]], 5)) == 2


def test_failures_need_ten_frames_and_pass_over_what_is_not_annotated() -> None:
    values = np.ones(60)
    values[5:14] = 0  # nine
    values[20:40] = 0.1
    values[25:30] = math.nan
    values[50:] = 0
    found = failures("a", values)
    assert [(each.begin, each.end, each.lost, each.recovered) for each in found] == [
        (20, 40, 15, True),
        (50, 60, 10, False),
    ]
    assert found[0].frames(5) == (19, 20, 27, 33, 40)
    assert found[1].frames(5) == (49, 50, 53, 56, 59)
    assert failures("a", np.full(30, math.nan)) == []
    assert failures("a", values, shortest=16) == []


def test_worst_takes_the_longest_of_each_sequence() -> None:
    short, long = np.ones(60), np.ones(60)
    short[10:22] = 0
    long[10:22], long[30:55] = 0, 0
    found = worst([("a", short), ("b", long), ("c", np.ones(60))], 5)
    assert [(each.sequence, each.lost) for each in found] == [("b", 25), ("a", 12)]
    assert worst([("a", short), ("b", long)], 1)[0].sequence == "b"


@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=80), st.integers(1, 8))
def test_frames_of_failures_lie_in_the_sequence(values: list[float], count: int) -> None:
    for each in failures("a", np.array(values), shortest=3):
        frames = each.frames(count)
        assert list(frames) == sorted(set(frames))
        assert frames[0] >= 0
        assert frames[-1] < len(values)
        assert len(frames) <= max(count, 1)
        assert math.isfinite(values[each.begin])


def test_failure_from_the_first_frame_shows_it_once() -> None:
    assert Failure("a", 0, 20, 20, False).frames(4)[0] == 0


def test_masks_beyond_the_picture_are_cut() -> None:
    whole = pixels(Mask(-2, 3, np.ones((4, 5), dtype=bool)), (6, 8))
    assert whole.shape == (6, 8)
    assert whole.sum() == 3 * 3
    assert whole[3:6, 0:3].all()
    assert not pixels(Mask(20, 20, np.ones((4, 5), dtype=bool)), (6, 8)).any()
    assert not pixels(Box(0, 0, 3, 3), (6, 8)).any()
