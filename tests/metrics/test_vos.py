"""J and F: definitions, invariants, what each profile leaves out, broken input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.metrics.vos import VOS_PROFILES, VideoTruth, decay, recall, score_video, summarise
from trackzoo.metrics.vos_frames import Pixels, boundary, boundary_accuracy, region_similarity

masks = arrays(bool, st.tuples(st.just(14), st.just(19)), elements=st.booleans(), fill=st.just(False))
some = settings(max_examples=60, deadline=None)


def boundary_by_the_letter(mask: Pixels) -> Pixels:
    """Pixel by pixel, as the rule is written."""
    rows, columns = mask.shape
    found = np.zeros_like(mask)
    for y in range(rows):
        for x in range(columns):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            inside = [(j, i) for j, i in neighbours if j < rows and i < columns]
            found[y, x] = any(mask[y, x] != mask[each] for each in inside)
    return found


def accuracy_by_the_letter(prediction: Pixels, truth: Pixels) -> float:
    """Every boundary pixel against every other."""
    ours, theirs = (np.argwhere(boundary(mask)) for mask in (prediction, truth))
    if not len(ours) and not len(theirs):
        return 1.0
    if not len(ours) or not len(theirs):
        return 0.0
    radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    near = ((ours[:, None] - theirs[None]) ** 2).sum(axis=2) <= radius**2
    precision, recalled = near.any(axis=1).mean(), near.any(axis=0).mean()
    return 2 * precision * recalled / (precision + recalled) if precision + recalled else 0.0


@some
@given(mask=masks)
def test_boundaries_are_as_the_rule_is_written(mask: Pixels) -> None:
    np.testing.assert_array_equal(boundary(mask), boundary_by_the_letter(mask))


@some
@given(
    a=masks, b=masks, corner=st.tuples(st.integers(0, 466), st.integers(0, 835)), scale=st.sampled_from(["own", "480p"])
)
def test_boundary_accuracy_is_as_the_rule_is_written(a: Pixels, b: Pixels, corner: tuple[int, int], scale: str) -> None:
    if scale == "480p":  # the tolerance is 8 pixels, nearly the size of the masks
        placed = [np.zeros((480, 854), bool) for _ in range(2)]
        for canvas, mask in zip(placed, (a, b), strict=True):
            canvas[corner[0] : corner[0] + 14, corner[1] : corner[1] + 19] = mask
        a, b = placed
    assert boundary_accuracy(a, b) == pytest.approx(accuracy_by_the_letter(a, b), abs=1e-12)


@some
@given(a=masks, b=masks)
def test_bounds_symmetry_and_identity(a: Pixels, b: Pixels) -> None:
    for measure in (region_similarity, boundary_accuracy):
        assert 0 <= measure(a, b) <= 1
        assert measure(a, b) == measure(b, a)
        assert measure(a, a) == 1


def test_tolerance_of_a_480p_picture_is_8_pixels() -> None:
    truth = np.zeros((480, 854), bool)
    truth[100:200, 100:200] = True
    assert boundary_accuracy(np.roll(truth, 5, axis=(0, 1)), truth) == 1  # corners move by 7.07
    assert boundary_accuracy(np.roll(truth, 9, axis=1), truth) < 1


def test_empty_masks() -> None:
    empty, full = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    full[1:3, 1:3] = True
    assert (region_similarity(empty, empty), boundary_accuracy(empty, empty)) == (1, 1)
    assert (region_similarity(empty, full), boundary_accuracy(empty, full)) == (0, 0)
    assert boundary_accuracy(np.ones((5, 5), bool), np.ones((5, 5), bool)) == 1  # no boundary in the picture


def test_recall_and_decay() -> None:
    assert recall(np.array([0.5, 0.51, 1, 0])) == 0.5
    assert decay(np.array([1, 1, 0.5, 0.5, 0, 0, 0, 0.2])) == pytest.approx(2.5 / 3 - 0.2 / 3)  # quarters 0-2 and 5-7
    assert decay(np.ones(1)) == 0
    assert decay(np.linspace(1, 0, 256)) > 0.7
    assert math.isnan(decay(np.linspace(1, 0, 300)))  # the toolkit's 8-bit borders


def clip(*frames: list[int], size: tuple[int, int] = (8, 10)) -> np.ndarray:
    """Label maps with a column of pixels for each label."""
    maps = np.zeros((len(frames), *size), np.uint8)
    for index, labels in enumerate(frames):
        for label in labels:
            maps[index, :, label % 10] = label
    return maps


def test_davis_leaves_out_the_first_and_last_frame_and_takes_void_for_background() -> None:
    truth = clip([1, 2], [1, 2, 255], [1], [1, 2])
    found = score_video("davis", VideoTruth("v", truth), clip([], [1, 2], [1, 2], []))
    assert [obj.name for obj in found.objects] == ["v_1", "v_2"]
    assert found.objects[0].frames.tolist() == [1, 2]
    assert found.objects[1].j.tolist() == [1, 0]
    assert summarise("davis", [found]).metrics["j"] == pytest.approx(75)


def test_vos_benchmark_begins_where_an_object_is_first_seen() -> None:
    truth = clip([1], [1], [1], [1, 2], [1, 2], [1])
    early = clip([1], [1], [1, 2], [1, 2], [1, 2], [1])
    found = score_video("vos-benchmark", VideoTruth("v", truth), early)
    assert {obj.obj: obj.frames.tolist() for obj in found.objects} == {1: [1, 2, 3, 4], 2: [2, 3, 4]}
    assert found.objects[1].j.tolist() == [0, 1, 1]


def test_youtube_vos_begins_after_the_frame_where_the_object_is_given() -> None:
    truth = clip([1], [1], [1, 2], [1, 2], [1, 2])
    video = VideoTruth("v", truth, first={1: 0, 2: 2}, categories={1: "seen", 2: "unseen"})
    found = score_video("pytracking-vos", video, clip([1], [1], [1], [1], [1]))
    assert {obj.obj: obj.frames.tolist() for obj in found.objects} == {1: [1, 2, 3], 2: [3]}
    metrics = summarise("pytracking-vos", [found]).metrics
    assert (metrics["j_seen"], metrics["j_unseen"], metrics["g"]) == (100, 0, 50)
    alone = summarise(
        "pytracking-vos",
        [score_video("pytracking-vos", VideoTruth("v", truth[:2], {1: 0}, {1: "seen"}), truth[:2]), found],
    )
    assert alone.notes == ("v_1: left out: no frame between its first and the last one",)
    only_seen = score_video("pytracking-vos", VideoTruth("v", truth, {1: 0}, {1: "seen"}), clip(*[[1]] * 5))
    assert math.isnan(summarise("pytracking-vos", [only_seen]).metrics["g"])


@pytest.mark.parametrize("profile", VOS_PROFILES)
def test_the_annotation_scores_100_and_objects_weigh_alike(profile: str) -> None:
    truth = clip([1, 2], [1, 2], [1, 2], [2])
    perfect = score_video(profile, VideoTruth("a", truth), truth)
    nothing = score_video(profile, VideoTruth("b", clip(*[[1]] * 9)), clip(*[[]] * 9))
    whole = summarise(profile, [perfect, nothing])
    assert whole.names == ("a_1", "a_2", "b_1")
    for name in ("jf", "j", "f"):
        assert summarise(profile, [perfect]).metrics[name] == 100
        assert whole.metrics[name] == pytest.approx(200 / 3)
    assert (whole.profile, whole.version) == (profile, 1)


@pytest.mark.parametrize("profile", VOS_PROFILES)
def test_broken_masks_are_one_clear_line(profile: str) -> None:
    truth = VideoTruth("bear", clip(*[[1]] * 4))
    with pytest.raises(ResultsError, match=r"^bear: found 3 masks, expected 4, one for each annotated frame"):
        score_video(profile, truth, clip([1], [1], [1]))
    with pytest.raises(
        ResultsError, match=r"^bear \(frame 1\): found a mask of 12x8, expected 10x8 pixels, as annotated"
    ):
        score_video(profile, truth, [clip([1])[0], clip([1], size=(8, 12))[0], clip([1])[0], clip([1])[0]])
    with pytest.raises(
        ResultsError, match=r"^bear \(frame 2\): found labels 3, 7, expected labels of objects only \(1\)"
    ):
        score_video(profile, truth, clip([1], [1], [1, 3, 7], [1]))


def test_lenient_ignores_labels_of_no_object_where_the_toolkit_does() -> None:
    truth, prediction = VideoTruth("bear", clip(*[[1]] * 4)), clip([1], [1], [1, 3], [1])
    for profile in ("vos-benchmark", "pytracking-vos"):
        found = score_video(profile, truth, prediction, lenient=True)
        assert found.objects[0].j.tolist() == [1, 1]
        assert found.notes[0].startswith(
            "bear: label 3 and perhaps others that are no object's were ignored (first in frame 2)"
        )
    with pytest.raises(ResultsError, match="the toolkit stops at them too"):
        score_video("davis", truth, prediction, lenient=True)


def test_arguments_that_make_no_sense() -> None:
    truth = VideoTruth("v", clip([], [], []))
    with pytest.raises(UnknownName, match="did you mean davis"):
        score_video("davids", truth, clip([], [], []))
    with pytest.raises(TrackzooError, match="annotation of 'v': found no object"):
        score_video("davis", truth, clip([], [], []))
    with pytest.raises(TrackzooError, match="no object was scored"):
        summarise("davis", [])
