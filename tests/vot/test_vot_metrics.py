"""VOT's measures: overlaps along trajectories, failures, curves; what must hold whatever the tracker does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from trackzoo.errors import ResultsError, TrackzooError, UnknownName
from trackzoo.metrics._verify_vot import vot_multistart
from trackzoo.metrics.bootstrap import _pooled, duel, interval_of_pooled, intervals
from trackzoo.metrics.goldens import make_case
from trackzoo.metrics.verify import packaged
from trackzoo.metrics.vot_multistart import expected_overlaps, multistart, progress, run
from trackzoo.metrics.vot_overlaps import overlap, region_truth, shape
from trackzoo.metrics.vot_pysot import pysot
from trackzoo.metrics.vot_scores import (
    AnchorTrajectory,
    VotScores,
    interval_of,
    score_anchors,
    score_passes,
    score_resets,
    vot_profile,
)
from trackzoo.metrics.vot_supervised import Reset, accuracy, fragments, supervised
from trackzoo.rasterise import region_overlap
from trackzoo.region_text import parse_region
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special

coordinates = st.floats(-8, 40, width=32)
sizes = st.floats(0, 30, width=32)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    bits = draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    pixels = np.array(bits, dtype=bool).reshape(height, width)
    return Mask(draw(st.integers(-6, 34)), draw(st.integers(-6, 34)), pixels)


regions = st.one_of(
    masks(),
    st.builds(Rectangle, coordinates, coordinates, sizes, sizes),
    st.builds(Polygon, st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=5).map(tuple)),
    st.builds(Special, st.integers(0, 2)),
)


@given(regions, regions, st.sampled_from([None, (32, 24), (1, 1)]), st.one_of(st.none(), regions))
@settings(max_examples=400, deadline=None)
def test_overlaps_are_those_of_drawn_regions(
    first: Region, second: Region, size: tuple[int, int] | None, ignore: Region | None
) -> None:
    """Counting without drawing gives the very same number."""
    found = overlap(shape(first), shape(second), size, ignore)
    assert found == region_overlap(first, second, size, ignore)
    assert found == overlap(shape(second), shape(first), size, ignore)
    assert 0 <= found <= 1


overlaps = st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.10001, 0.5, 1.0]), min_size=1, max_size=60)


@given(overlaps, st.data())
def test_progress(values: list[float], data: st.DataObject) -> None:
    """The frame before ten low ones in a row, found by going through them one by one."""
    empty = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    counter, expected = 10, len(values)
    for index, (value, absent) in enumerate(zip(values, empty, strict=True)):
        counter = counter - 1 if value <= 0.1 and not absent else 10
        if counter == 0:
            expected = index - 9
            break
    assert progress(np.array(values), np.array(empty)) == expected


@given(st.lists(st.tuples(overlaps, st.booleans()), min_size=1, max_size=5), st.integers(2, 80))
def test_multistart_by_hand(runs: list[tuple[list[float], bool]], high: int) -> None:
    """The definition, frame by frame, and the bounds of every figure."""
    made = [run(np.array([0.0, *values]), np.zeros(len(values) + 1, dtype=bool)) for values, _ in runs]
    phi, active = expected_overlaps(made, high)
    for length in range(1, high):
        total, count = 0.0, 0
        for each in made:
            own = [value if index < each.progress else 0.0 for index, value in enumerate(each.overlaps.tolist())]
            if length < len(own):
                total, count = total + sum(own[1 : length + 1]) / length, count + 1
            elif each.failed:
                total, count = total + sum(own[1:]) / (length - 1), count + 1
        assert active[length] == count
        assert phi[length] == pytest.approx(total / count if count else 0, abs=1e-12)
    scores = multistart([made], [100], (1, high))
    assert 0 <= scores.accuracy <= 1
    assert 0 <= scores.robustness <= 1
    assert 0 <= scores.eao <= 1
    assert np.array_equal(scores.curve, phi)


@given(st.permutations(range(4)), st.integers(0, 2**16))
def test_the_order_of_sequences_does_not_matter(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sequences = [
        [run(rng.random(n) * (rng.random(n) > 0.4), rng.random(n) < 0.1) for n in rng.integers(5, 60, 3)]
        for _ in range(4)
    ]
    lengths = [60, 70, 80, 90]
    one = multistart(sequences, lengths, (3, 50))
    other = multistart([sequences[i] for i in order], [lengths[i] for i in order], (3, 50))
    for name in ("accuracy", "robustness", "eao"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


def perfect(count: int = 40, kind: str = "rectangle") -> Any:
    found = [Rectangle(3 + index % 5, 4, 10, 8) for index in range(count)]
    return region_truth("one", found, (64, 48)), found


def test_a_perfect_tracker() -> None:
    truth, found = perfect(900)
    forward = AnchorTrajectory(0, False, (Special(1), *found[1:]))
    backward = AnchorTrajectory(899, True, (Special(1), *found[:-1][::-1]))
    scores = score_anchors([truth], [[[forward, backward]]], dataset="vot2022-stb")
    assert scores.metrics["robustness"] == 100
    # The start counts as overlap 0 in accuracy, and not in EAO.
    assert scores.metrics["accuracy"] == pytest.approx(100 * 899 / 900)
    assert scores.metrics["eao"] == pytest.approx(100)
    assert scores.interval == (115, 755)
    assert scores.curves["eao"].values.shape == (755,)


def test_a_tracker_that_is_lost_at_once() -> None:
    truth, _ = perfect()
    far = (Special(1), *[Rectangle(50, 40, 3, 3)] * 39)
    scores = score_anchors([truth], [[[AnchorTrajectory(0, False, far)]]])
    assert scores.metrics == {"eao": 0.0, "accuracy": 0.0, "robustness": 0.0}


def test_resets_by_hand() -> None:
    """Accuracy leaves out ten frames from each start; a failed fragment goes on with 0."""
    marks = np.full(30, -1)
    marks[0], marks[15], marks[16:20], marks[20] = 1, 2, 0, 1
    values = np.where(marks >= 0, 0, 0.5)
    values[10:15] = 0.8
    reset = Reset(values, marks)
    assert accuracy(reset) == pytest.approx(0.8)
    assert [(len(part), failed) for part, failed in fragments(reset)] == [(15, True), (10, False)]
    scores = supervised([[reset]], (9, 14))
    assert scores.failures == 1
    assert scores.reliability == pytest.approx(np.exp(-30 / 30))
    mean = (9 * 0.5 + 0 * 0.8) / 9
    assert scores.curve[9] == pytest.approx((mean + 0.5) / 2)
    # Beyond its own length the fragment that did not fail says nothing.
    assert scores.curve[14] == pytest.approx((9 * 0.5 + 5 * 0.8) / 14)


def test_unsupervised_leaves_out_starts_and_unknown_frames() -> None:
    found: list[Region] = [Rectangle(3, 4, 10, 8)] * 10
    found[7] = Special(0)
    truth = region_truth("one", found, (64, 48))
    half = Rectangle(3, 4, 10, 4)
    scores = score_passes([truth], [[[Special(1), *[half] * 8, Special(0)]]])
    assert scores.metrics["ao"] == pytest.approx(50)


def test_intervals() -> None:
    assert interval_of("vot2015", "supervised") == (108, 371)
    assert interval_of("vot2018", "supervised") == (100, 356)
    assert interval_of("vot2019", "supervised") == (46, 291)
    assert interval_of("vot2022-stb", "multistart") == (115, 755)
    assert interval_of("mine", "supervised") == (100, 356)


def test_refuses() -> None:
    truth, found = perfect()
    with pytest.raises(ResultsError, match="39 regions, expected 40"):
        score_resets([truth], [[found[1:]]])
    with pytest.raises(ResultsError, match="40 regions from anchor 5, expected 35"):
        score_anchors([truth], [[[AnchorTrajectory(5, False, tuple(found))]]])
    with pytest.raises(TrackzooError, match="point"):
        region_truth("one", [Point(1, 2)], (64, 48))
    with pytest.raises(UnknownName, match="vot"):
        vot_profile("vott", "supervised")
    with pytest.raises(TrackzooError, match="scores supervised runs"):
        vot_profile("pysot", "multistart")


def cases(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    path = packaged() / f"golden_vot_supervised_seed{seed}.json.gz"
    golden = json.loads(gzip.decompress(path.read_bytes()))
    return make_case.supervised_case(seed, **golden["case_args"]), golden["pysot"]["trackers"]


@pytest.mark.parametrize("seed", [1, 2])
def test_pysot_is_its_toolkit(seed: int) -> None:
    case, goldens = cases(seed)
    truths = [
        region_truth(
            each["name"], [parse_region(text) for text in each["groundtruth"]], (each["width"], each["height"])
        )
        for each in case["sequences"]
    ]
    for tracker, golden in goldens.items():
        runs = [
            [[parse_region(text) for text in texts] for texts in each["runs"][tracker]] for each in case["sequences"]
        ]
        found = pysot(truths, runs, (100, 356))
        assert found.lost == pytest.approx(golden["lost_number"], rel=1e-12)
        assert found.robustness == pytest.approx(golden["robustness"], rel=1e-12)
        assert found.eao == pytest.approx(golden["eao"], rel=1e-8)
        assert found.curve[19:90].mean(dtype=np.float64) == pytest.approx(golden["eao_low20_high90"], rel=1e-8)
        assert found.accuracy == pytest.approx(golden["accuracy"], rel=1e-12)


def test_masks_as_the_toolkit_reads_them() -> None:
    """A mask one pixel wide that was read from text counts as empty; the target is absent there."""
    narrow = Mask(5, 5, np.ones((6, 1), dtype=bool))
    truth = region_truth("one", [narrow, Rectangle(3, 3, 5, 5)], (64, 48))
    assert truth.empty.tolist() == [True, False]


def test_ignored_pixels() -> None:
    left, right = Rectangle(0, 0, 5, 10), Rectangle(5, 0, 5, 10)
    whole = Rectangle(0, 0, 10, 10)
    truth = region_truth("one", [whole], (64, 48), [right])
    values: NDArray[np.float64] = truth.overlaps([left])
    assert values.tolist() == [1.0]


def test_certificates_hold_predictions_as_the_toolkit_reads_them_from_text() -> None:
    """A predicted mask one pixel wide is empty to the toolkit: right where the target is absent, a miss elsewhere."""
    narrow, wide, nothing = "m0,0,1,8,0,8", "m0,0,8,8,0,64", "m0,0,1,1,1"
    sequence = {
        "name": "one",
        "width": 64,
        "height": 48,
        "length": 4,
        "groundtruth": [wide, wide, nothing, wide],
        "anchor": np.array([1, 0, 0, 0]),
        "runs": {"thin": {"00000000": ["1", narrow, narrow, wide]}},
    }
    golden = {"sequences": {}, "run_overlaps": {"anchor": 0, "overlaps": [0.0, 0.0, 1.0, 1.0]}}
    content = {"results": {"mask": {"case_digest": "d", "trackers": {"thin": golden}}}}
    [row] = vot_multistart("golden", content, lambda **_: ({"sequences": [sequence]}, "d"))
    assert (row.status, row.numbers) == ("agrees", 4)


def scored(
    experiment: str, profile: str, seed: int, trackers: tuple[str, ...]
) -> tuple[list[VotScores], Callable[..., Any]]:
    """Scores of some trackers on a generated case, and what scores one of them anew on sequences of one's choice."""
    anchored = experiment == "multistart"
    case = (
        make_case.multistart_case(seed, "rect", sequences=5, frames=200)
        if anchored
        else make_case.supervised_case(seed, sequences=5, frames=110, repetitions=2)
    )
    truths = [
        region_truth(
            each["name"], [parse_region(text) for text in each["groundtruth"]], (each["width"], each["height"])
        )
        for each in case["sequences"]
    ]

    def again(tracker: str, places: Any) -> VotScores:
        runs: list[list[Any]] = [[] for _ in range(1 if anchored else 2)]
        for place in places:
            each = case["sequences"][place]
            if anchored:
                runs[0].append(
                    [
                        AnchorTrajectory(int(at), bool(each["anchor"][int(at)] < 0), tuple(map(parse_region, texts)))
                        for at, texts in each["runs"][tracker].items()
                    ]
                )
            for repeat, texts in enumerate([] if anchored else each["runs"][tracker]):
                runs[repeat].append([parse_region(text) for text in texts])
        chosen = [truths[place] for place in places]
        if anchored:
            return score_anchors(chosen, runs)
        return score_resets(chosen, runs, profile=profile, dataset="vot2019")

    return [again(tracker, range(5)) for tracker in trackers], again


