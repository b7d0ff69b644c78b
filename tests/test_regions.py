"""Regions: text and binary form, pixels, overlap, first boxes."""

from __future__ import annotations

import importlib.util
import json
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo import first_box as rules
from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.rasterise import full_mask, is_empty, pixel_bounds, rasterise, region_overlap, region_overlaps, trimmed
from trackzoo.region_binary import read_binary, write_binary
from trackzoo.region_text import decode_runs, encode_runs, format_region, parse_region, read_regions, write_regions
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special, bounds

coordinates = st.floats(-1e6, 1e6, allow_nan=False)
single = st.floats(-1e4, 1e4, allow_nan=False, width=32)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    place = st.integers(-20, 40)
    return Mask(draw(place), draw(place), np.array(bits, dtype=bool).reshape(height, width))


def regions(numbers: st.SearchStrategy[float], least: int = 3) -> st.SearchStrategy[Region]:
    polygons = st.lists(st.tuples(numbers, numbers), min_size=least, max_size=8).map(
        lambda points: Polygon(tuple(points))
    )
    return st.one_of(
        st.sampled_from([Special(0), Special(1), Special(2)]),
        st.builds(Rectangle, numbers, numbers, numbers, numbers),
        polygons,
        masks(),
    )


# Text


@pytest.mark.parametrize(
    ("line", "region"),
    [
        ("0", Special(0)),
        ("1", Special(1)),
        (" 2 ", Special(2)),
        ("1.0", Special(1)),
        ("nan,nan,nan,nan", Special(0)),
        ("3,NaN,5,6", Special(0)),
        ("3,4", Point(3, 4)),
        ("1.5, 2,30,4e1", Rectangle(1.5, 2, 30, 40)),
        ("1,2,3,4,5,6", Polygon(((1, 2), (3, 4), (5, 6)))),
        ("m3,4,2,2,1,3", Mask(3, 4, np.array([[0, 1], [1, 1]], bool))),
        ("m 3,4,2,2,0,3,1", Mask(3, 4, np.array([[1, 1], [1, 0]], bool))),
        ("m0,0,1,1,1", Mask(0, 0, np.zeros((1, 1), bool))),
        ("m0,0,2,2,0,3", Mask(0, 0, np.array([[1, 1], [1, 0]], bool))),  # the last row stops short
    ],
)
def test_every_form_is_read(line: str, region: Region) -> None:
    assert parse_region(line) == region


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "''"),
        ("1,2,3", "3 numbers"),
        ("1,2,3,4,5", "5 numbers"),
        ("3", "the code 3"),
        ("1,x,3,4", "'1,x,3,4'"),
        ("1,,3,4", "'1,,3,4'"),
        ("1,inf,3,4", "infinite"),
        ("m3,4,2", "3 numbers"),
        ("m3,4,2,2,1,4", "runs of 5 pixels in a window of 2x2 = 4"),
        ("m3,4,2,2,1", "runs of 1 pixels"),
        ("m3,4,2,2,5,-1", "negative run"),
        ("m3,4,2,2,1.5,2.5", "whole numbers"),
        ("m0,0,99999,99999,1", "99999x99999"),
        ("m0,0,99999999999999999999,1,1", "whole numbers"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "groundtruth.txt"
    path.write_text(f"1,2,3,4\n{line}\n5,6,7,8\n")
    with pytest.raises(DataError) as caught:
        read_regions(path)
    assert f"{path}:2" in str(caught.value)
    assert says in str(caught.value)


def test_a_file_that_is_no_region_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_regions(tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text(" \n\n")
    with pytest.raises(DataError, match="empty file"):
        read_regions(tmp_path / "empty.txt")
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match="not text"):
        read_regions(tmp_path / "picture.txt")


@given(regions(coordinates))
def test_text_keeps_every_digit(region: Region) -> None:
    assert parse_region(format_region(region)) == region


@given(st.lists(regions(single), max_size=5))
@settings(max_examples=25)
def test_files_keep_every_region(tmp_path_factory: pytest.TempPathFactory, given_regions: list[Region]) -> None:
    folder = tmp_path_factory.mktemp("regions")
    write_binary(folder / "run.bin", given_regions)
    assert read_binary(folder / "run.bin") == tuple(given_regions)
    if given_regions:
        write_regions(folder / "run.txt", given_regions)
        assert read_regions(folder / "run.txt") == tuple(given_regions)


@given(masks())
def test_runs_count_every_pixel(mask: Mask) -> None:
    runs = encode_runs(mask.pixels)
    assert runs.sum() == mask.pixels.size
    assert runs[1::2].sum() == mask.pixels.sum()
    assert (runs[1:] > 0).all()
    height, width = mask.pixels.shape
    np.testing.assert_array_equal(decode_runs(runs, width, height), mask.pixels)


# Binary


def test_binary_layout_is_the_specified_one(tmp_path: Path) -> None:
    path = tmp_path / "run.bin"
    write_binary(path, [Special(1), Rectangle(1, 2, 3, 4), Point(5, 6)])
    expected = struct.pack("<hIBIB4fB2f", 1, 3, 0, 1, 1, 1, 2, 3, 4, 4, 5, 6)
    assert path.read_bytes() == expected


def test_long_runs_are_split_as_the_toolkit_does(tmp_path: Path) -> None:
    pixels = np.zeros((400, 400), bool)
    pixels[-1, -1] = True
    path = tmp_path / "run.bin"
    write_binary(path, [Mask(0, 0, pixels)])
    data = path.read_bytes()
    (count,) = struct.unpack_from("<H", data, 6 + 1 + 8)
    assert struct.unpack_from(f"<{count}H", data, 6 + 1 + 10) == (65025, 0, 65025, 0, 159999 - 2 * 65025, 1)
    assert read_binary(path) == (Mask(0, 0, pixels),)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[:-1], "it is cut"),
        (lambda data: data[:4], "it is cut"),
        (lambda data: data + b"\0", "1 bytes after region 1"),
        (lambda data: b"\2" + data[1:], "version 2"),
        (lambda data: data[:6] + b"\7" + data[7:], "type 7 (region 1)"),
    ],
)
def test_damaged_binary_files_are_refused(tmp_path: Path, change: object, says: str) -> None:
    path = tmp_path / "run.bin"
    write_binary(path, [Rectangle(1, 2, 3, 4)])
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError) as caught:
        read_binary(path)
    assert says in str(caught.value)


