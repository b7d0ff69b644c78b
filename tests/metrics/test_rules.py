"""What each profile makes of borders, absence and thresholds, on boxes small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trackzoo.metrics import PROFILES, Truth, evaluate
from trackzoo.metrics.boxes import as_released, ceiling, floor
from trackzoo.metrics.names import rule_name
from trackzoo.metrics.speed import frames_over_seconds, mean_rate

BOX = [10.0, 10, 20, 20]
BORDER = [0.0, 10, 20, 20]
FAR = [300.0, 300, 20, 20]


def score(
    profile: str, truth: list[list[float]], boxes: list[list[float]], dataset: str = "", **flags: object
) -> dict[str, float]:
    annotation = Truth("s", np.array(truth), size=(640, 480), **flags)  # type: ignore[arg-type]
    return dict(evaluate(profile, [annotation], [[np.array(boxes)]], dataset=dataset).metrics)


def test_a_box_at_the_border_is_a_miss_for_pytracking_alone() -> None:
    truth = [BOX, BORDER, BORDER, BOX]
    assert score("pytracking", truth, truth)["auc"] == pytest.approx(100 * 20 / 21 / 2)
    assert score("stark", truth, truth)["auc"] == pytest.approx(100 * 20 / 21)
    assert score("strict", truth, truth)["auc"] == 100


def test_an_absent_frame_is_a_hit_for_pytracking_in_normalized_precision_except_on_lasot() -> None:
    truth, visible = [BOX] * 4, np.array([True, True, False, False])
    boxes = [BOX, BOX, FAR, FAR]
    ext = score("pytracking", truth, boxes, "lasot_extension_subset", visible=visible)
    assert (ext["precision"], ext["norm_precision"]) == (50, 100)
    lasot = score("pytracking", truth, boxes, "lasot", visible=visible)
    assert (lasot["precision"], lasot["norm_precision"]) == (50, 50)
    assert score("strict", truth, boxes, visible=visible)["norm_precision"] == 100  # neither hit nor miss


def test_the_first_frame_is_given() -> None:
    truth, boxes = [BOX] * 4, [BOX, FAR, FAR, FAR]
    assert score("pytracking", truth, boxes)["op50"] == 25
    assert score("got10k", truth, boxes)["sr50"] == 0
    assert score("strict", truth, boxes)["op50"] == 0
    assert score("pysot", truth, [FAR, *boxes[1:]])["op50"] == 0
    assert score("pytracking", truth, [FAR, *boxes[1:]])["op50"] == 25


def test_ceilings() -> None:
    truth = [BOX] * 3
    perfect = {name: score(name, truth, truth) for name in PROFILES}
    assert perfect["pytracking"]["auc"] == pytest.approx(100 * 20 / 21)
    assert perfect["pysot"]["auc"] == pytest.approx(100 * 20 / 21)
    assert perfect["trackingnet"]["auc"] == 100
    assert perfect["strict"]["auc"] == 100
    assert perfect["got10k"]["ao"] == pytest.approx(100)


def test_floors() -> None:
    truth, boxes = [BOX] * 5, [FAR] * 5
    for name in ("strict", "got10k", "pysot"):
        assert set(score(name, truth, boxes).values()) == {0}, name
    assert score("pytracking", truth, boxes)["auc"] == pytest.approx(100 * 20 / 21 / 5)
    assert score("trackingnet", truth, boxes)["auc"] == pytest.approx(100 * (1 / 5 + 4 / 5 / 40))  # overlap 0 >= 0


def test_a_tie_counts_for_strict_and_trackingnet_alone() -> None:
    half = [10.0, 10, 20, 10]  # overlap exactly 0.5
    truth, boxes = [BOX] * 2, [BOX, half]
    assert score("strict", truth, boxes)["op50"] == 100
    assert score("got10k", truth, boxes)["sr50"] == 0
    assert score("pytracking", truth, boxes)["op50"] == 50


def test_got10k_shifts_a_box_that_crosses_the_left_border() -> None:
    truth = [BOX, [-10.0, 10, 30, 20]]
    assert score("got10k", truth, [BOX, [0.0, 10, 30, 20]])["ao"] == pytest.approx(100)
    assert score("strict", truth, [BOX, [0.0, 10, 30, 20]])["auc"] == 50


def test_got10k_means_over_frames_and_others_over_sequences() -> None:
    short, long = Truth("a", np.array([BOX] * 2)), Truth("b", np.array([BOX] * 10))
    boxes = [short.boxes, np.array([FAR] * 10)]
    assert evaluate("got10k", [short, long], [boxes]).metrics["ao"] == pytest.approx(10)
    assert evaluate("strict", [short, long], [boxes]).metrics["auc"] == 50


def test_class_balanced_means_weigh_classes_alike() -> None:
    classes = ["cat", "cat", "dog"]
    truths = [Truth(str(i), np.array([BOX] * 2), category=each, motion="run") for i, each in enumerate(classes)]
    boxes = [np.array([BOX, FAR]), np.array([BOX, BOX]), np.array([BOX, BOX])]
    scores = evaluate("got10k", truths, [boxes])
    assert scores.metrics["ao"] == pytest.approx(200 / 3)
    assert scores.more["mao"] == pytest.approx(75)
    assert scores.more["msr50"] == pytest.approx(75)
    assert scores.more["mao_motion"] == pytest.approx(200 / 3)
    assert "mao" not in evaluate("got10k", [Truth("s", np.array([BOX] * 2))], [boxes[:1]]).more


def test_strict_area_is_the_mean_overlap() -> None:
    third = [10.0, 10, 20, 20 / 3]
    scores = evaluate("strict", [Truth("s", np.array([BOX] * 3))], [[np.array([BOX, third, BOX])]])
    assert scores.metrics["auc"] == pytest.approx(100 * (1 + 1 / 3) / 2)
    assert scores.curves["success"].values[[0, 33, 34, 100]].tolist() == [1, 1, 0.5, 0.5]


def test_strict_gives_a_perfect_box_overlap_one_whatever_its_digits() -> None:
    random = np.random.default_rng(0)
    truth = Truth("s", random.uniform(0.1, 900, (4000, 4)))
    assert evaluate("strict", [truth], [[truth.boxes]]).curves["success"].values[-1] == 1


def test_profiles_say_what_they_give() -> None:
    for profile in PROFILES.values():
        for dataset in ("", "lasot", "got10k", "otb"):
            scores = evaluate(profile.name, [Truth("s", np.array([BOX] * 2))], [[np.array([BOX] * 2)]], dataset=dataset)
            assert tuple(scores.metrics) == profile.metrics(dataset)
            assert (scores.profile, scores.version) == (profile.name, profile.version)
            assert any(name in scores.metrics for name in profile.main)
        assert profile.title
        assert profile.describe
        assert profile.source
    assert PROFILES["trackingnet"].applies("trackingnet-test")
    assert not PROFILES["trackingnet"].applies("lasot")
    assert PROFILES["pytracking"].applies("synth")


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("LaSOT", "lasot"),
        ("lasot-test", "lasot"),
        ("lasot-ext", "lasot_extension_subset"),
        ("lasot_extension_subset", "lasot_extension_subset"),
        ("LaSOTExtensionSubset", "lasot_extension_subset"),
        ("UAV123", "uav"),
        ("uav123-10fps", "uav"),
        ("uav20l", "uav"),
        ("GOT-10k", "got10k"),
        ("got10k-val", "got10k"),
        ("OTB-100", "otb"),
        ("otb99-lang-test", "otb"),
        ("NfS", "nfs"),
        ("synth", ""),
        ("", ""),
    ],
)
def test_spellings_of_data_sets(dataset: str, name: str) -> None:
    assert rule_name(dataset) == name


def test_as_released_cuts_towards_zero() -> None:
    cut = as_released([[1.9, -1.9, 0.5, float("nan")]])
    np.testing.assert_array_equal(cut, [[1, -1, 0, np.nan]])
    assert not np.signbit(as_released([-0.5, 1, 1, 1])).any()


def test_ceiling_and_floor_can_be_scored_whatever_the_annotation_is_like() -> None:
    nan = float("nan")
    truth = Truth("s", np.array([BOX, [nan] * 4, [1, 1, -1, -1], FAR, [5, 5, 0, 5.0]]))
    assert ceiling(truth).tolist() == [BOX, BOX, BOX, FAR, FAR]
    assert floor(truth).tolist() == [BOX] * 5
    for profile in PROFILES:
        evaluate(profile, [truth], [[ceiling(truth)]], dataset="uav")
        evaluate(profile, [truth], [[floor(truth)]], dataset="uav")


def test_speeds() -> None:
    seconds = [np.array([0.5, 0.1, 0.1]), np.array([0.0, 0.2])]
    assert frames_over_seconds(seconds) == pytest.approx(5 / 0.9)
    assert mean_rate(seconds) == pytest.approx((2 + 10 + 10 + 5) / 4)
    assert mean_rate(seconds, by_sequence=True) == pytest.approx((22 / 3 + 5) / 2)
    assert np.isnan(frames_over_seconds([]))
    assert np.isnan(mean_rate([np.zeros(3)]))
