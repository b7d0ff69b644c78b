"""OpenCV's trackers: what is fitted for them, what is said when they are not there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st
from moving import follow, moving
from toy_networks import write_networks

from trackzoo.config import update_config
from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.registry import tracker
from trackzoo.trackers.opencv import available, tracker as module
from trackzoo.trackers.opencv.tracker import MilTracker, fit_box


@given(
    x=st.floats(-300, 300),
    y=st.floats(-300, 300),
    w=st.floats(0.1, 600),
    h=st.floats(0.1, 600),
    size=st.tuples(st.integers(14, 400), st.integers(14, 400)),
    smallest=st.integers(1, 6),
    room=st.integers(0, 8),
    slimmest=st.sampled_from([0.0, 1 / 16]),
)
def test_fitted_boxes_can_be_taken(
    x: float, y: float, w: float, h: float, size: tuple[int, int], smallest: int, room: int, slimmest: float
) -> None:
    box = fit_box(np.array([x, y, w, h]), size, smallest, room, slimmest)
    assert (box[:2] >= 0).all()
    assert (box[:2] + box[2:] <= size).all()
    assert (box[2:] >= smallest).all()
    assert (box[2:] <= np.array(size) - room).all()
    assert box[2:].min() >= min(slimmest * box[2:].max(), (np.array(size) - room).min()) - 1e-9


@given(x=st.integers(0, 50), y=st.integers(0, 40), w=st.integers(8, 40), h=st.integers(8, 40))
def test_ordinary_boxes_stay_as_they_are(x: int, y: int, w: int, h: int) -> None:
    np.testing.assert_array_equal(fit_box(np.array([x, y, w, h], float), (100, 100), 6, 8, 1 / 16), [x, y, w, h])


def test_a_picture_that_is_too_small_is_refused() -> None:
    with pytest.raises(SettingsError, match="12x30 pixels, expected at least 14x14"):
        fit_box(np.array([1.0, 1, 5, 5]), (12, 30), 6, 8)


def test_mil_depends_on_the_seed_alone() -> None:
    """Whatever drew from OpenCV's and C's random numbers before."""
    video = moving(1, length=8)
    loaded = tracker("opencv-mil").load()
    [first] = follow(loaded, [video], seed=1)
    cv2.setRNGSeed(99)
    cv2.randu(np.zeros(1000, np.uint8), 0, 255)
    [again] = follow(loaded, [video], seed=1)
    np.testing.assert_array_equal(first, again)
    others = [follow(loaded, [video], seed=seed)[0] for seed in (2, 3, 4)]
    assert any((other != first).any() for other in others)
    assert tracker("opencv-mil").spec.isolated


class Scripted:
    """An OpenCV tracker that gives what it is told to."""

    def __init__(self, answers: list[tuple[bool, tuple[int, ...]]]) -> None:
        self.answers = iter(answers)

    def init(self, picture: np.ndarray, box: tuple[int, ...]) -> None:
        assert picture.flags.c_contiguous
        self.first = picture[0, 0].tolist()
        assert all(isinstance(value, int) for value in box)

    def update(self, picture: np.ndarray) -> tuple[bool, tuple[int, ...]]:
        return next(self.answers)


def scripted(monkeypatch: pytest.MonkeyPatch, *answers: tuple[bool, tuple[int, ...]]) -> list[Scripted]:
    made: list[Scripted] = []

    def create(*arguments: Any) -> Scripted:
        made.append(Scripted(list(answers)))
        return made[-1]

    monkeypatch.setattr(module, "creator", lambda name: create)
    return made


def test_a_lost_target_keeps_its_last_box_with_score_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(
        monkeypatch, (True, (10, 20, 30, 40)), (False, (0, 0, 0, 0)), (True, (11, 20, 0, 40)), (True, (12, 20, 30, 40))
    )
    video = moving(1, length=5)
    got = list(MilTracker().track(video.pictures, (9, 20, 30, 40)))
    assert [each.score for each in got] == [1, 1, 0, 0, 1]
    assert [each.box.tolist() for each in got[1:]] == [[10, 20, 30, 40]] * 3 + [[12, 20, 30, 40]]


def test_pictures_are_bgr_and_what_the_fit_moved_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scripted(monkeypatch, (True, (52, 40, 6, 6)))
    video = moving(1, length=2)
    got = list(MilTracker().track(video.pictures, (50, 40, 2, 2)))
    assert made[-1].first == video.pictures[0, 0, 0, ::-1].tolist()
    assert got[1].box.tolist() == [52, 40, 2, 2]


def test_settings_are_opencvs_own() -> None:
    narrow = tracker("opencv-mil").load(samplerSearchWinSize=5.0)
    video = moving(1, length=6, speed=(9.0, 0.0))
    assert (follow(narrow, [video])[0] != follow(tracker("opencv-mil").load(), [video])[0]).any()
    with pytest.raises(SettingsError, match="no setting 'reach'; it has .*samplerSearchWinSize"):
        tracker("opencv-mil").load(reach=3)
    with pytest.raises(SettingsError, match="samplerSearchWinSize='wide', expected a value of type float"):
        tracker("opencv-mil").load(samplerSearchWinSize="wide")


def test_the_version_is_part_of_the_identity() -> None:
    assert tracker("opencv-mil").load().identity() == {"opencv": cv2.__version__}


@pytest.mark.parametrize("name", ["opencv-csrt", "opencv-kcf"])
def test_contrib_trackers_say_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available, "creator", lambda name: None)
    with pytest.raises(TrackzooError, match=r"pip install 'opencv-contrib-python==\d+\.\d+\.\d+\.\*'"):
        tracker(name).load()


def test_old_homes_of_trackers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV 4.x keeps some in cv2.legacy."""
    monkeypatch.delattr(cv2, "TrackerKCF_create", raising=False)
    monkeypatch.setattr(cv2, "legacy", type("legacy", (), {"TrackerKCF_create": staticmethod(int)}), raising=False)
    assert available.creator("opencv-kcf") is int


