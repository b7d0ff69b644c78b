"""Results that do not fit: refused in one line, or treated as the toolkit does, with a note."""

from __future__ import annotations

import numpy as np
import pytest
from boxmade import results, truths

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.metrics import PROFILES, Truth, evaluate
from trackzoo.metrics.frames import frame_values
from trackzoo.metrics.types import Floats

NAN = float("nan")


@pytest.fixture
def annotation() -> list[Truth]:
    return truths(1, sequences=3, frames=20)


@pytest.fixture
def boxes(annotation: list[Truth]) -> list[Floats]:
    return results(2, annotation)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("row", "text"),
    [
        ([NAN, 1, 2, 3], "nan,1,2,3"),
        ([1, 2, float("inf"), 3], "1,2,inf,3"),
        ([1, 2, 3, -4], "1,2,3,-4"),
        ([1, 2, -0.5, 4], "1,2,-0.5,4"),
    ],
)
def test_a_bad_row_is_named(
    profile: str, row: list[float], text: str, annotation: list[Truth], boxes: list[Floats]
) -> None:
    boxes[1][6] = row
    with pytest.raises(ResultsError) as error:
        evaluate(profile, annotation, [boxes])
    line = str(error.value)
    assert line.startswith(f"s1:7: found {text}, expected four finite numbers x,y,w,h")
    assert "\n" not in line


def test_the_first_bad_row_of_many_is_named(annotation: list[Truth], boxes: list[Floats]) -> None:
    boxes[0][4:6], boxes[2][1] = NAN, NAN
    with pytest.raises(ResultsError, match=r"^s0:5: found nan,nan,nan,nan \(and 2 more such rows\)"):
        evaluate("strict", annotation, [boxes])


def test_the_repetition_is_named(annotation: list[Truth], boxes: list[Floats]) -> None:
    bad = [each.copy() for each in boxes]
    bad[2][3, 2] = -1
    with pytest.raises(ResultsError, match=r"^s2 \(repetition 2\):4: "):
        evaluate("got10k", annotation, [boxes, bad])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("change", [-2, 3])
def test_another_length_is_refused(profile: str, change: int, annotation: list[Truth], boxes: list[Floats]) -> None:
    frames = len(boxes[2])
    boxes[2] = np.concatenate([boxes[2], boxes[2][:change]]) if change > 0 else boxes[2][:change]
    with pytest.raises(
        ResultsError, match=rf"^s2: found {frames + change} rows, expected {frames}, one for each annotated frame"
    ):
        evaluate(profile, annotation, [boxes])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("given", "found"), [(None, "no results"), (np.empty((0, 4)), "an empty file|0 rows")])
def test_nothing_is_refused(
    profile: str, given: Floats | None, found: str, annotation: list[Truth], boxes: list[Floats]
) -> None:
    with pytest.raises(ResultsError, match=f"^s1: found ({found})"):
        evaluate(profile, annotation, [[boxes[0], given, boxes[2]]])


def test_lenient_says_what_was_done(annotation: list[Truth], boxes: list[Floats]) -> None:
    boxes[0][3:5] = NAN
    boxes[1] = np.concatenate([boxes[1], boxes[1][:2]])
    boxes[2] = boxes[2][:-3]
    frames = [len(truth.boxes) for truth in annotation]
    scores = evaluate("strict", annotation, [boxes], lenient=True)
    assert scores.notes == (
        f"s1: 2 rows beyond the {frames[1]} annotated frames were cut ({frames[1] + 2} given)",
        f"s2: 3 missing rows were padded with NaN, which never hit ({frames[2] - 3} of {frames[2]} given)",
        "s0: 2 boxes that are not finite or have a negative size were counted as misses (rows 4-5)",
    )


def test_what_fits_needs_no_note(annotation: list[Truth], boxes: list[Floats]) -> None:
    for profile in PROFILES:
        assert evaluate(profile, annotation, [boxes]).notes == ()


@pytest.mark.parametrize("profile", ["pytracking", "stark"])
def test_pytracking_pads_all_but_lasot(profile: str, annotation: list[Truth], boxes: list[Floats]) -> None:
    boxes[1] = boxes[1][:-2]
    scores = evaluate(profile, annotation, [boxes], dataset="otb", lenient=True)
    assert "2 missing rows were padded with zeros" in scores.notes[0]
    with pytest.raises(ResultsError, match=f"the {profile} toolkit refuses such results too"):
        evaluate(profile, annotation, [boxes], dataset="LaSOT", lenient=True)


@pytest.mark.parametrize("profile", ["pytracking", "stark"])
def test_pytracking_refuses_nan_and_negative_sizes_whatever_one_asks(
    profile: str, annotation: list[Truth], boxes: list[Floats]
) -> None:
    for row in ([NAN] * 4, [1, 2, 3, -4]):
        boxes[1][4] = row
        with pytest.raises(ResultsError, match="^s1:5: .*toolkit refuses such results too"):
            evaluate(profile, annotation, [boxes], lenient=True)


