"""Frames of video files: the right frame in any order, from any thread, and one line for files that are broken."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from trackzoo.errors import DataError
from trackzoo.frames import VideoFrames, count_video

COUNT = 60


def write_video(path: Path, count: int = COUNT, code: str = "MJPG", size: tuple[int, int] = (96, 64)) -> Path:
    """A video whose frame k tells its number: the columns left of k are bright, and its red falls with k."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 25, size)
    if not writer.isOpened():
        pytest.skip(f"this OpenCV cannot write {code}")
    for index in range(count):
        picture = np.full((size[1], size[0], 3), (40, 40, 250 - index * 3), np.uint8)
        picture[:, :index] = 255
        writer.write(picture)
    writer.release()
    return path


def number(picture: np.ndarray) -> int:
    """Which frame it is, by its bright columns (compression blurs the border)."""
    return int(np.count_nonzero(picture[:, :, 1].mean(axis=0) > 147))


@pytest.fixture(scope="module", params=["MJPG.avi", "mp4v.mp4", "VP80.mkv"])
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    code, suffix = request.param.split(".")
    return write_video(tmp_path_factory.mktemp("video") / f"clip.{suffix}", code=code)


def near(picture: np.ndarray, index: int) -> bool:
    return abs(number(picture) - index) <= 1 and abs(int(np.median(picture[:, -8:, 0])) - (250 - index * 3)) <= 6


def test_frames_in_order(video: Path) -> None:
    frames = VideoFrames(video)
    assert len(frames) == COUNT == count_video(video)
    assert frames.fps == pytest.approx(25)
    for index, frame in enumerate(frames):
        assert frame.size == (96, 64)
        assert near(frame.array(), index), index
        frame.release()


def test_any_order_gives_the_same_frames(video: Path) -> None:
    in_order = [frame.array() for frame in VideoFrames(video)]
    frames = VideoFrames(video)
    order = [59, 0, 1, 30, 29, 31, 2, 58, *random.Random(1).sample(range(COUNT), 30)]
    for index in order:
        assert np.array_equal(frames.read(index), in_order[index]), index
    assert np.array_equal(frames[-1].array(), in_order[-1])
    with pytest.raises(IndexError):
        frames[COUNT]


def test_several_threads(video: Path) -> None:
    in_order = [frame.array() for frame in VideoFrames(video)]
    frames = VideoFrames(video)
    with ThreadPoolExecutor(6) as pool:
        read = list(pool.map(frames.read, range(COUNT)))
    assert all(np.array_equal(a, b) for a, b in zip(read, in_order, strict=True))


def test_it_pickles_without_what_is_open(video: Path) -> None:
    frames = VideoFrames(video)
    third = frames.read(3)
    data = pickle.dumps(frames)
    assert len(data) < 1000
    assert np.array_equal(pickle.loads(data).read(3), third)


def test_what_is_returned_belongs_to_the_caller(video: Path) -> None:
    frames = VideoFrames(video)
    first = frames.read(0)
    first[:] = 0
    assert frames.read(0).any()


@given(st.lists(st.integers(0, 19), max_size=12))
@settings(max_examples=25, deadline=None)
def test_little_is_kept_yet_all_is_right(order: list[int]) -> None:
    frames = VideoFrames(_short())
    frames.KEEP_BYTES = 1  # type: ignore[misc]
    for index in order:
        assert near(frames.read(index), index)
        assert len(frames._kept) == 1


_made: list[Path] = []


def _short() -> Path:
    if not _made:
        import tempfile

        _made.append(write_video(Path(tempfile.mkdtemp()) / "short.avi", 20))
    return _made[0]


def test_a_video_cut_in_the_middle_names_the_frame(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi").read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    frames = VideoFrames(cut)
    good = count_video(cut)
    assert len(frames) == COUNT
    assert 0 < good < COUNT
    assert near(frames.read(good - 1), good - 1)
    with pytest.raises(
        DataError, match=rf"cut.avi \(frame {good + 1}\): found a frame that cannot be decoded, expected 60"
    ):
        frames.read(COUNT - 1)
    assert near(frames.read(0), 0)  # it can still be read up to there


@pytest.mark.parametrize("content", [b"", b"this is no video", b"\x00" * 5000])
def test_what_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"clip.mp4: found a file that cannot be opened as a video"):
        VideoFrames(path)
    code = "import sys\nfrom trackzoo.frames import *\ntry: VideoFrames(sys.argv[1])\nexcept DataError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be opened" in done.stdout
    assert done.stderr == ""  # the decoder does not complain beside our line


def test_a_missing_video(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        VideoFrames(tmp_path / "none.mp4")


def test_counting_where_the_file_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "clip.avi", 7)
    real = cv2.VideoCapture

    class Silent:
        def __init__(self, *arguments: object) -> None:
            self._real = real(*arguments)

        def get(self, what: int) -> float:
            return -1.0 if what == cv2.CAP_PROP_FRAME_COUNT else self._real.get(what)

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    monkeypatch.setattr(cv2, "VideoCapture", Silent)
    assert len(VideoFrames(path)) == 7
