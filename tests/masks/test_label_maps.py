"""Label maps as PNG and masks as lines of text: what goes in comes out, and what is none is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from trackzoo.draw import COLOURS, draw_labels
from trackzoo.errors import DataError, SettingsError
from trackzoo.first_mask import read_mask
from trackzoo.frames import ArrayFrames, ImageFrames
from trackzoo.label_maps import decode, encode, file_name, paint
from trackzoo.protocols.vos import first_box
from trackzoo.protocols.vot_common import region_of
from trackzoo.rasterise import full_mask
from trackzoo.region_text import format_region, parse_region
from trackzoo.tracker import Prediction

sides = st.integers(1, 40)
maps = st.tuples(sides, sides).flatmap(lambda shape: arrays.arrays(np.uint8, shape))
masks = st.tuples(sides, sides).flatmap(lambda shape: arrays.arrays(np.bool_, shape))


@given(maps)
@settings(max_examples=60, deadline=None)
def test_png_gives_back_what_went_in(labels: np.ndarray) -> None:
    data = encode(labels)
    assert data == encode(labels)
    np.testing.assert_array_equal(decode(data), labels)


@given(masks)
@settings(max_examples=60, deadline=None)
def test_a_line_of_text_gives_back_a_mask(mask: np.ndarray) -> None:
    line = format_region(region_of(Prediction(np.array([0.0, 0, 1, 1]), 1.0, mask), True))
    back = full_mask(parse_region(line), (mask.shape[1], mask.shape[0]))
    np.testing.assert_array_equal(back, mask)


@given(masks.filter(lambda mask: mask.any()))
@settings(max_examples=60, deadline=None)
def test_first_box_is_one_less_wide_than_the_tight_one(mask: np.ndarray) -> None:
    x, y, w, h = first_box(mask)
    rows, columns = np.nonzero(mask)
    assert (x, y) == (columns.min(), rows.min())
    assert (w, h) == (max(columns.max() - columns.min(), 1), max(rows.max() - rows.min(), 1))


def test_the_palette_is_that_of_davis() -> None:
    with Image.open(io.BytesIO(encode(np.array([[0, 1, 2, 3, 255]])))) as image:
        assert image.mode == "P"
        colours = np.array(image.convert("RGB"))[0].tolist()
    assert colours == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [224, 224, 192]]


def test_what_is_no_label_map_is_told() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    with pytest.raises(ValueError, match="PNG of mode RGB"):
        decode(file.getvalue())
    with pytest.raises(ValueError, match="an empty file"):
        decode(b"")
    with pytest.raises(ValueError, match="cannot be decoded"):
        decode(encode(np.zeros((30, 30)))[:60])


def _prediction(columns: slice, score: float) -> Prediction:
    mask = np.zeros((4, 10), bool)
    mask[:, columns] = True
    return Prediction(np.array([0.0, 0, 1, 1]), score, mask)


def test_of_overlapping_masks_the_surer_object_has_the_pixel() -> None:
    given = {1: _prediction(slice(0, 6), 0.2), 2: _prediction(slice(4, 9), 0.9), 3: _prediction(slice(8, 10), 0.9)}
    assert paint(given, (10, 4))[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert paint(dict(reversed(given.items())), (10, 4))[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert not paint({1: Prediction(np.ones(4))}, (10, 4)).any()
    with pytest.raises(ValueError, match="a mask of 10x4 for a picture of 10x5 pixels"):
        paint(given, (10, 5))


def test_files_are_called_as_their_images_or_by_number(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert file_name(ImageFrames(tmp_path, ("00005.jpg",))[0]) == "00005.png"
    assert file_name(ArrayFrames(np.zeros, 20, "video/a.b")[12]) == "00012.png"


def test_every_object_has_a_colour_of_its_own() -> None:
    picture = np.zeros((20, 40, 3), np.uint8)
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 2:12], labels[5:15, 20:30], labels[:3, :3] = 1, 2, 255
    draw_labels(picture, labels)
    for obj, place in ((1, (10, 7)), (2, (10, 25))):
        np.testing.assert_allclose(picture[place], np.array(COLOURS[obj - 1]) * 0.45, atol=1)
    assert not picture[0, 0].any()
    with pytest.raises(ValueError, match="a label map of"):
        draw_labels(picture, labels[:-1])


def test_a_first_mask_out_of_whatever_a_person_has(tmp_path) -> None:  # type: ignore[no-untyped-def]
    target = np.zeros((12, 20), np.uint8)
    target[3:8, 4:9] = 1
    several = target.copy()
    several[9:11, 10:12] = 2
    (tmp_path / "one.png").write_bytes(encode(target))
    (tmp_path / "two.png").write_bytes(encode(several))
    (tmp_path / "none.png").write_bytes(encode(target * 0))
    Image.fromarray(target * 255).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([target * 90, target * 0, target * 20])).save(tmp_path / "colour.png")
    Image.fromarray(np.dstack([np.full((12, 20, 3), 99, np.uint8), target * 255])).save(tmp_path / "cut.png")
    (tmp_path / "text.png").write_text("mask")
    for name in ("one", "grey", "colour", "cut"):
        np.testing.assert_array_equal(read_mask(tmp_path / f"{name}.png", (20, 12)), target == 1, name)
    np.testing.assert_array_equal(read_mask(tmp_path / "two.png", (20, 12), 2), several == 2)
    with pytest.raises(SettingsError, match=r"two\.png: found labels 1, 2, expected one target; --object N picks"):
        read_mask(tmp_path / "two.png", (20, 12))
    with pytest.raises(SettingsError, match=r"one\.png: no pixel has the label 7, only 1"):
        read_mask(tmp_path / "one.png", (20, 12), 7)
    with pytest.raises(SettingsError, match=r"none\.png: an empty mask"):
        read_mask(tmp_path / "none.png", (20, 12))
    with pytest.raises(DataError, match=r"one\.png: found a mask of 20x12 pixels, expected 21x12 as the first picture"):
        read_mask(tmp_path / "one.png", (21, 12))
    with pytest.raises(DataError, match=r"text\.png: found data that cannot be decoded"):
        read_mask(tmp_path / "text.png", (20, 12))
    with pytest.raises(DataError, match=r"nowhere\.png: found no such file"):
        read_mask(tmp_path / "nowhere.png", (20, 12))
