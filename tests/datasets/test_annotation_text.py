"""Annotation text: every separator and line end reads alike, and what is odd is said with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.datasets._common import read_boxes, read_flags, read_line, read_numbers, read_values
from trackzoo.errors import DataError

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 4))


@st.composite
def written_boxes(draw: st.DrawFn) -> tuple[list[list[float]], bytes]:
    """Boxes, and a file that holds them with separators, blanks and line ends of every kind mixed."""
    values = draw(st.lists(st.lists(NUMBERS, min_size=4, max_size=4), min_size=1, max_size=12))
    separators = st.sampled_from([",", "\t", " ", ", ", " ,", ";", "  ", ",\t"])
    lines = []
    for row in values:
        line = repr(row[0])
        for value in row[1:]:
            line += draw(separators) + repr(value)
        lines.append(draw(st.sampled_from(["", " "])) + line + draw(st.sampled_from(["", " ", "\t", ",", " , "])))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    tail = draw(st.sampled_from(["", end, end * 3, end + " " + end]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return values, mark + (end.join(lines) + tail).encode()


@given(written_boxes())
@settings(max_examples=200, deadline=None)
def test_every_separator_reads_back_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[list[list[float]], bytes]
) -> None:
    values, data = case
    path = tmp_path_factory.getbasetemp() / "boxes.txt"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_boxes(path), values)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=50), st.sampled_from([",", "\n", "\r\n", ", ", " "]))
@settings(max_examples=50, deadline=None)
def test_flags_on_one_line_or_one_a_line(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], separator: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "flags.txt"
    path.write_bytes(separator.join(map(str, values)).encode())
    assert read_flags(path, len(values)).tolist() == [value == 1 for value in values]


@pytest.mark.parametrize(
    ("data", "line", "needle"),
    [
        (b"1,2,3\n", 1, "3 numbers in '1,2,3', expected 4 numbers"),
        (b"1,2,3,4\n5,6,7\n", 2, "3 numbers"),
        (b"1,2,3,4,5\n", 1, "5 numbers"),
        (b"1,2,3,4\r\n\r\n5,6,7,8", 2, "an empty line"),
        (b"1,2,3,4\nleft,top,w,h\n", 2, "'left'"),
        (b"1,,3,4,5\n", 1, "a missing number"),
        (b",1,2,3,4\n", 1, "a missing number"),
        (b"1,2,3,4\n1,2,inf,4", 2, "'inf', expected a finite number"),
        (b"NaN,NaN,NaN,NaN\n", 1, "'NaN', expected a finite number"),
        (b"1,2,1e999,4\n", 1, "'1e999'"),
        (b"0x10,2,3,4\n", 1, "'0x10', expected a number"),
        (b"1_0,2,3,4\n", 1, "'1_0', expected a number"),
        (b"# boxes\n1,2,3,4\n", 1, "'#'"),
        (b"\x89PNG\x00\x01", 1, "expected a number"),
        (b"", None, "an empty file"),
        (b" \r\n\r\n", None, "an empty file"),
        (b"1,2,3,4\n1 2 3 4 5 6 7 8\n", 2, "8 numbers"),
    ],
)
def test_an_odd_box_file_is_named_with_its_line(tmp_path: Path, data: bytes, line: int | None, needle: str) -> None:
    path = tmp_path / "groundtruth.txt"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_boxes(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert needle in message
    assert "\n" not in message


def test_nan_rows_are_read_where_the_benchmark_has_them(tmp_path: Path) -> None:
    path = tmp_path / "bird1.txt"
    path.write_text("1,2,3,4\nNaN,NaN,NaN,NaN\nnan nan nan nan\n")
    values = read_boxes(path, allow_nan=True)
    assert np.isnan(values).tolist() == [[False] * 4, [True] * 4, [True] * 4]


def test_several_row_lengths_but_one_a_file(tmp_path: Path) -> None:
    path = tmp_path / "groundtruth.txt"
    path.write_text("1,2,3,4,5,6,7,8\n")
    assert read_numbers(path, (4, 8)).shape == (1, 8)
    path.write_text("1,2,3,4,5,6,7,8\n1,2,3,4\n")
    with pytest.raises(DataError, match=r":2: found 4 numbers, expected 8 as in the lines before"):
        read_numbers(path, (4, 8))


@pytest.mark.parametrize(
    ("data", "needle"),
    [
        (b"0,1,2", ":1: found '2' as value 3, expected whole numbers 0 to 1"),
        (b"0\n1\nx\n", ":3: found 'x' as value 3"),
        (b"0,0.5", ":1: found '0.5' as value 2"),
        (b"0\nnan", ":2: found 'nan' as value 2"),
        (b"0,1", "found 2 values, expected 3, one a frame"),
        (b"0,1,1,0", "found 4 values, expected 3, one a frame"),
        (b"", "found an empty file"),
    ],
)
def test_odd_flags_are_named(tmp_path: Path, data: bytes, needle: str) -> None:
    path = tmp_path / "absent.txt"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_flags(path, 3)
    assert needle in str(caught.value)


def test_spare_values_are_cut_off_and_ranges_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "cover.label"
    path.write_text("0\n8\n3\n")
    assert read_values(path, 0, 8, count=2, spare=1).tolist() == [0, 8]
    with pytest.raises(DataError, match="'8' as value 2, expected whole numbers 0 to 7"):
        read_values(path, 0, 7)


def test_a_missing_file_and_a_folder_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file, expected an annotation file"):
        read_boxes(tmp_path / "gone.txt")
    with pytest.raises(DataError, match="is a directory"):
        read_boxes(tmp_path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a white cat, left of the dog. \n\nsecond line", "a white cat, left of the dog."),
        (b"\xef\xbb\xbfa cat\r\n", "a cat"),
        ("a caf\u00e9 table".encode("cp1252"), "a caf\u00e9 table"),
        (b"", None),
        (b"  \nsecond line", None),
    ],
)
def test_the_description_is_the_first_line_and_no_csv(tmp_path: Path, data: bytes, expected: str | None) -> None:
    path = tmp_path / "language.txt"
    path.write_bytes(data)
    assert read_line(path) == expected
    assert read_line(tmp_path / "gone.txt") is None
