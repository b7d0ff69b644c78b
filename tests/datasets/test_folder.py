"""A person's own data: pictures and boxes are found, the form of the boxes is found out or asked for, mistakes are named."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence as ListOf
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.datasets._folder_boxes import read_rows
from trackzoo.errors import DataError, SettingsError, TrackzooError, UnknownName
from trackzoo.geometry import corners_from_boxes
from trackzoo.regions import Polygon, Special
from trackzoo.registry import dataset_choice, open_dataset
from trackzoo.sequence import Sequence

SIZE = (160, 120)
Made = Callable[..., Path]


def boxes(count: int = 6) -> np.ndarray:
    """Boxes of something that moves down to the right."""
    steps = np.arange(count)[:, None]
    return np.array([[40.0, 20, 30, 24]]) + steps * [[7.0, 5, 0.5, 0.25]]


def write_rows(path: Path, rows: np.ndarray | ListOf[ListOf[float]], separator: str = ",") -> Path:
    path.write_text("".join(separator.join(f"{value:g}" for value in row) + "\n" for row in rows))
    return path


def write_images(folder: Path, count: int = 6, pattern: str = "{:05d}.jpg", first: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        # Grey tells which picture it is, whatever its name.
        cv2.imwrite(str(folder / pattern.format(first + index)), np.full((SIZE[1], SIZE[0], 3), 20 * index, np.uint8))
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_images(tmp_path / "clip")
    write_rows(tmp_path / "clip" / "groundtruth.txt", boxes())
    return tmp_path / "clip"


def only(root: Path, **options: str) -> Sequence:
    dataset = open_dataset("folder", root, **options)
    assert len(dataset) == 1
    return dataset[dataset.names[0]]


def test_images_and_boxes_in_one_folder(clip: Path) -> None:
    dataset = open_dataset("folder", clip)
    assert dataset.id == "folder-clip"
    assert dataset.names == dataset.available() == ("clip",)
    assert dataset.public_truth
    assert dataset.check() == []
    sequence = dataset["clip"]
    np.testing.assert_array_equal(sequence.boxes, boxes())
    assert sequence.visible.all()
    assert len(sequence.frames) == 6
    assert [int(frame.array().mean() / 20 + 0.5) for frame in sequence.frames] == list(range(6))
    assert sequence.facts["boxes"].startswith("x,y,w,h")
    assert sequence.facts["truth"] == "every frame, from groundtruth.txt"


@pytest.mark.parametrize("place", ["img", "imgs", "images", "color", "rgb", "frames", "JPEGImages", "whatever"])
@pytest.mark.parametrize("truth", ["groundtruth_rect.txt", "gt.txt", "clip.txt", "mine.txt"])
def test_usual_names(tmp_path: Path, place: str, truth: str) -> None:
    write_images(tmp_path / "clip" / place)
    write_rows(tmp_path / "clip" / truth, boxes())
    if (place, truth) == ("whatever", "mine.txt"):
        # Neither name says that they belong together.
        with pytest.raises(DataError, match="no file of boxes"):
            len(only(tmp_path / "clip"))
        assert len(only(tmp_path / "clip", frames="whatever")) == 6
    else:
        assert len(only(tmp_path / "clip")) == 6


def test_pictures_sort_by_number(tmp_path: Path) -> None:
    write_images(tmp_path / "clip", 12, "frame {}.png", first=5)  # 5 … 16: "frame 10" sorts before "frame 5" as text
    write_rows(tmp_path / "clip" / "gt.txt", boxes(12))
    pictures = [int(frame.array()[0, 0, 0]) // 20 for frame in only(tmp_path / "clip").frames]
    assert pictures == list(range(12))


@pytest.mark.parametrize("separator", [",", "\t", " ", ";", ", "])
def test_separators(tmp_path: Path, separator: str) -> None:
    write_images(tmp_path / "clip")
    write_rows(tmp_path / "clip" / "gt.txt", boxes(), separator)
    np.testing.assert_array_equal(only(tmp_path / "clip").boxes, boxes())


def test_a_folder_of_sequences_and_videos(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        write_images(tmp_path / f"clip{number}" / "img", number)
        write_rows(tmp_path / f"clip{number}" / "gt.txt", boxes(number) if number > 1 else [[40, 20, 30, 24]])
    write_video(tmp_path / "film.avi")
    write_rows(tmp_path / "film.txt", boxes(8))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("buy milk")
    (tmp_path / ".hidden").mkdir()
    dataset = open_dataset("folder", tmp_path)
    assert dataset.names == ("clip1", "clip2", "clip10", "film")
    assert [len(dataset[name]) for name in dataset.names] == [1, 2, 10, 8]
    with pytest.raises(UnknownName, match="did you mean"):
        dataset["clip3"]


def write_video(path: Path, count: int = 8) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12, SIZE)
    for index in range(count):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 20 * index % 256, np.uint8))
    writer.release()
    return path


def test_a_video_with_its_boxes_beside_it(tmp_path: Path) -> None:
    video = write_video(tmp_path / "film.avi")
    write_rows(tmp_path / "film.txt", boxes(8))
    dataset = open_dataset("folder", video)
    assert dataset.id == "folder-film"
    sequence = dataset["film"]
    assert len(sequence) == len(sequence.frames) == 8
    assert sequence.frames[5].array().mean() == pytest.approx(100, abs=2)
    assert sequence.fps == pytest.approx(12)
    assert dataset.check() == []
    again = pickle.loads(pickle.dumps(sequence))
    assert np.array_equal(again.frames[7].array(), sequence.frames[7].array())


def test_a_video_needs_a_row_a_frame(tmp_path: Path) -> None:
    video = write_video(tmp_path / "film.avi")
    write_rows(tmp_path / "film.txt", boxes(5))
    with pytest.raises(DataError, match=r"film.txt: found too few rows: 5, expected 8, one a frame, or 1"):
        len(only(video))
    write_rows(tmp_path / "film.txt", boxes(9))
    with pytest.raises(DataError, match="found too many rows: 9, expected 8"):
        len(only(video))


def test_a_video_that_claims_more_frames_than_it_has(tmp_path: Path) -> None:
    data = write_video(tmp_path / "film.avi", 40).read_bytes()
    video = tmp_path / "cut.avi"
    video.write_bytes(data[: len(data) // 2])
    write_rows(tmp_path / "cut.txt", [[40, 20, 30, 24]])
    sequence = only(video)
    with pytest.raises(
        DataError, match=r"cut.avi \(frame \d+\): found a frame that cannot be decoded, expected 40 frames"
    ):
        sequence.frames[39].array()
    problems = open_dataset("folder", video).check()
    assert any("cannot be decoded, expected 40 frames" in problem.text for problem in problems)


def test_the_first_box_alone(clip: Path) -> None:
    (clip / "groundtruth.txt").unlink()
    write_rows(clip / "init.txt", [[80, 60, 30, 24]])
    dataset = open_dataset("folder", clip)
    assert not dataset.public_truth
    sequence = dataset["clip"]
    assert sequence.boxes.shape == (6, 4)
    assert sequence.boxes[0].tolist() == [80, 60, 30, 24]
    assert np.isnan(sequence.boxes[1:]).all()
    assert sequence.annotation.annotated is not None
    assert sequence.annotation.annotated.tolist() == [True] + [False] * 5
    assert [problem.fatal for problem in dataset.check()] == [False]


def test_the_full_truth_goes_before_the_first_box(clip: Path) -> None:
    write_rows(clip / "init.txt", [[80, 60, 30, 24]])
    np.testing.assert_array_equal(only(clip).boxes, boxes())
    assert only(clip, truth="init.txt").boxes[0, 0] == 80


def test_words_are_read(clip: Path) -> None:
    (clip / "language.txt").write_text("the grey one, on the left\n")
    assert only(clip).text == "the grey one, on the left"
    assert len(only(clip)) == 6


def test_opening_reads_nothing(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(clip / "groundtruth.txt", [[1, 2, 3]])
    sequence = only(clip)  # no complaint before the boxes are wanted
    with pytest.raises(DataError, match="3 numbers"):
        len(sequence)


# What rows may say.


def test_absent_rows(clip: Path) -> None:
    rows = boxes()
    rows[2], rows[3], rows[4], rows[5, 2:] = np.nan, 0, -1, 0
    write_rows(clip / "groundtruth.txt", rows)
    sequence = only(clip)
    assert sequence.visible.tolist() == [True, True, False, False, False, False]
    np.testing.assert_array_equal(sequence.boxes[:2], boxes()[:2])


def test_polygons(clip: Path) -> None:
    rows = np.array([[10.0, 20, 40, 10, 50, 40, 20, 50]] * 6) + np.arange(6)[:, None]
    rows[3] = np.nan
    write_rows(clip / "groundtruth.txt", rows)
    sequence = only(clip)
    assert sequence.boxes[0].tolist() == [10, 10, 40, 40]
    assert sequence.regions is not None
    assert sequence.regions[1] == Polygon(((11, 21), (41, 11), (51, 41), (21, 51)))
    assert sequence.regions[3] == Special(0)
    assert not sequence.visible[3]
    with pytest.raises(DataError, match="8 numbers in a row, expected 4 for format=xywh"):
        len(only(clip, format="xywh"))


def test_corners_are_found_out_and_said(clip: Path) -> None:
    write_rows(clip / "groundtruth.txt", corners_from_boxes(boxes()))
    sequence = only(clip)
    np.testing.assert_allclose(sequence.boxes, boxes())
    assert sequence.facts["boxes"].startswith("corners x1,y1,x2,y2 (found out")
    assert only(clip, format="corners").facts["boxes"] == "corners x1,y1,x2,y2 (as told)"
    [note] = open_dataset("folder", clip).check()
    assert not note.fatal
    assert "taken as corners x1,y1,x2,y2 (found out" in note.text
    assert open_dataset("folder:format=corners", clip).check() == []


def test_in_doubt_the_form_is_asked_for(clip: Path) -> None:
    write_rows(clip / "groundtruth.txt", [[10, 10, 60, 50]] * 6)
    with pytest.raises(DataError, match="can be x,y,w,h and x1,y1,x2,y2.*say which with format=xywh or format=corners"):
        len(only(clip))
    assert only(clip, format="xywh").boxes[0].tolist() == [10, 10, 60, 50]
    assert only(clip, format="corners").boxes[0].tolist() == [10, 10, 50, 40]


@given(
    start=st.tuples(st.floats(0, 200), st.floats(0, 150), st.floats(8, 90), st.floats(8, 70)),
    steps=st.lists(
        st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8)), max_size=30
    ),
    corners=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_the_form_is_never_mistaken(
    tmp_path_factory: pytest.TempPathFactory,
    start: tuple[float, ...],
    steps: list[tuple[float, ...]],
    corners: bool,
) -> None:
    """Whatever moves about in a picture of 320x240: the right form, or the question."""
    track = np.cumsum(np.array([start, *steps]), axis=0)
    track[:, 2:] = np.clip(track[:, 2:], 6, 110)
    track[:, :2] = np.clip(track[:, :2], 0, np.array([320, 240]) - track[:, 2:])
    path = tmp_path_factory.getbasetemp() / "form.txt"
    path.write_text(
        "\n".join(",".join(map(repr, row)) for row in (corners_from_boxes(track) if corners else track).tolist())
    )
    try:
        rows = read_rows(path, "auto", (320, 240))
    except DataError as error:
        asked = "say which with format=" in str(error)
        assert asked, error  # noqa: PT017
        return
    np.testing.assert_allclose(rows.boxes, track, atol=1e-9)


# Mistakes: one line that says where, what and what to do.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n" * 6, r"groundtruth.txt:1: found 3 numbers in '1,2,3', expected 4 or 8 numbers"),
        ("1,2,30,40\n" * 5 + "one,2,30,40\n", r"groundtruth.txt:6: found 'one', expected a number"),
        ("100,20,30,40\n" * 5, r"found too few rows: 5, expected 6, one a frame, or 1 for the first frame"),
        ("100,20,30,40\n" * 7, r"found too many rows: 7, expected 6"),
        ("", r"groundtruth.txt: found an empty file"),
        ("100,20,30,40\n100,20,-3,40\n" + "100,20,30,40\n" * 4, r"groundtruth.txt:2: found 100,20,-3,40, expected"),
        ("100,20,30,40\n100,nan,30,40\n" + "100,20,30,40\n" * 4, r"groundtruth.txt:2: found a row with some NaN"),
        ("100,20,30,inf\n" * 6, r"groundtruth.txt:1: found 'inf', expected a finite number"),
    ],
)
def test_odd_annotation(clip: Path, text: str, message: str) -> None:
    (clip / "groundtruth.txt").write_text(text)
    with pytest.raises(DataError, match=message) as error:
        len(only(clip))
    assert "\n" not in str(error.value)


def test_corners_that_end_before_they_begin(clip: Path) -> None:
    rows = corners_from_boxes(boxes())
    rows[4, 2] = 3
    write_rows(clip / "groundtruth.txt", rows)
    with pytest.raises(DataError, match=r"groundtruth.txt:5: found 68,40,3,65, expected x2 > x1 and y2 > y1"):
        len(only(clip, format="corners"))


def test_no_truth_says_how_to_make_one(clip: Path) -> None:
    (clip / "groundtruth.txt").unlink()
    with pytest.raises(
        DataError, match=r"no file of boxes, expected a file such as groundtruth.txt.*init.txt.*truth=NAME"
    ):
        len(only(clip))
    dataset = open_dataset("folder", clip)
    assert dataset.available() == ()
    assert any(problem.fatal for problem in dataset.check())
    with pytest.raises(DataError, match="'other.txt'"):
        len(only(clip, truth="other.txt"))


def test_two_truths(clip: Path) -> None:
    write_rows(clip / "gt.txt", boxes())
    with pytest.raises(
        DataError, match="both 'groundtruth.txt' and 'gt.txt', expected one file of boxes; say which with"
    ):
        only(clip)
    assert len(only(clip, truth="gt.txt")) == 6


def test_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found neither images nor videos"):
        only(tmp_path / "empty")
    write_rows(tmp_path / "empty" / "groundtruth.txt", boxes())
    with pytest.raises(DataError, match="found neither images nor videos"):
        only(tmp_path / "empty")
    with pytest.raises(DataError, match="in a folder 'left'"):
        only(tmp_path / "empty", frames="left")


def test_an_empty_image_is_named(clip: Path) -> None:
    (clip / "00003.jpg").write_bytes(b"")
    sequence = only(clip)
    with pytest.raises(DataError, match=r"00003.jpg: found an empty file, expected an image"):
        sequence.frames[2].array()
    assert [problem.path.name for problem in open_dataset("folder", clip).check()] == ["00003.jpg"]
    (clip / "00001.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"00001.jpg: found data that cannot be decoded"):
        len(only(clip))


def test_two_sequences_of_one_name(tmp_path: Path) -> None:
    write_images(tmp_path / "clip")
    write_video(tmp_path / "clip.avi")
    with pytest.raises(DataError, match="two sequences named 'clip'"):
        open_dataset("folder", tmp_path).names  # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "yxhw"}, "format=yxhw cannot be used; expected one of auto, xywh, corners, polygon"),
        ({"origin": "2"}, "origin=2 cannot be used; expected 0 or 1"),
        ({"size": "3"}, "no option 'size'; it has frames, truth, format, origin"),
    ],
)
def test_odd_options(clip: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        open_dataset("folder", clip, **options)
    assert message in str(error.value)


def test_where_is_it(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="Give --data-root DIR"):
        open_dataset("folder")
    with pytest.raises(TrackzooError, match="found no such folder or file"):
        open_dataset("folder", tmp_path / "none")


# What results are filed under.


def test_ids_open_again(clip: Path) -> None:
    (clip / "other").mkdir()
    write_rows(clip / "other" / "b.txt", [[80, 60, 30, 24]])
    dataset = open_dataset("folder:truth=other/b.txt,format=xywh,origin=1", clip)
    assert dataset.id == "folder-clip+format=xywh+origin=1+truth=other%2Fb.txt"
    again = open_dataset(dataset.id, clip)
    assert (again.id, again.origin, again.fingerprint()) == (dataset.id, 1, dataset.fingerprint())
    assert dataset_choice(dataset.id)[0].name == "folder"
    with pytest.raises(TrackzooError, match="is 'folder-clip', not 'folder-film'"):
        open_dataset("folder-film", clip)


def test_a_name_that_a_file_system_or_an_option_would_mistake(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "my clip: a+b=c, d")
    write_rows(folder / "gt.txt", boxes())
    dataset = open_dataset("folder", folder)
    assert dataset.id == "folder-my-clip-a-b-c-d"
    assert open_dataset(dataset.id, folder).names == ("my clip: a+b=c, d",)


def test_a_subfolder_that_is_named_as_the_dataset(tmp_path: Path) -> None:
    for name in ("folder", "other"):
        write_images(tmp_path / name)
        write_rows(tmp_path / name / "gt.txt", boxes())
    assert open_dataset("folder", tmp_path).names == ("folder", "other")


def test_fingerprint_follows_the_boxes(clip: Path) -> None:
    before = open_dataset("folder", clip).fingerprint()
    assert open_dataset("folder", clip).fingerprint() == before
    rows = boxes()
    rows[3, 0] += 1
    write_rows(clip / "groundtruth.txt", rows)
    assert open_dataset("folder", clip).fingerprint() != before
    write_rows(clip / "groundtruth.txt", boxes(), "\t")
    assert open_dataset("folder", clip).fingerprint() == before


# Real data.


def test_the_tld_clip(shared: Path) -> None:
    """Corners with NaN rows, and `init.txt` beside them."""
    sequence = only(shared / "data" / "sequences" / "tld" / "05_pedestrian3")
    assert len(sequence) == len(sequence.frames) == 120
    assert sequence.boxes[0].tolist() == [154, 102, 24, 52]
    assert np.flatnonzero(~sequence.visible).tolist() == list(range(52, 80))
    assert "corners" in sequence.facts["boxes"]
    assert sequence.frames[0].size == (320, 240)


@pytest.mark.parametrize(("clip", "frames"), [("otb/Deer", 71), ("otb/Couple", 120), ("vot2015/bag", 120)])
def test_benchmark_clips_as_own_folders(shared: Path, clip: str, frames: int) -> None:
    sequence = only(shared / "data" / "sequences" / clip)
    assert len(sequence) == len(sequence.frames) == frames
    assert sequence.visible.all()


def test_more_pictures_than_rows_is_said(shared: Path) -> None:
    with pytest.raises(DataError, match=r"groundtruth_rect.txt: found too few rows: 74, expected 81"):
        len(only(shared / "data" / "sequences" / "otb" / "Football1"))


# The whole way through the command line.


def test_one_command_from_pictures_to_scores(clip: Path, cli: Callable[..., Any]) -> None:
    done = cli("run", "--tracker", "static", "--dataset", "folder", "--data-root", clip)
    assert done.returncode == 0, done.stderr
    report = cli("report")
    assert report.returncode == 0, report.stderr
    assert "static" in report.stdout
    assert report.stdout.startswith("clip ")


def test_mistakes_are_one_line_and_exit_code_2(
    clip: Path, tmp_path: Path, cli: Callable[..., Any], refused: Callable[..., str]
) -> None:
    run = ("run", "--tracker", "static", "--dataset")
    refused(cli(*run, "folder"), "Give --data-root DIR")
    refused(cli(*run, "folder", "--data-root", tmp_path / "none"), "found no such folder or file")
    write_rows(clip / "groundtruth.txt", [[1, 2, 3]] * 6)
    refused(cli(*run, "folder", "--data-root", clip), "groundtruth.txt:1: found 3 numbers")
    write_rows(clip / "groundtruth.txt", [[10, 10, 60, 50]] * 6)
    refused(cli(*run, "folder", "--data-root", clip), "say which with format=xywh or format=corners")
    done = cli(*run, "folder:format=xywh", "--data-root", clip)
    assert done.returncode == 0, done.stderr
