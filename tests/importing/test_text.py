"""Text files of boxes: whatever parts the numbers is read, whatever is damaged is named with its row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from trackzoo.errors import ResultsError
from trackzoo.importing.text import column, read_rows

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=60, deadline=None)
@given(
    values=arrays.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(4)), elements=FINITE),
    separator=st.sampled_from([",", "\t", " ", ", ", ";", " , "]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    tail=st.sampled_from(["", "\n", "\n\n", " \n"]),
)
def test_any_separator_reads_back(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, separator: str, newline: str, tail: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "boxes.txt"
    path.write_bytes((newline.join(separator.join(map(repr, row)) for row in values.tolist()) + tail).encode())
    assert np.array_equal(read_rows(path).values, values)


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("1,2,3,4\n5,6,7,8\n", "comma"),
        ("1\t2\t3\t4\n5\t6\t7\t8", "tab"),
        ("1 2 3 4\n5 6 7 8\n\n", "blank"),
        ("\ufeff1,2,3,4\r\n5,6,7,8\r\n", "comma"),
        ("1,2,3,4,\n5,6,7,8,\n", "comma"),
        ("1,2 3\t4\n5 6,7,8\n", "comma"),
        ("1.0e0,2,+3,4.\n5,6,7,8", "comma"),
    ],
)
def test_reads(tmp_path: Path, content: str, separator: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    text = read_rows(path)
    assert text.values.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert text.separator == separator


def test_numbers_that_are_none_are_the_metrics_business(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,2,3,4\nNaN,nan,3,-Inf\n")
    assert np.isnan(read_rows(path).values[1, :2]).all()


@pytest.mark.parametrize(
    ("content", "row", "found"),
    [
        ("1,2,3,4\n1,2,3\n", 2, "3 numbers"),
        ("1,2,3,4\n1,2,3,4,5\n1,2,3\n", 2, "5 numbers"),
        ("1,2,3,4\n1,,3,4\n", 2, "a missing number"),
        ("1,2,3,4\n1,2,x,4\n", 2, "'x'"),
        ("1,2,3,4\n\n1,2,3,4\n", 2, "an empty line"),
        ("x,y,w,h\n1,2,3,4\n", 1, "a heading 'x,y,w,h'"),
        ("1|2|3|4\n", 1, "heading"),
        ("12,5;33,1;8,0;9,5\n", 1, "8 numbers"),
        ("1,2,3,4e\n", 1, "'4e'"),
        ("1,2,3,1_0\n", 1, "'1_0'"),
        ("1,2\n3,4\n", 1, "2 numbers"),
        ("1,2,3,4\n1,2,3,4 5\n1,2,3\n", 2, "5 numbers"),
    ],
)
def test_damage_is_named_with_its_row(tmp_path: Path, content: str, row: int, found: str) -> None:
    path = tmp_path / "deer.txt"
    path.write_text(content)
    with pytest.raises(ResultsError) as caught:
        read_rows(path)
    assert caught.value.line == row
    assert found in str(caught.value)
    assert f"deer.txt:{row}" in str(caught.value)


def test_what_is_no_text_is_not_taken_for_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "deer.txt"
    path.write_bytes("1,2,3,4\n".encode("utf-16"))
    for lenient in (False, True):
        with pytest.raises(ResultsError, match=r"deer\.txt: found bytes that are not text"):
            read_rows(path, lenient=lenient)


def test_lenient_skips_headings_and_empty_lines_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "deer.txt"
    path.write_text("x,y,w,h\n1,2,3,4\n\n5,6,7,8\n")
    text = read_rows(path, lenient=True)
    assert len(text.values) == 2
    assert [note.split(":")[0] for note in text.notes] == ["deer.txt", "deer.txt"]
    assert "line 1" in text.notes[0]
    assert "line 3" in text.notes[1]
    path.write_text("x,y,w,h\n1,2,3\n")
    with pytest.raises(ResultsError, match="3 numbers"):
        read_rows(path, lenient=True)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_empty_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "deer.txt"
    path.write_text(content)
    for lenient in (False, True):
        with pytest.raises(ResultsError, match="empty file"):
            read_rows(path, lenient=lenient)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no such file"):
        read_rows(tmp_path / "none.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(ResultsError, match="directory"):
        read_rows(tmp_path / "folder.txt")
    (tmp_path / "bytes.txt").write_bytes(bytes(range(200, 256)))
    with pytest.raises(ResultsError, match="bytes.txt"):
        read_rows(tmp_path / "bytes.txt")


def test_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("0.5\n0.25\n")
    assert column(path).tolist() == [0.5, 0.25]
    path.write_text("0.5,9\n0.25,9\n")
    assert column(path).tolist() == [0.5, 0.25]
