"""The regression gate: what passes, what fails and is named, what cannot be compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from stored_runs import DATASET, ID, shifted, store

import trackzoo
from trackzoo.errors import DataError, ResultsError, SettingsError, TrackzooError, UnknownName
from trackzoo.report.baseline import read_baseline
from trackzoo.report.boxes_text import FARTHEST, STEPS, pack, unpack
from trackzoo.report.parting import gap, parting
from trackzoo.report.regress import check, save

FIRST, SECOND, THIRD = trackzoo.open_dataset(DATASET).names


@given(
    st.lists(st.integers(0, 6), max_size=4).flatmap(
        lambda lengths: st.tuples(
            *(
                arrays(np.float64, (length, 4), elements=st.floats(-1e12, 1e12) | st.just(np.nan) | st.just(np.inf))
                for length in lengths
            )
        )
    )
)
def test_packed_boxes_come_back(boxes: tuple[np.ndarray, ...]) -> None:
    back = unpack(pack(boxes), [len(rows) for rows in boxes])
    assert len(back) == len(boxes)
    for ours, theirs in zip(boxes, back, strict=True):
        assert (np.isnan(ours) == np.isnan(theirs)).all()
        known = ~np.isnan(ours)
        kept = np.clip(ours[known], -FARTHEST, FARTHEST)
        assert (np.abs(kept - theirs[known]) <= 0.5 / STEPS + np.abs(kept) * 1e-15).all()


def test_packing_is_small() -> None:
    random = np.random.default_rng(0)
    walk = np.cumsum(random.normal(0, 2, (5000, 4)), axis=0) + 300
    assert len(pack([walk])) < 9 * len(walk)


@pytest.mark.parametrize("text", ["", "not packed", "c-rlb", pack([np.zeros((3, 4))])[:-2]])
def test_damaged_boxes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="boxes"):
        unpack(text, [3])


@settings(max_examples=50)
@given(
    arrays(np.float64, (8, 4), elements=st.floats(-500, 500)), st.integers(0, 7), st.integers(0, 3), st.floats(1.5, 50)
)
def test_parting_names_the_first_frame(boxes: np.ndarray, frame: int, place: int, step: float) -> None:
    moved = boxes.copy()
    moved[frame:, place] += step
    names = ["a", "b"]
    found = parting(names, [boxes, moved], [boxes, boxes], 1.0)
    assert found is not None
    assert (found.sequence, found.frame) == ("b", frame)
    assert found.gap == pytest.approx(step)
    assert parting(names, [boxes, boxes], [boxes, boxes], 0.0) is None
    assert gap([moved], [boxes]) == pytest.approx(step)


def test_unknown_boxes_part_from_known_ones() -> None:
    boxes = np.zeros((3, 4))
    unknown = boxes.copy()
    unknown[1, 2] = np.nan
    assert parting(["a"], [unknown], [boxes]).frame == 1  # type: ignore[union-attr]
    assert parting(["a"], [unknown], [unknown]) is None


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    store(folder, "dcf", shifted(2))
    store(folder, "static", shifted(9), repeats=2)
    return folder


@pytest.fixture
def results(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "runs"))


@pytest.fixture
def baseline(results: Path, tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "baseline.json"
    assert len(save(path, results)) == 2
    return path


def again(results: Path, tracker: str, change: Callable[[np.ndarray], np.ndarray], **options: object) -> None:
    """The tracker's run anew, with other boxes."""
    shutil.rmtree(results / tracker)
    store(results, tracker, change, **options)  # type: ignore[arg-type]


def drifting(frame: int, pixels: float) -> Callable[[np.ndarray], np.ndarray]:
    """As `shifted(2)`, and from a frame on lower too."""

    def change(boxes: np.ndarray) -> np.ndarray:
        boxes = shifted(2)(boxes)
        boxes[frame:, 1] += pixels
        return boxes

    return change


def test_baseline_holds_scores_and_boxes(baseline: Path, results: Path) -> None:
    dcf, static = read_baseline(baseline)
    scores = trackzoo.evaluate(results / "dcf" / ID / "ope")
    assert (dcf.tracker, dcf.dataset, dcf.protocol, dcf.names) == ("dcf", ID, "ope", (FIRST, SECOND, THIRD))
    assert dcf.scored[0].metrics == pytest.approx(scores.metrics, abs=1e-6)
    assert dcf.scored[0].per_sequence["auc"] == pytest.approx(scores.per_sequence["auc"], abs=1e-6)
    assert [len(rows) for rows in dcf.boxes[0]] == [20] * 3
    assert (len(dcf.boxes), len(static.boxes)) == (1, 2)
    assert baseline.stat().st_size < 8000


def test_same_results_pass(baseline: Path, results: Path) -> None:
    outcome = check(baseline, results, tolerance=0)
    assert outcome.failures == outcome.notes == ()
    assert (outcome.runs, outcome.metrics) == (2, 10)
    assert outcome.largest < 1e-6
    assert outcome.gap <= 0.5 / STEPS


def test_worse_results_fail_and_the_first_frame_is_named(baseline: Path, results: Path) -> None:
    again(results, "dcf", drifting(12, 6))
    outcome = check(baseline, results)
    [auc] = [line for line in outcome.failures if ": auc" in line]
    assert auc.startswith(f"dcf on {ID}: auc ")
    assert f"part first at sequence '{FIRST}' frame 12" in auc
    assert "tolerance 0.1, strict v1" in auc
    before = read_baseline(baseline)[0].scored[0].metrics["auc"]
    assert f"baseline {before:.2f}" in auc
    assert outcome.gap == pytest.approx(6)


