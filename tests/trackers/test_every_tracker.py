"""What every tracker of the registry must keep to. A plugin that is added is tested by being there."""

from __future__ import annotations

import importlib.util
from importlib.resources import files

import numpy as np
import pytest
from moving import Video, follow, moving

from trackzoo.errors import TrackzooError
from trackzoo.geometry import overlaps
from trackzoo.registry import refiner_specs, tracker, tracker_names, tracker_specs
from trackzoo.tracker import Prediction

pytestmark = pytest.mark.usefixtures("one_thread")

#: Trackers without a network; those with one are held to goldens (tests/parity).
NAMES = [name for name in tracker_names() if not tracker_specs()[tracker_names()[name]].parameters]

SIZES = [(160, 120), (120, 160), (200, 90), (144, 144)]


def reason(name: str) -> str:
    """Why a tracker cannot run here; empty when it can."""
    try:
        tracker(name).check()
    except TrackzooError as error:
        return str(error)
    return ""


HERE = [name for name in NAMES if not reason(name)]


@pytest.fixture(params=HERE)
def name(request: pytest.FixtureRequest) -> str:
    """One that runs here; files that only the person's own config names are not known in a test."""
    if why := reason(request.param):
        pytest.skip(why)
    return str(request.param)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HERE])
def test_what_cannot_run_here_says_why_in_one_line(name: str) -> None:
    why = reason(name)
    assert why.startswith(f"tracker '{name}' ")
    assert len(why.splitlines()) == 1
    with pytest.raises(TrackzooError, match=name):
        tracker(name).load()


@pytest.fixture(scope="module")
def videos() -> list[Video]:
    """Four, of four picture sizes."""
    return [moving(seed, length=8, size=size, side=24 + 3 * seed) for seed, size in enumerate(SIZES)]


def test_the_first_issues_trackers_are_there() -> None:
    assert {"static", "dcf", "opencv-mil", "opencv-csrt", "opencv-kcf", "opencv-nano", "opencv-vit"} <= set(
        tracker_names()
    )


@pytest.mark.parametrize("family", [*tracker_specs(), *refiner_specs()])
def test_a_card_that_says_what_is_verified(family: str) -> None:
    spec = {**tracker_specs(), **refiner_specs()}[family]
    if not spec.factory.startswith("trackzoo."):
        pytest.skip("installed by another package")
    package = spec.factory.partition(":")[0].rpartition(".")[0]
    card = files(package).joinpath("README.md").read_text(encoding="utf-8")
    for variant in (family, *spec.variants):
        assert variant in card, f"{variant} is not on its card"
    assert "verified" in card.lower()
    assert spec.summary.endswith(".")
    assert len(spec.summary) < 120
    assert importlib.util.find_spec(spec.factory.partition(":")[0])


def test_boxes_are_finite_and_the_first_is_the_given_one(name: str, videos: list[Video]) -> None:
    loaded = tracker(name).load()
    for video in videos[:2]:
        [boxes] = follow(loaded, [video])
        assert np.isfinite(boxes).all()
        assert (boxes[:, 2:] > 0).all()
        np.testing.assert_array_equal(boxes[0], video.boxes[0])


@pytest.mark.parametrize(
    "box",
    [
        (50, 40, 1, 1),
        (50.5, 40.25, 3.5, 2.25),
        (0, 0, 160, 120),
        (-40, -30, 300, 200),
        (-10, 50, 30, 30),
        (158, 118, 30, 40),
        (10, 10, 2, 100),
        (5, 60, 140, 3),
    ],
    ids=str,
)
def test_odd_first_boxes(name: str, box: tuple[float, ...]) -> None:
    video = moving(1, length=4)
    [boxes] = follow(tracker(name).load(), [video], [box])
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] > 0).all()
    assert (boxes[:, 2:] < 2000).all()


@pytest.mark.parametrize("shade", [0, 119, 255])
def test_pictures_without_texture(name: str, shade: int) -> None:
    flat = Video(np.full((4, 90, 120, 3), shade, np.uint8), np.tile([40.0, 30, 30, 20], (4, 1)), f"flat-{shade}")
    [boxes] = follow(tracker(name).load(), [flat])
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] > 0).all()


def test_a_batch_gives_each_object_what_it_gets_alone(name: str, videos: list[Video]) -> None:
    loaded = tracker(name).load()
    together = follow(loaded, videos)
    for video, boxes in zip(videos, together, strict=True):
        [alone] = follow(loaded, [video])
        np.testing.assert_allclose(boxes, alone, rtol=0, atol=1e-3)


def test_equal_calls_give_equal_boxes(name: str, videos: list[Video]) -> None:
    """To the last bit: in the same tracker after other work, and in a new one."""
    loaded = tracker(name).load()
    [first] = follow(loaded, [videos[0]], seed=3)
    follow(loaded, [videos[1]], seed=4)
    [second] = follow(loaded, [videos[0]], seed=3)
    [third] = follow(tracker(name).load(), [videos[0]], seed=3)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)


def test_objects_of_one_video_do_not_touch_each_other(name: str, videos: list[Video]) -> None:
    """Two objects in the same frames, stepped together and in turn, give what each gives alone."""
    loaded = tracker(name).load()
    video = videos[0]
    other = np.array([90.0, 60, 30, 24])
    together = follow(loaded, [video, video], [video.boxes[0], other])
    for boxes, first in zip(together, (video.boxes[0], other), strict=True):
        [alone] = follow(loaded, [video], [first])
        np.testing.assert_allclose(boxes, alone, rtol=0, atol=1e-3)


def test_predictions_are_the_callers_to_keep(name: str, videos: list[Video]) -> None:
    """Writing on a box that was given does not change what comes next."""
    loaded = tracker(name).load()
    [clean] = follow(loaded, [videos[0]])
    spoiled: list[Prediction] = []
    for prediction in loaded.track(videos[0].pictures, videos[0].boxes[0]):
        spoiled.append(prediction)
        kept = prediction.box.copy()
        prediction.box[:] = -1e6
        np.testing.assert_array_equal(kept, clean[len(spoiled) - 1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_follows_a_moving_texture(name: str, seed: int) -> None:
    if name == "static":
        pytest.skip("static does not follow; that is its purpose")
    video = moving(seed, length=20)
    [boxes] = follow(tracker(name).load(), [video])
    [floor] = follow(tracker("static").load(), [video])
    overlap = overlaps(boxes, video.boxes)
    assert overlap.mean() > overlaps(floor, video.boxes).mean() + 0.25
    assert overlap.mean() > 0.5
