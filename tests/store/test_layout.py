"""Names of files and the text in them: nothing collides, nothing leaves its folder, nothing is lost."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.store.layout import SCORES, TIME, folder_of, repetitions, safe_name
from trackzoo.store.text import format_table, parse_table


@pytest.mark.parametrize("name", ["airplane-1", "GOT-10k_Test_000001", "Human4_2", "Größe 1", "a.b", "synth+length=20"])
def test_ordinary_names_stay(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("..", "%2E%2E"),
        (".", "%2E"),
        (".hidden", "%2Ehidden"),
        ("a/b", "a%2Fb"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("run", "ru%6E"),
        ("car_time", "car_tim%65"),
        ("car_object_presence_scores", "car_object_presence_score%73"),
        ("100%", "100%25"),
        ("mod:Class", "mod%3AClass"),
        ("tail.", "tail%2E"),
    ],
)
def test_other_names_are_spelled_out(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_empty_name_is_refused() -> None:
    with pytest.raises(TrackzooError, match="empty name"):
        safe_name("")


@given(st.text(min_size=1, max_size=40))
def test_safe_names_can_be_read_back_and_stay_in_their_folder(name: str) -> None:
    safe = safe_name(name)
    assert unquote(safe, errors="surrogatepass") == name
    assert Path("/results", safe).resolve().parent == Path("/results")
    assert not safe.startswith(".")
    assert "\0" not in safe
    assert not safe.endswith((TIME, SCORES))


@given(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=400))
def test_different_names_get_different_files(first: str, second: str) -> None:
    assert (safe_name(first) == safe_name(second)) == (first == second)


@given(st.text(min_size=150, max_size=400))
def test_long_names_fit_a_file_system(name: str) -> None:
    assert len(f".{safe_name(name)}_object_presence_scores.txt.12345678.tmp".encode()) <= 255


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=finite))
def test_boxes_come_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, boxes: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "boxes.txt"
    data = format_table(boxes)
    path.write_bytes(data)
    read = parse_table(path, 4, rows=len(boxes), sha256=hashlib.sha256(data).hexdigest())
    assert read.tobytes() == boxes.tobytes()


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.just(4)), elements=finite))
def test_boxes_are_read_by_numpy_as_pytracking_does(
    tmp_path_factory: pytest.TempPathFactory, boxes: np.ndarray
) -> None:
    path = tmp_path_factory.getbasetemp() / "numpy.txt"
    path.write_bytes(format_table(boxes))
    assert np.array_equal(np.loadtxt(path, delimiter="\t", dtype=np.float64, ndmin=2), boxes)


def test_whole_numbers_are_short() -> None:
    assert format_table([[1.0, -2.0, 3.5, 1e20]]) == b"1\t-2\t3.5\t1e+20\n"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:23], "found 2 rows and a part of one, expected 5 rows"),
        (
            lambda text: text.replace("3\t4\t5\t6", "3\tcar\t5\t6"),
            r"boxes.txt:3: found '3\\tcar\\t5\\t6', expected 4 numbers",
        ),
        (lambda text: text.replace("3\t4\t5\t6", "3\t4\t5"), r"boxes.txt:3: .*expected 4 numbers"),
        (lambda text: text.replace("3\t4", "3\t7"), "other numbers than its record's SHA-256"),
        (lambda text: "", "found 0 rows, expected 5 rows"),
        (lambda text: text + "9\t9\t9\t9\n", "found 6 rows, expected 5 rows"),
    ],
)
def test_damaged_file_is_told_in_one_line(tmp_path: Path, damage: object, message: str) -> None:
    boxes = np.array([[k, k + 1, k + 2, k + 3] for k in range(1, 6)], dtype=np.float64)
    data = format_table(boxes)
    path = tmp_path / "boxes.txt"
    path.write_text(damage(data.decode()))  # type: ignore[operator]
    with pytest.raises(ResultsError, match=message) as caught:
        parse_table(path, 4, rows=5, sha256=hashlib.sha256(data).hexdigest())
    assert "\n" not in str(caught.value)
    assert "delete it and run again" in str(caught.value)


def test_repetitions_are_found_and_kept_where_they_are(tmp_path: Path) -> None:
    for name in ("ope_000", "ope_002", "ope.old-001", "ope_fast", "opening_000"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").touch()
    assert list(repetitions(tmp_path, "ope")) == [0, 2]
    assert folder_of(tmp_path, "ope", 1, 3).name == "ope_001"
    (tmp_path / "ope").mkdir()
    (tmp_path / "ope" / "run.json").touch()
    assert repetitions(tmp_path, "ope")[0].name == "ope"
    assert folder_of(tmp_path, "ope", 0, 3).name == "ope"
    assert folder_of(tmp_path / "none", "ope", 0, 1).name == "ope"
    assert folder_of(tmp_path / "none", "ope", 0, 2).name == "ope_000"