def test_better_results_fail_too(baseline: Path, results: Path) -> None:
    again(results, "dcf", shifted(0))
    assert any(": auc 100.00, baseline" in line for line in check(baseline, results).failures)


def test_within_the_tolerance_passes_and_parting_is_noted(baseline: Path, results: Path) -> None:
    again(results, "dcf", drifting(15, 1.5))
    assert check(baseline, results).failures
    outcome = check(baseline, results, tolerance=50)
    assert outcome.failures == ()
    assert any(f"'{FIRST}' frame 15" in note for note in outcome.notes)
    assert check(baseline, results, tolerance=50, box_tolerance=2).notes == ()


def test_drift_below_the_box_tolerance_is_still_found(baseline: Path, results: Path) -> None:
    again(results, "dcf", drifting(5, 0.25))
    outcome = check(baseline, results, tolerance=0.01)
    assert outcome.failures
    assert f"'{FIRST}' frame 5" in outcome.failures[0]


def test_changed_scoring_is_told_from_changed_boxes(baseline: Path, results: Path) -> None:
    value = json.loads(baseline.read_text())
    value["runs"][0]["scores"][0]["metrics"]["auc"] += 3
    baseline.write_text(json.dumps(value))
    [line] = check(baseline, results).failures
    assert "it is the scoring that changed" in line


def test_repetitions_are_compared_one_by_one(baseline: Path, results: Path) -> None:
    again(results, "static", shifted(9))
    [line] = check(baseline, results).failures
    assert "1 repetitions, the baseline has 2" in line


def test_missing_and_extra_runs_are_named(baseline: Path, results: Path) -> None:
    shutil.rmtree(results / "static")
    store(results, "other")
    outcome = check(baseline, results)
    assert [line for line in outcome.failures if line.startswith(f"static on {ID}: no such run")]
    assert any(f"not in the baseline: other on {ID}" in note for note in outcome.notes)


def test_missing_sequences_are_named(baseline: Path, results: Path) -> None:
    (results / "dcf" / ID / "ope" / f"{SECOND}.json").unlink()
    [line] = check(baseline, results).failures
    assert f"1 of the baseline's 3 sequences are not there: {SECOND}" in line


def test_more_sequences_than_the_baseline_has_are_no_failure(results: Path, tmp_path: Path) -> None:
    shutil.rmtree(results / "static")
    store(results, "static", shifted(9), expected=[FIRST, THIRD])
    save(tmp_path / "b.json", results, ["static"])
    shutil.rmtree(results / "static")
    store(results, "static", shifted(9))
    assert check(tmp_path / "b.json", results).failures == ()


def test_selection(baseline: Path, results: Path) -> None:
    again(results, "dcf", drifting(12, 6))
    assert check(baseline, results, ["static"]).failures == ()
    assert check(baseline, results, ["dcf"], [DATASET]).failures
    with pytest.raises(UnknownName, match="did you mean static"):
        check(baseline, results, ["sttic"])
    with pytest.raises(SettingsError, match="the baseline has no tracker 'opencv-mil', only dcf, static"):
        check(baseline, results, ["opencv-mil"])


def test_incomplete_runs_make_no_baseline(results: Path, tmp_path: Path) -> None:
    store(results, "late", names=[FIRST])
    with pytest.raises(ResultsError, match="1 of 3 sequences finished"):
        save(tmp_path / "b.json", results)
    assert not (tmp_path / "b.json").exists()


def test_several_profiles(results: Path, tmp_path: Path) -> None:
    save(tmp_path / "b.json", results, profiles=["pytracking", "got10k"])
    assert [scored.profile for scored in read_baseline(tmp_path / "b.json")[0].scored] == ["pytracking", "got10k"]
    again(results, "dcf", drifting(12, 6))
    failures = check(tmp_path / "b.json", results).failures
    assert any(": ao" in line and "got10k v1" in line for line in failures)


def changed(baseline: Path, change: Callable[[dict], None]) -> Path:
    value = json.loads(baseline.read_text())
    change(value)
    baseline.write_text(json.dumps(value))
    return baseline


def test_other_rules_and_other_data_cannot_be_compared(baseline: Path, results: Path) -> None:
    text = baseline.read_text()
    changed(baseline, lambda value: value["runs"][0]["scores"][0].update(version=0))
    with pytest.raises(TrackzooError, match="scored under strict v0, this is v1"):
        check(baseline, results)
    baseline.write_text(text)
    changed(baseline, lambda value: value["runs"][0].update(fingerprint="0" * 64))
    with pytest.raises(TrackzooError, match="made on other annotation"):
        check(baseline, results)


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        (lambda value: value.update(kind="x"), "something else"),
        (lambda value: value.update(format=2), "baseline format 2"),
        (lambda value: value["runs"][0].pop("boxes"), "a damaged run"),
        (lambda value: value["runs"][0].update(boxes=["?"]), "a damaged run"),
        (lambda value: value["runs"][0].update(frames=[20, 20]), "2 lengths for 3 sequences"),
        (lambda value: value["runs"][0]["scores"][0]["per_sequence"].update(auc=[1]), "not one value a sequence"),
    ],
)
def test_damaged_baseline_is_one_line(
    baseline: Path, results: Path, change: Callable[[dict], None], needle: str
) -> None:
    changed(baseline, change)
    with pytest.raises(DataError, match=needle) as refused:
        check(baseline, results)
    assert len(str(refused.value).splitlines()) == 1