def test_pytracking_stumbles_over_a_zero_box_beyond_the_annotation(
    annotation: list[Truth], boxes: list[Floats]
) -> None:
    longer = np.concatenate([boxes[0], [[1, 1, 0, 5]]])
    with pytest.raises(ResultsError, match=rf"^s0:{len(longer)}: found 1,1,0,5 beyond the last annotated frame"):
        evaluate("pytracking", annotation, [[longer, *boxes[1:]]], lenient=True)


@pytest.mark.parametrize("profile", ["pytracking", "stark", "lasot-matlab"])
def test_zero_boxes_repeat_the_box_before(profile: str, annotation: list[Truth], boxes: list[Floats]) -> None:
    boxes[1][3:6, 2] = 0
    boxes[1][8] = 0
    scores = evaluate(profile, annotation, [boxes])
    [note] = scores.notes
    assert note.startswith("s1: 4 boxes ")
    assert note.endswith("replaced by the one before (rows 4-6, 9)")
    mended = [each.copy() for each in boxes]
    mended[1][3:6], mended[1][8] = boxes[1][2], boxes[1][7]
    assert dict(scores.metrics) == dict(evaluate(profile, annotation, [mended]).metrics)


@pytest.mark.parametrize("profile", ["pytracking", "stark", "lasot-matlab"])
def test_a_zero_box_at_the_start_is_repeated_although_the_first_frame_is_replaced(profile: str) -> None:
    truth = Truth("s", np.full((3, 4), 10.0))
    boxes = np.array([[10, 10, 0, 0], [10, 10, 0, 10], [10, 10, 10, 10.0]])
    overlaps = frame_values(profile, truth, boxes).values["success"]
    assert overlaps.tolist() == [1, 0, 1]  # the second became the first as it was given, without area


def test_unknown_annotation_is_refused_where_the_toolkit_refuses_it(
    annotation: list[Truth], boxes: list[Floats]
) -> None:
    annotation[1].boxes[4] = NAN
    with pytest.raises(TrackzooError, match=r"annotation of 's1', row 5: found NaN.*profile 'strict'"):
        evaluate("pytracking", annotation, [boxes])
    assert evaluate("pytracking", annotation, [boxes], dataset="UAV123").metrics["auc"] > 0
    assert evaluate("strict", annotation, [boxes]).metrics["auc"] > 0


def test_trackingnet_takes_zeros_for_a_missing_file(annotation: list[Truth], boxes: list[Floats]) -> None:
    scores = evaluate("trackingnet", annotation, [[None, *boxes[1:]]], lenient=True)
    assert scores.notes[0].startswith("s0: no results;")
    assert scores.per_sequence["coverage"][0] == pytest.approx(100 / len(annotation[0].boxes))  # the replaced first row


def test_sequences_that_a_mean_does_without_are_named() -> None:
    lost = Truth("gone", np.full((4, 4), 5.0), visible=np.array([True, False, False, False]))
    seen = Truth("seen", np.full((4, 4), 5.0))
    boxes = [np.full((4, 4), 5.0)] * 2
    strict = evaluate("strict", [lost, seen], [boxes])
    assert strict.metrics["auc"] == 100
    assert strict.notes == ("gone: left out of the mean of success, precision, norm_precision: no frame of it counts",)
    blank = Truth("blank", np.zeros((3, 4)))
    matlab = evaluate("lasot-matlab", [blank, seen], [[np.full((3, 4), 5.0), boxes[1]]])
    assert matlab.metrics["auc"] == pytest.approx(100 * 20 / 21)
    assert matlab.notes == ("blank: left out of the mean of success: its curve is zero throughout",)


def test_arguments_that_make_no_sense(annotation: list[Truth], boxes: list[Floats]) -> None:
    with pytest.raises(UnknownName, match="unknown profile 'pytraking'; did you mean pytracking"):
        evaluate("pytraking", annotation, [boxes])
    with pytest.raises(TrackzooError, match="no sequences"):
        evaluate("strict", [], [[]])
    with pytest.raises(TrackzooError, match="no run"):
        evaluate("strict", annotation, [])
    with pytest.raises(TrackzooError, match="found results of 2 sequences, expected 3"):
        evaluate("strict", annotation, [boxes[:2]])
    with pytest.raises(ResultsError, match=r"^s0: found an array of shape \(2, 3\)"):
        evaluate("strict", annotation, [[np.ones((2, 3)), *boxes[1:]]])
    with pytest.raises(TrackzooError, match="found 2 values of 'visible', expected 1"):
        evaluate("strict", [Truth("s", np.ones((1, 4)), np.ones(2, dtype=bool))], [[np.ones((1, 4))]])
    with pytest.raises(TrackzooError, match=r"shape \(0, 4\)"):
        evaluate("strict", [Truth("s", np.ones((0, 4)))], [[np.ones((0, 4))]])
