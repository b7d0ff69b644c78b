"""NfS: both layouts, both frame rates, and how the one is had from the other."""

from __future__ import annotations

from pathlib import Path

import miniatures
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.datasets.nfs import NfS
from trackzoo.errors import DataError, TrackzooError
from trackzoo.registry import open_dataset
from trackzoo.sequence import Annotation


def vatic(
    count: int, *, lost: tuple[int, ...] = (), occluded: tuple[int, ...] = (), label: str = "yo yo (red)"
) -> list[str]:
    """Lines of a VATIC file; frame f has the corners (f, 2f, f + 10, 2f + 20)."""
    return [
        f'0 {f} {2 * f} {f + 10} {2 * f + 20} {f} {int(f in lost)} {int(f in occluded)} {int(f % 3 == 0)} "{label}"'
        for f in range(1, count + 1)
    ]


def native(root: Path, name: str, rate: int, lines: list[str], pictures: int) -> Path:
    home = root / name / str(rate)
    for number in range(1, pictures + 1):
        miniatures.image(home / name / f"{number:05d}.jpg", number)
    return miniatures.text(home / f"{name}.txt", "\n".join(lines) + "\n")


def expected(frames: list[int]) -> np.ndarray:
    return np.array([[f, 2 * f, 10, 20] for f in frames], dtype=float)


def test_names_and_splits(tmp_path: Path) -> None:
    usual, fast = open_dataset("nfs", tmp_path), open_dataset("nfs-240", tmp_path)
    assert (usual.id, fast.id) == ("nfs-30", "nfs-240")
    assert len(usual) == len(fast) == 100
    assert usual.names == fast.names
    assert usual["nfs_bee"].name == "bee"
    assert (usual["bee"].fps, fast["bee"].fps, usual["bee"].category) == (30, 240, "insect")
    assert (usual.profile, usual.toolkit_names["pytracking"], usual.origin) == ("pytracking", "nfs", 0)


def test_240_fps_has_every_line(tmp_path: Path) -> None:
    native(tmp_path, "yoyo", 240, vatic(20, lost=(4, 5), occluded=(5, 17)), 20)
    dataset = open_dataset("nfs-240", tmp_path)
    sequence = dataset["yoyo"]
    np.testing.assert_array_equal(sequence.boxes, expected(list(range(1, 21))))
    labels = sequence.annotation.labels
    assert np.flatnonzero(labels["lost"]).tolist() == [3, 4]
    assert np.flatnonzero(labels["occluded"]).tolist() == [4, 16]
    assert labels["generated"].sum() == 6
    assert sequence.visible.all()  # as in the toolkits whose figures are published
    assert sequence.facts == {"label": "yo yo (red)"}
    assert len(sequence.frames) == 20
    assert not [problem for problem in dataset.check() if problem.sequence == "yoyo"]


@pytest.mark.parametrize(("lines", "pictures", "rows"), [(160, 20, 20), (161, 20, 20), (160, 21, 20), (153, 20, 20)])
def test_30_fps_takes_every_eighth_line(tmp_path: Path, lines: int, pictures: int, rows: int) -> None:
    """One picture or one row may be left over."""
    native(tmp_path, "yoyo", 30, vatic(lines, lost=(9,)), pictures)
    sequence = open_dataset("nfs-30", tmp_path)["yoyo"]
    np.testing.assert_array_equal(sequence.boxes, expected([1 + 8 * index for index in range(rows)]))
    assert len(sequence.frames) == rows
    assert np.flatnonzero(sequence.annotation.labels["lost"]).tolist() == [1]


def test_30_fps_with_a_line_a_picture(tmp_path: Path) -> None:
    native(tmp_path, "yoyo", 30, vatic(20), 20)
    np.testing.assert_array_equal(open_dataset("nfs", tmp_path)["yoyo"].boxes, expected(list(range(1, 21))))