def test_model_files_are_asked_for_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrackzooError, match=r"nano_backbone under \[opencv\].*TRACKZOO_NANO_BACKBONE"):
        tracker("opencv-nano").load()
    with pytest.raises(TrackzooError, match="found no file .*absent.onnx"):
        tracker("opencv-vit").load(net=str(tmp_path / "absent.onnx"))
    # The setting goes before the config file, which goes before the environment.
    for stem in ("setting", "config", "environment"):
        (tmp_path / f"{stem}.onnx").write_bytes(b"no network")
    monkeypatch.setenv("TRACKZOO_VIT_NET", str(tmp_path / "environment.onnx"))
    assert available.model_files("opencv-vit", {})["net"].endswith("environment.onnx")
    update_config("opencv", {"vit_net": str(tmp_path / "config.onnx")})
    assert available.model_files("opencv-vit", {})["net"].endswith("config.onnx")
    assert available.model_files("opencv-vit", {"net": tmp_path / "setting.onnx"})["net"].endswith("setting.onnx")


@pytest.mark.skipif(not hasattr(cv2, "TrackerVit_create"), reason="this OpenCV has no TrackerVit")
def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(SettingsError, match="OpenCV refuses its model"):
        tracker("opencv-vit").load(net=str(tmp_path / "bad.onnx"))


@pytest.mark.parametrize(
    ("name", "files"), [("opencv-vit", ("net",)), ("opencv-nano", ("backbone", "neckhead"))], ids=["vit", "nano"]
)
def test_networks_are_loaded_and_asked(name: str, files: tuple[str, ...], tmp_path: Path) -> None:
    if available.creator(name) is None:
        pytest.skip(f"this OpenCV has no {available.CLASSES[name]}")
    paths = write_networks(tmp_path, *files)
    loaded = tracker(name).load(**paths)
    video = moving(1, length=4)
    got = list(loaded.track(video.pictures, video.boxes[0]))
    assert all(0.5 < each.score < 1 for each in got[1:])  # the networks' own
    assert all((each.box != video.boxes[0]).any() and np.isfinite(each.box).all() for each in got[1:])
    digest = hashlib.sha256(Path(paths[files[0]]).read_bytes()).hexdigest()
    assert loaded.identity()[files[0]] == digest
    assert set(loaded.identity()) == {"opencv", *files}