def test_what_16_bits_cannot_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="region 2 does not fit"):
        write_binary(tmp_path / "run.bin", [Special(1), Mask(40000, 0, np.ones((1, 1), bool))])
    assert list(tmp_path.iterdir()) == []


# Pixels and overlap


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0, 60), st.floats(0, 60))
def test_a_rectangle_covers_its_rounded_size(x: float, y: float, w: float, h: float) -> None:
    rectangle = Rectangle(x, y, w, h)
    width, height = (int(np.rint(np.float32(value))) for value in (w, h))
    pixels = rasterise(rectangle, (-80, -80, 130, 130))
    assert pixels.sum() == width * height
    if pixels.any():
        rows, columns = np.nonzero(pixels)
        assert pixel_bounds(rectangle) == (columns.min() - 80, rows.min() - 80, columns.max() - 80, rows.max() - 80)


def _row_by_row(points: list[tuple[int, int]], width: int, height: int) -> np.ndarray:
    """The rule of SPEC §6.2, one row and one edge at a time."""
    canvas = np.zeros((height, width), bool)
    for y in range(height):
        nodes = []
        for i in range(len(points)):
            (xi, yi), (xj, yj) = points[i], points[i - 1]
            if yi == yj == y:
                nodes.append(xi)
            elif yi <= y < yj or yj <= y < yi or yi < y <= yj or yj < y <= yi:
                nodes.append(int(xi + (y - yi) / (yj - yi) * (xj - xi)))
        nodes.sort()
        at = 0
        while at + 1 < len(nodes):
            if nodes[at] == nodes[at + 1] and at + 2 < len(nodes):
                at += 1
                continue
            for x in range(nodes[at], nodes[at + 1] + 1):
                if 0 <= x < width:
                    canvas[y, x] = True
            at += 2
    return canvas


@given(st.lists(st.tuples(st.integers(-8, 24), st.integers(-8, 24)), min_size=3, max_size=7))
@settings(max_examples=300)
def test_polygons_are_filled_as_the_specification_walks(points: list[tuple[int, int]]) -> None:
    polygon = Polygon(tuple((float(x), float(y)) for x, y in points))
    np.testing.assert_array_equal(rasterise(polygon, (0, 0, 15, 17)), _row_by_row(points, 16, 18))


