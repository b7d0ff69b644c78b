"""Classes of other toolkits run unmodified, and those that cannot are refused in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.registry import tracker

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]

MODULE = '''
import numpy as np
from PIL import Image


class Drift:
    """GOT-10k style: one pixel to the right a frame."""

    def init(self, image, box):
        assert image.ndim == 3 and image.dtype == np.uint8
        image[:] = 0  # ours to write on
        self.box = np.array(box)

    def update(self, image):
        self.box[0] += 1
        return self.box


class Pil(Drift):
    def init(self, image, box):
        assert isinstance(image, Image.Image) and image.mode == "RGB"
        self.box = np.array(box)


class Stark:
    """STARK style: whole numbers in a dict, one pixel down a frame."""

    def initialize(self, image, info):
        self.box = list(info["init_bbox"])

    def track(self, image):
        self.box[1] += 1
        return {"target_bbox": self.box, "best_score": 0.25}


class PyTracking(Stark):
    def initialize(self, image, info):
        self.box = list(info["init_bbox"])
        return {"target_bbox": self.box}

    def track(self, image, info=None):
        assert info["previous_output"]["target_bbox"] is not None
        out = super().track(image)
        out["segmentation"] = np.ones(image.shape[:2])
        return out


class Growing(Stark):
    """Keeps what it saw, as released trackers do: a second video on the same instance would go wrong."""

    seen = None

    def initialize(self, image, info):
        self.seen = (self.seen or 0) + 1
        super().initialize(image, info)

    def track(self, image):
        assert self.seen == 1
        return super().track(image)


class Needs(Drift):
    def __init__(self, path, step=1):
        self.path = path


class Short(Drift):
    def update(self, image):
        return [1, 2, 3]


class Lost(Drift):
    def update(self, image):
        return [np.nan] * 4


class Nothing:
    pass


def function():
    pass
'''

PICTURES = [np.full((40, 60, 3), value, np.uint8) for value in range(5)]
FIRST = (10.0, 12.0, 8.0, 6.0)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, under a name that no other test has imported."""
    name = f"outside_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return name


def boxes(reference: str, **settings: object) -> np.ndarray:
    loaded = tracker(reference).load(**settings)
    return np.stack([prediction.box for prediction in loaded.track(PICTURES, FIRST)])


@pytest.mark.parametrize(("cls", "moves"), [("Drift", (1, 0)), ("Stark", (0, 1)), ("PyTracking", (0, 1))])
def test_both_forms_run(module: str, cls: str, moves: tuple[int, int]) -> None:
    expected = [[10 + moves[0] * k, 12 + moves[1] * k, 8, 6] for k in range(5)]
    np.testing.assert_array_equal(boxes(f"{module}:{cls}"), expected)


def test_pictures_as_pil(module: str) -> None:
    assert boxes(f"{module}:Pil", image="pil")[4, 0] == 14


def test_score_and_mask_come_through(module: str) -> None:
    loaded = tracker(f"{module}:PyTracking").load()
    last = list(loaded.track(PICTURES, FIRST))[-1]
    assert last.score == 0.25
    assert last.mask is not None
    assert last.mask.shape == (40, 60)


def test_every_object_has_an_instance_of_its_own(module: str) -> None:
    loaded = tracker(f"{module}:Growing").load()
    for _ in range(3):
        assert len(list(loaded.track(PICTURES, FIRST))) == 5


def test_pictures_of_the_caller_stay_as_they_were(module: str) -> None:
    boxes(f"{module}:Drift")
    assert [picture[0, 0, 0] for picture in PICTURES] == list(range(5))
    assert all(picture.flags.writeable for picture in PICTURES)


def test_constructor_takes_settings(module: str) -> None:
    assert boxes(f"{module}:Needs", path="weights.pth")[1, 0] == 11
    with pytest.raises(SettingsError, match="path"):
        tracker(f"{module}:Needs").load()
    with pytest.raises(SettingsError, match="wrong"):
        tracker(f"{module}:Needs").load(path="x", wrong=1)


def test_results_are_filed_under_the_name_of_the_class(module: str) -> None:
    assert tracker(f"{module}:Drift").id == "Drift"


@pytest.mark.parametrize(
    ("name", "needle"),
    [("Nothing", "init(image, box)"), ("function", "expected a tracker class"), ("Missing", "has no 'Missing'")],
)
def test_what_is_no_tracker_is_refused(module: str, name: str, needle: str) -> None:
    with pytest.raises(TrackzooError) as caught:
        tracker(f"{module}:{name}")
    assert needle in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_module_is_refused() -> None:
    with pytest.raises(TrackzooError, match="no module named 'no_such_module'"):
        tracker("no_such_module:Tracker")


def test_box_of_another_length_names_the_frame(module: str) -> None:
    with pytest.raises(TrackzooError, match=r"gave \[1, 2, 3\] on .*\[1\]"):
        boxes(f"{module}:Short")


def test_from_the_command_line(cli: Cli, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODULE)
    data = "synth:sequences=2,length=6"
    done = cli("run", "--tracker", "mine:Drift", "--tracker", "mine:Stark", "--dataset", data)
    assert done.returncode == 0, done.stderr
    [file] = tmp_path.glob("runs/Drift/*/ope/stroll-1.txt")
    rows = np.loadtxt(file)
    np.testing.assert_allclose(rows[:, 0] - rows[0, 0], range(6))
    failed = cli("run", "--tracker", "mine:Lost", "--dataset", data)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "stroll-1" in failed.stderr
    refused(cli("run", "--tracker", "mine:Nothing", "--dataset", data), "mine:Nothing")


def test_setting_that_a_tracker_has_not_is_named() -> None:
    with pytest.raises(SettingsError, match="tracker 'static' has no setting 'compile'"):
        tracker("static").load(compile=True)