@pytest.mark.parametrize(("rate", "lines", "pictures"), [(30, 160, 23), (30, 160, 17), (240, 20, 22), (240, 20, 17)])
def test_lines_that_do_not_fit_the_pictures(tmp_path: Path, rate: int, lines: int, pictures: int) -> None:
    path = native(tmp_path, "yoyo", rate, vatic(lines), pictures)
    dataset = open_dataset(f"nfs-{rate}", tmp_path)
    with pytest.raises(DataError, match=f"{path}: found rows for 20 pictures, expected {pictures}"):
        _ = dataset["yoyo"].boxes
    assert [problem.fatal for problem in dataset.check() if problem.sequence == "yoyo"] == [True]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('0 1 2 3 4 3 0 0 "x"', "nine whole numbers"),
        ('0 1 2 3 4.5 3 0 0 0 "x"', "nine whole numbers"),
        ('0 1 2 3 4 3 0 0 0 9 "x"', "nine whole numbers"),
        ("0 1 2 3 4 3 0 0 0", None),
        ('1 1 2 3 4 3 0 0 0 "x"', "a target 1, expected one target, 0"),
        ('0 1 2 3 4 5 0 0 0 "x"', "found frame 5, expected frame 3"),
        ('0 1 2 3 4 3 2 0 0 "x"', "0 or 1 for lost"),
    ],
)
def test_odd_lines(tmp_path: Path, line: str, says: str | None) -> None:
    lines = vatic(20)
    lines[2] = line
    path = native(tmp_path, "yoyo", 240, lines, 20)
    sequence = open_dataset("nfs-240", tmp_path)["yoyo"]
    if says is None:  # a label may be missing
        assert len(sequence) == 20
        return
    with pytest.raises(DataError) as caught:
        _ = sequence.boxes
    assert f"{path}:3" in str(caught.value)
    assert says in str(caught.value)


def test_pictures_that_appear_later_are_counted_anew(tmp_path: Path) -> None:
    native(tmp_path, "yoyo", 30, vatic(168), 20)
    before = open_dataset("nfs", tmp_path).fingerprint()
    miniatures.image(tmp_path / "yoyo" / "30" / "yoyo" / "00021.jpg", 21)
    assert len(open_dataset("nfs", tmp_path)["yoyo"]) == 21
    assert open_dataset("nfs", tmp_path).fingerprint() != before


def repackaged(root: Path, name: str, rows: np.ndarray, pictures: tuple[int, ...] = (1,)) -> None:
    miniatures.text(root / "anno" / f"nfs_{name}.txt", miniatures.rows(rows, "\t"))
    for number in pictures:
        miniatures.image(root / "sequences" / name / f"{number:05d}.jpg", number)


def test_pytrackings_copy(tmp_path: Path) -> None:
    values = miniatures.boxes(45) + 0.5
    repackaged(tmp_path, "bee", values, (1, 45))
    dataset = open_dataset("nfs", tmp_path)
    assert dataset.available() == ("bee",)
    sequence = dataset["bee"]
    np.testing.assert_array_equal(sequence.boxes, values)
    assert sequence.frames[44].label == str(tmp_path / "sequences" / "bee" / "00045.jpg")
    assert dataset.known_frames() == 45
    assert open_dataset("nfs-240", tmp_path).available() == ()
    repackaged(tmp_path, "bee", values[:44], tuple(range(1, 46)))
    with pytest.raises(DataError, match="too few rows: 44"):
        _ = open_dataset("nfs", tmp_path)["bee"].boxes


def test_the_two_layouts_are_told_apart(tmp_path: Path) -> None:
    native(tmp_path / "own", "bee", 30, vatic(360), 45)
    repackaged(tmp_path / "other", "bee", expected([1 + 8 * index for index in range(45)]))
    own, other = (open_dataset("nfs", tmp_path / name) for name in ("own", "other"))
    assert isinstance(own, NfS)
    assert isinstance(other, NfS)
    assert (own.native, other.native) == (True, False)
    np.testing.assert_array_equal(own["bee"].boxes, other["bee"].boxes)
    assert own.fingerprint() == other.fingerprint()
    assert "nfs_bee.txt" in other.expected_tree()


def test_what_is_known_about_pingpong_2_is_told(tmp_path: Path) -> None:
    native(tmp_path, "pingpong_2", 30, vatic(160), 20)
    [problem] = [found for found in open_dataset("nfs", tmp_path).check() if found.sequence == "pingpong_2"]
    assert not problem.fatal
    assert "264" in problem.text


def test_without_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native(tmp_path, "bee", 30, vatic(368), 0)  # 46 eighth lines, 45 pictures by the list
    monkeypatch.setattr(NfS, "annotations_only", True)
    sequence = open_dataset("nfs", tmp_path)["bee"]
    assert len(sequence) == 45
    with pytest.raises(TrackzooError, match="no images here"):
        _ = sequence.frames


@given(st.integers(1, 40), st.integers(0, 7))
@settings(max_examples=20, deadline=None)
def test_whatever_the_length_the_rows_fit_the_pictures(
    tmp_path_factory: pytest.TempPathFactory, pictures: int, rest: int
) -> None:
    root = tmp_path_factory.mktemp("nfs")
    native(root, "yoyo", 30, vatic(8 * (pictures - 1) + 1 + rest), pictures)
    annotation: Annotation = open_dataset("nfs", root)["yoyo"].annotation
    if 8 * (pictures - 1) + 1 + rest > pictures + 1:
        np.testing.assert_array_equal(annotation.boxes, expected([1 + 8 * index for index in range(pictures)]))
    else:
        assert len(annotation.boxes) == pictures