@given(regions(st.floats(-30, 60)), regions(st.floats(-30, 60)), st.booleans())
def test_overlap_is_symmetric_and_a_share(first: Region, second: Region, clip: bool) -> None:
    size = (32, 24) if clip else None
    value = region_overlap(first, second, size)
    assert 0.0 <= value <= 1.0
    assert value == region_overlap(second, first, size)


@given(
    st.builds(Rectangle, *[st.floats(-20, 40)] * 2, *[st.floats(0, 40)] * 2),
    st.builds(Rectangle, *[st.floats(-20, 40)] * 2, *[st.floats(0, 40)] * 2),
    st.booleans(),
)
def test_rectangles_by_arithmetic_and_by_pixels_agree(first: Rectangle, second: Rectangle, clip: bool) -> None:
    size = (32, 24) if clip else None
    drawn = region_overlap(first, second, size, ignore=Special(0))  # an ignored region takes the way over pixels
    assert region_overlap(first, second, size) == drawn


def test_overlap_of_the_window_quirks() -> None:
    size = (100, 80)
    box = Rectangle(10, 10, 20, 20)
    assert region_overlap(box, box, size) == 1.0
    assert region_overlap(Special(1), box, size) == 0.0  # the frame a tracker was started on
    assert region_overlap(Special(0), Special(0), size) == 1.0  # unknown against absent
    assert region_overlap(Rectangle(5, 5, 1, 9), Rectangle(5, 7, 1, 9), size) == 1.0  # one pixel wide together
    assert region_overlap(Rectangle(-40, 5, 20, 9), Rectangle(-30, 5, 20, 9), size) == 0.0  # all outside
    assert region_overlap(Rectangle(-40, 5, 20, 9), Rectangle(-30, 5, 20, 9)) > 0.0
    # 0.5 and 2.5 are rounded to even: columns 0..1 and 2..3
    assert region_overlap(Rectangle(0.5, 0, 2, 2), Rectangle(2.5, 0, 2, 2), size) == 0.0
    with pytest.raises(TrackzooError, match="point"):
        region_overlap(Point(3, 4), box)


def test_ignored_pixels_do_not_count() -> None:
    first, second = Rectangle(0, 0, 10, 10), Rectangle(5, 0, 10, 10)
    assert region_overlap(first, second) == 50 / 150
    assert region_overlap(first, second, ignore=Rectangle(10, 0, 5, 10)) == 50 / 100
    assert region_overlap(first, second, ignore=Rectangle(0, 0, 20, 10)) == 0.0


def test_masks_one_pixel_wide_count_as_empty_as_in_the_toolkit() -> None:
    column = Mask(7, 3, np.ones((4, 1), bool))
    row = Mask(7, 3, np.ones((1, 4), bool))
    aside = Mask(5, 3, np.array([[0, 0, 1]] * 4, bool))
    assert trimmed(column) == Mask(0, 0, np.zeros((0, 0), bool))
    assert trimmed(row) == row
    assert is_empty(row)
    assert trimmed(aside) == column  # trimmed once, it lies in its own column 0 …
    assert is_empty(trimmed(aside))  # … and is empty from then on
    assert trimmed(Rectangle(1, 2, 3, 4)) == Rectangle(1, 2, 3, 4)
    wide = Mask(2, 2, np.pad(np.ones((2, 3), bool), 2))
    assert trimmed(wide) == Mask(4, 4, np.ones((2, 3), bool))
    assert not is_empty(wide)
    assert is_empty(Special(0))
    assert is_empty(Rectangle(3, 3, 0, 5))


def test_a_full_mask_has_the_pictures_size() -> None:
    mask = full_mask(Mask(-1, 1, np.ones((2, 3), bool)), (4, 5))
    assert mask.shape == (5, 4)
    assert mask.sum() == 4
    assert mask[1:3, :2].all()


