"""Crops: geometry, padding, and the path on a device beside OpenCV's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from trackzoo.frames import ArrayFrames
from trackzoo.nn.crops import Window, box_in_crop, crop, crop_batch, crop_with_mask, window
from trackzoo.nn.search_tracking import back_to_picture
from trackzoo.parity.scene import scene

PICTURE = scene(3, 1)[0][0]

boxes = st.tuples(st.floats(-40, 330), st.floats(-40, 250), st.floats(2, 200), st.floats(2, 200))


@settings(max_examples=60, deadline=None)
@example((100.0, 80.0, 40.0, 40.0), 2.0, 80)
@given(boxes, st.sampled_from([2.0, 4.0, 5.0]), st.sampled_from([128, 144, 192, 256]))
def test_the_device_path_differs_from_opencv_by_one_grey_level_at_most(
    box: tuple[float, ...], factor: float, size: int
) -> None:
    where = window(np.array(box), factor, size)
    frame = ArrayFrames(lambda _: PICTURE, 1, "picture")[0]
    exact = crop_batch([frame], [where], "cpu", exact=True).numpy().astype(int)
    fast = crop_batch([frame], [where], "cpu", exact=False).numpy().astype(int)
    assert exact.shape == fast.shape == (1, 3, size, size)
    assert np.abs(exact - fast).max() <= 1


@settings(max_examples=60, deadline=None)
@given(boxes, st.sampled_from([2.0, 4.0]), st.sampled_from([128, 256]))
def test_padding_is_black_and_marked(box: tuple[float, ...], factor: float, size: int) -> None:
    where = window(np.array(box), factor, size)
    pixels, mask = crop_with_mask(np.full((240, 320, 3), 200, np.uint8), where)
    assert mask.shape == (size, size)
    assert (pixels[~mask] == 200).all()
    assert (crop(np.full((240, 320, 3), 200, np.uint8), where) == pixels).all()


def test_a_crop_outside_the_picture_is_black() -> None:
    pixels, mask = crop_with_mask(PICTURE, Window(1000, 1000, 50, 64))
    assert not pixels.any()
    assert mask.all()


def test_a_crop_that_ends_on_the_last_column_loses_it() -> None:
    """The released code counts a window that ends exactly on the last column as one over."""
    where = Window(220, 100, 100, 100)
    assert where.padding(320, 240) == (0, 1, 0, 0)
    assert not crop(np.full((240, 320, 3), 200, np.uint8), where)[:, -1].any()


def test_a_box_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        window(np.array([5.0, 5.0, 0.0, 3.0]), 2.0, 128)


@settings(deadline=None)
@given(boxes, boxes)
def test_there_and_back(about: tuple[float, ...], box: tuple[float, ...]) -> None:
    """A box mapped into a crop and decoded from it is the box, but for the half pixel of the released training code."""
    last = np.array(about)
    where = window(last, 4.0, 256)
    x, y, w, h = box_in_crop(np.array(box), last, where.resize_factor, 256)
    back = back_to_picture(np.array([x + w / 2 + 0.5 / 256, y + h / 2 + 0.5 / 256, w, h]), where, last)
    assert np.abs(back - np.array(box)).max() < 1e-9 * 256
