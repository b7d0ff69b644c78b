"""`trackzoo track`: a person's own pictures, from the command line, with and without an annotated video."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from trackzoo.draw import draw_box, draw_lines, draw_mask
from trackzoo.errors import DataError, SettingsError, TrackzooError
from trackzoo.frames import VideoFrames
from trackzoo.registry import open_dataset
from trackzoo.video import Source, Writer, natural

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]

FRAMES = 12


@pytest.fixture(scope="module")
def sequence() -> object:
    return open_dataset(f"synth:length={FRAMES}")["stroll-1"]


@pytest.fixture
def folder(tmp_path: Path, sequence: object) -> Path:
    """Images whose names sort wrongly as text: 1.png … 12.png."""
    place = tmp_path / "shots"
    place.mkdir()
    for index in range(FRAMES):
        cv2.imwrite(str(place / f"{index + 1}.png"), sequence.frames[index].array()[:, :, ::-1])  # type: ignore[attr-defined]
    return place


def box_of(sequence: object) -> str:
    return ",".join(f"{value:g}" for value in sequence.boxes[0])  # type: ignore[attr-defined]


def test_folder_to_boxes_and_annotated_video(cli: Cli, folder: Path, sequence: object, tmp_path: Path) -> None:
    done = cli(
        "track",
        folder,
        "--box",
        box_of(sequence),
        "-t",
        "static",
        "--out",
        "seen.mp4",
        "--boxes",
        "boxes.txt",
        "--no-show",
    )
    assert done.returncode == 0, done.stderr
    assert f"static: {FRAMES} frames" in done.stdout
    rows = np.loadtxt(tmp_path / "boxes.txt", delimiter=",")
    np.testing.assert_array_equal(rows, np.tile(sequence.boxes[0], (FRAMES, 1)))  # type: ignore[attr-defined]
    seen = VideoFrames(tmp_path / "seen.mp4")
    assert len(seen) == FRAMES
    assert seen[0].size == sequence.frames[0].size  # type: ignore[attr-defined]
    # The box is drawn: its edge differs from the picture much more than compression does.
    x, y, w, _ = sequence.boxes[0].astype(int)  # type: ignore[attr-defined]
    change = np.abs(seen[3].array().astype(int) - sequence.frames[3].array().astype(int)).mean(axis=2)  # type: ignore[attr-defined]
    assert change[y, x : x + w].mean() > 40
    assert not list(tmp_path.glob(".*tmp*"))


def test_video_file_and_limit(cli: Cli, tmp_path: Path, sequence: object) -> None:
    with Writer(tmp_path / "clip.avi", 25) as writer:
        for frame in sequence.frames:  # type: ignore[attr-defined]
            writer.write(frame.array())
    done = cli("track", "clip.avi", "--box", box_of(sequence), "-t", "static", "--limit", "5", "--no-show")
    assert done.returncode == 0, done.stderr
    assert "static: 5 frames" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "needles"),
    [
        (("{folder}", "--box", "1,2,3"), ("--box", "'1,2,3'", "x,y,w,h")),
        (("{folder}", "--box", "a,b,c,d"), ("--box", "'a,b,c,d'")),
        (("{folder}", "--box", "10,10,0,5"), ("no area",)),
        (("{folder}", "--box", "5000,10,20,20"), ("outside", "320x240")),
        (("{folder}",), ("no display", "--box")),
        (("nowhere.mp4", "--box", "1,2,3,4"), ("nowhere.mp4",)),
        (("{empty}", "--box", "1,2,3,4"), ("no images",)),
        (("{folder}", "--box", "1,2,30,40", "--out", "seen.txt"), ("seen.txt", ".mp4")),
        (("{folder}", "--box", "1,2,30,40", "--out", "no/where.mp4"), ("no folder",)),
        (("{folder}", "--box", "1,2,30,40", "-t", "statik"), ("statik", "did you mean static")),
    ],
)
def test_mistakes_are_one_line(
    cli: Cli, refused: Refused, folder: Path, tmp_path: Path, arguments: tuple[str, ...], needles: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"folder": folder, "empty": tmp_path / "empty"}
    given = [argument.format(**places) for argument in arguments]
    if "-t" not in given:
        given += ["-t", "static"]
    refused(cli("track", *given, DISPLAY="", WAYLAND_DISPLAY=""), *needles)
    assert not list(tmp_path.glob("**/*.mp4"))
    assert not list(tmp_path.glob(".*tmp*"))


def test_a_tracker_without_weights_leaves_no_folder_of_masks(
    cli: Cli, refused: Refused, folder: Path, tmp_path: Path
) -> None:
    words = ("track", folder, "--box", "10,20,30,40", "-t", "rts", "--no-show", "--masks")
    refused(cli(*words, "out"), "the weights 'rts50' are not here")
    (tmp_path / "file").write_text("mine")
    refused(cli(*words, "file"), "file: no folder for masks")
    assert sorted(path.name for path in tmp_path.iterdir() if path != folder) == ["file"]


def test_numbers_sort_as_numbers(folder: Path) -> None:
    frames = Source(str(folder)).frames
    assert frames is not None
    assert [Path(frames.label(index)).stem for index in range(FRAMES)] == [str(k + 1) for k in range(FRAMES)]
    assert sorted(["b2", "b10", "a3", "7", "07x"], key=natural) == ["7", "07x", "a3", "b2", "b10"]


def test_pattern(folder: Path) -> None:
    assert len(Source(str(folder / "1*.png"))) == 4  # 1, 10, 11, 12


def test_single_image_is_no_video(folder: Path) -> None:
    with pytest.raises(SettingsError, match="one picture is no video"):
        Source(str(folder / "1.png"))


def test_webcam_that_is_not_there() -> None:
    with pytest.raises(TrackzooError, match="webcam 97"):
        Source("97")


def test_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with Writer(tmp_path / "v.avi", 25) as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    def mixed() -> None:
        with Writer(tmp_path / "v.avi", 25) as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8))
            writer.write(np.zeros((48, 60, 3), np.uint8))

    with pytest.raises(TrackzooError, match="60x48"):
        mixed()
    assert list(tmp_path.iterdir()) == []


def test_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"no image")
    frames = Source(str(tmp_path)).frames
    assert frames is not None
    with pytest.raises(DataError, match="1.png"):
        frames[0].array()


def test_drawing_stays_inside_and_shows() -> None:
    picture = np.full((60, 80, 3), 128, np.uint8)
    draw_box(picture, np.array([-500.0, 20, 4000, 1e9]))
    assert (picture != 128).any()
    untouched = np.full((60, 80, 3), 128, np.uint8)
    draw_box(untouched, np.array([np.nan, 1, 2, 3]))
    assert (untouched == 128).all()
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    draw_mask(untouched, mask)
    assert (untouched[25:35, 35:45] != 128).any(axis=2).all()
    assert (untouched[:15] == 128).all()
    with pytest.raises(ValueError, match="mask of"):
        draw_mask(untouched, mask[:10])
    draw_lines(untouched, ["früh", "x" * 500])