def _cases(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_case", shared / "metrics" / "make_case.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["mask", "rect", "polygon"])
def test_overlaps_are_those_of_the_vot_toolkit(shared: Path, seed: int, kind: str) -> None:
    golden = json.loads((shared / "metrics" / f"golden_vot_multistart_seed{seed}.json").read_text())
    maker = _cases(shared)
    case = maker.multistart_case(seed, kind, **golden["case_args"])
    assert maker.digest(case) == golden["results"][kind]["case_digest"]
    sequence = case["sequences"][0]
    truth = [trimmed(parse_region(line)) for line in sequence["groundtruth"]]
    for tracker, result in golden["results"][kind]["trackers"].items():
        run = result["run_overlaps"]
        frames = range(run["anchor"], -1, -1) if run["reverse"] else range(run["anchor"], len(truth))
        ours = [trimmed(parse_region(line)) for line in sequence["runs"][tracker][f"{run['anchor']:08d}"]]
        overlaps = region_overlaps(ours, [truth[frame] for frame in frames], (sequence["width"], sequence["height"]))
        np.testing.assert_array_equal(overlaps, run["overlaps"])


# First boxes

ANTS1 = Polygon(((137.21, 458.36), (156.83, 460.78), (148.35, 529.41), (128.72, 526.99)))


@pytest.mark.parametrize(
    ("rule", "corner", "box"),
    [
        ("bounds", None, (128.72, 458.36, 28.11, 71.05)),
        ("area", None, (131.1494, 464.4941, 23.2562, 58.7818)),
        ("area_plus1", None, (131.1494, 464.4941, 24.2562, 59.7818)),
        ("area_plus1", "pytracking", (130.6494, 463.9941, 24.2562, 59.7818)),
        ("bounds_rounded", None, (129, 458, 28, 71)),
        ("centre_bounds", None, (129.2225, 458.86, 28.11, 71.05)),
    ],
)
def test_first_box_of_ants1(rule: str, corner: str | None, box: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rules.first_box(ANTS1, rule, corner), box, atol=6e-5)


def test_first_box_of_a_mask() -> None:
    pixels = np.zeros((10, 12), bool)
    pixels[2:6, 3:8] = True
    assert rules.first_box(Mask(0, 0, pixels), "mask_tight").tolist() == [3, 2, 5, 4]
    assert rules.first_box(Mask(10, 20, pixels), "mask_span").tolist() == [13, 22, 4, 3]
    assert rules.first_box(Mask(0, 0, pixels), "bounds").tolist() == [3, 2, 5, 4]
    empty = Mask(0, 0, np.zeros((4, 4), bool))
    assert rules.first_box(empty, "mask_span").tolist() == [0, 0, 0, 0]
    with pytest.raises(TrackzooError, match="no pixels"):
        rules.first_box(empty, "mask_tight")


@pytest.mark.parametrize("rule", rules.RULES)
def test_rectangles_are_used_as_they_are(rule: str) -> None:
    assert rules.first_box(Rectangle(1.5, 2, 30, 40), rule).tolist() == [1.5, 2, 30, 40]


def test_rules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="'area' makes a first box of a polygon, got a mask; mask_tight"):
        rules.first_box(Mask(0, 0, np.ones((2, 2), bool)), "area")
    with pytest.raises(SettingsError, match="of a mask, got a polygon; bounds"):
        rules.first_box(ANTS1, "mask_tight")
    with pytest.raises(SettingsError, match="special code"):
        rules.first_box(Special(0), "bounds")
    with pytest.raises(UnknownName, match="area_plus1"):
        rules.first_box(ANTS1, "area_plus2")
    with pytest.raises(UnknownName, match="corner 'pysto'"):
        rules.first_box(ANTS1, "area", "pysto")


@given(st.floats(5, 200), st.floats(5, 200), st.floats(0, 6.3), st.floats(-50, 50))
def test_a_turned_rectangle_keeps_its_area(w: float, h: float, angle: float, shift: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 @ turn.T + shift
    polygon = Polygon(tuple(map(tuple, corners.tolist())))
    box = rules.first_box(polygon, "area")
    assert box[2] * box[3] == pytest.approx(w * h)
    np.testing.assert_allclose(box[:2] + box[2:] / 2, [shift, shift], atol=1e-9)
    outer = bounds(polygon)
    assert (box[2:] <= outer[2:] + 1e-9).all()
    np.testing.assert_allclose(rules.first_box(polygon, "area_plus1")[2:], box[2:] + 1)