@pytest.mark.parametrize(
    ("experiment", "profile"), [("multistart", "vot"), ("supervised", "vot"), ("supervised", "pysot")]
)
def test_pooled_figures_are_resampled_as_if_scored_anew(experiment: str, profile: str) -> None:
    """EAO is no mean over sequences: in a resample it is what the toolkit gives on those sequences, drawn as often."""
    tracker = "fails" if experiment == "multistart" else "loose"
    scores, again = scored(experiment, profile, 3, (tracker,))
    pooled = scores[0].pooled
    assert set(pooled) == {"eao", *(["accuracy", "failure_rate", "lost"] if profile == "pysot" else [])}
    random = np.random.default_rng(0)
    for _ in range(3):
        places = random.integers(0, 5, 5)
        drawn = np.bincount(places, minlength=5).astype(np.float64)[None]
        anew = again(tracker, places)
        for metric, how in pooled.items():
            assert _pooled(how, drawn)[0] == pytest.approx(anew.metrics[metric], rel=1e-5), metric
    for metric, how in pooled.items():
        found = interval_of_pooled(how, resamples=400)
        assert found.value == pytest.approx(scores[0].metrics[metric], rel=1e-6)
        assert found.low < found.value < found.high
        assert intervals(scores[0], [metric], resamples=400) == {metric: found}
        assert interval_of_pooled(how, resamples=400, method="percentile") != found


def test_pooled_figures_are_held_against_each_other() -> None:
    (loose, fails), _ = scored("multistart", "vot", 3, ("tight", "fails"))
    found = duel(loose, fails, "eao", resamples=400)
    assert found.difference.value == pytest.approx(loose.metrics["eao"] - fails.metrics["eao"])
    assert found.wins + found.ties + found.losses == 5
    assert found.difference.low > 0
    assert not found.tied
    same = duel(fails, fails, "eao", resamples=400)
    assert (same.wins, same.ties, same.losses, same.tied) == (0, 5, 0, True)
