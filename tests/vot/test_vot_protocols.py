"""VOT's experiments as trials: codes, anchors, masks, clocks, files, resume."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import votmini

from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, SettingsError, UnknownName
from trackzoo.protocols import protocol
from trackzoo.protocols.vot_clock import Clock, RealTime
from trackzoo.region_binary import read_binary
from trackzoo.region_text import read_regions
from trackzoo.regions import Mask, Polygon, Rectangle, Special
from trackzoo.registry import open_dataset
from trackzoo.store.read import StoredRun

ANCHORS = {0: 1, 10: 1, 25: -1, 29: -1}


def read(path: Path) -> list[str]:
    """Codes as they stand, `r` for a region."""
    return [str(each.code) if isinstance(each, Special) else "r" for each in read_regions(path)]


@pytest.fixture
def boxes(tmp_path: Path) -> Any:
    """VOT2022 with boxes: two sequences with anchors."""
    for name in ("ants", "ball"):
        votmini.sequence(tmp_path / "data", name, anchors=ANCHORS)
    return open_dataset("vot2022-stb", tmp_path / "data")


@pytest.fixture
def polygons(tmp_path: Path) -> Any:
    votmini.sequence(tmp_path / "data", "ants", kind="polygon")
    return open_dataset("vot2015", tmp_path / "data")


def test_resets(polygons: Any, tmp_path: Path) -> None:
    """A failure on frame 12 is code 2, the next start is five frames later, what lies between is skipped."""
    outcome = run(votmini.choice(lost=[12, 28]), polygons, results=tmp_path / "runs")
    assert (outcome.protocol, outcome.complete) == ("vot-supervised", True)
    found = read(outcome.folder / "ants" / "ants_001.txt")
    assert "".join(found) == "1" + "r" * 11 + "20000" + "1" + "r" * 10 + "20"
    times = (outcome.folder / "ants" / "ants_001_time.value").read_text().split("\n")
    scores = (outcome.folder / "ants" / "ants_001_confidence.value").read_text().split("\n")
    assert [bool(line) for line in times[:-1]] == [code != "0" for code in found]
    assert scores[1] == "0.5"
    assert scores[13] == ""


def test_a_small_overlap_is_no_failure(polygons: Any, tmp_path: Path) -> None:
    outcome = run(votmini.choice(half=list(range(1, 30))), polygons, results=tmp_path)
    assert read(outcome.folder / "ants" / "ants_001.txt").count("2") == 0


def test_a_failure_near_the_end_ends_the_run(polygons: Any, tmp_path: Path) -> None:
    outcome = run(votmini.choice(lost=[25]), polygons, results=tmp_path)
    assert "".join(read(outcome.folder / "ants" / "ants_001.txt"))[-5:] == "20000"


def test_a_start_waits_for_the_target(tmp_path: Path) -> None:
    votmini.sequence(tmp_path / "data", "ants", kind="polygon", absent=(0, 15, 16))
    outcome = run(votmini.choice(lost=[10]), open_dataset("vot2015", tmp_path / "data"), results=tmp_path / "runs")
    # At frames 15 and 16 nothing is annotated: the start waits for frame 17.
    assert "".join(read(outcome.folder / "ants" / "ants_001.txt")) == "01" + "r" * 8 + "2" + "000000" + "1" + "r" * 12


def test_fifteen_repetitions_where_there_is_randomness(polygons: Any, tmp_path: Path) -> None:
    once = run(votmini.choice(), polygons, results=tmp_path / "a")
    many = run(votmini.choice(deterministic=False), polygons, results=tmp_path / "b")
    assert (len(once.done), len(many.done)) == (1, 15)
    assert (many.folder.parent / "vot-supervised_014" / "ants" / "ants_015.txt").is_file()
    assert len(run(votmini.choice(deterministic=False), polygons, results=tmp_path / "c", repeats=2).done) == 2


def test_anchors(boxes: Any, tmp_path: Path) -> None:
    """One trial an anchor, forward to the last frame or backward to the first, in the files that the toolkit reads."""
    outcome = run(votmini.choice(lost=[27]), boxes, results=tmp_path)
    assert outcome.protocol == "vot-multistart"
    assert [trial.name for trial in outcome.done[:4]] == [f"ants_{anchor:08d}" for anchor in (0, 10, 25, 29)]
    home = outcome.folder / "ants"
    lengths = {path.name: len(read_regions(path)) for path in sorted(home.glob("*.txt"))}
    assert lengths == {
        "ants_00000000.txt": 30,
        "ants_00000010.txt": 20,
        "ants_00000025.txt": 26,
        "ants_00000029.txt": 30,
    }
    backward = read_regions(home / "ants_00000025.txt")
    assert backward[0] == Special(1)
    assert backward[1] == Rectangle(*votmini.box(24))
    assert backward[25] == Rectangle(*votmini.box(0))
    # It is not started again when it loses the target.
    assert read_regions(home / "ants_00000029.txt")[2] == Rectangle(*votmini.FAR)
    record = json.loads((outcome.folder / "ants_00000010.json").read_text())
    assert record["objects"]["1"]["regions"]["file"] == "ants/ants_00000010.txt"
    stored = outcome.stored()
    assert stored.boxes("ants_00000025").shape == (26, 4)
    assert np.isnan(stored.boxes("ants_00000025")[0]).all()
    assert (stored.seconds("ants_00000025") >= 0).all()


def test_masks_start_and_result(tmp_path: Path) -> None:
    """A tracker that gives masks is asked for them where the annotation has them, and starts with one."""
    votmini.sequence(tmp_path / "data", "ants", kind="mask", anchors={0: 1})
    votmini.Scripted.begun.clear()
    data = open_dataset("vot2021", tmp_path / "data")
    outcome = run(votmini.choice(empty=[5]), data, results=tmp_path / "runs")
    [target] = votmini.Scripted.begun
    assert target.mask is not None
    assert np.array_equal(target.mask, votmini.pixels(0))
    assert target.box.tolist() == [4, 5, 12, 10]
    found = read_binary(outcome.folder / "ants" / "ants_00000000.bin")
    assert found[0] == Special(1)
    assert isinstance(found[1], Mask)
    assert (found[1].x, found[1].y, found[1].pixels.shape) == (5, 6, (10, 12))
    assert isinstance(found[5], Mask)
    assert not found[5].pixels.any()


def test_rectangles_start_without_a_mask(boxes: Any, tmp_path: Path) -> None:
    votmini.Scripted.begun.clear()
    outcome = run(votmini.choice(), boxes, results=tmp_path, sequences=["ants"])
    assert all(target.mask is None for target in votmini.Scripted.begun)
    assert isinstance(outcome.stored().regions("ants_00000000")[1], Rectangle)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("bounds", [4, 5, 12, 10]), ("area_plus1", [4, 5, 13, 11]), ("area_plus1:pytracking", [3.5, 4.5, 13, 11])],
)
def test_first_box_is_a_recorded_setting(polygons: Any, tmp_path: Path, rule: str, expected: list[float]) -> None:
    votmini.Scripted.begun.clear()
    outcome = run(votmini.choice(), polygons, results=tmp_path, protocol=protocol("vot-supervised", first_box=rule))
    assert votmini.Scripted.begun[0].box == pytest.approx(expected)
    settings = json.loads((outcome.folder / "run.json").read_text())["identity"]["protocol"]["settings"]
    assert settings["first_box"] == rule.partition(":")[0]
    if rule != "bounds":
        with pytest.raises(ResultsError, match="first_box"):
            run(votmini.choice(), polygons, results=tmp_path)


def test_unsupervised(polygons: Any, tmp_path: Path) -> None:
    outcome = run(votmini.choice(lost=[12]), polygons, results=tmp_path, protocol="vot-unsupervised")
    assert read(outcome.folder / "ants" / "ants_001.txt") == ["1"] + ["r"] * 29


def test_clock() -> None:
    """A tracker at half the rate misses every second frame; late answers at the start are forgiven."""

    def seen(seconds: float, grace: int, frames: int = 10) -> list[int]:
        clock, found = Clock(0.1, grace), []
        for frame in range(frames):
            if not clock.missed():
                found.append(frame)
                clock.spend(seconds)
        return found

    assert seen(0.1, 0) == list(range(10))
    assert seen(0.2, 0) == [0, 2, 4, 6, 8]
    assert seen(0.21, 0) == [0, 3, 6, 9]
    assert seen(0.2, 3) == [0, 1, 2, 3, 5, 7, 9]
    assert seen(100, 0) == [0]


def test_real_time(boxes: Any, tmp_path: Path) -> None:
    """At 30 frames a second a tracker that takes 45 ms misses every second frame, where its last answer stands."""
    rules = protocol("vot-realtime", grace=0)
    outcome = run(votmini.choice(wait=0.045), boxes, results=tmp_path, protocol=rules, sequences=["ants"], lanes=4)
    found = outcome.stored().regions("ants_00000000")
    seconds = (outcome.folder / "ants" / "ants_00000000_time.value").read_text().split("\n")[:-1]
    asked = [index for index, line in enumerate(seconds) if line]
    # A busy machine may need longer for some; never less.
    assert asked[0] == 0
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(asked[1:]))
    for index in range(2, 30):
        last = max(each for each in asked if each <= index)
        assert found[index] == Rectangle(*votmini.box(last))
    assert all(trial.exclusive for trial in outcome.done)


def test_real_time_is_the_benchmarks_own_experiment(polygons: Any, tmp_path: Path) -> None:
    outcome = run(votmini.choice(lost=[12]), polygons, results=tmp_path, protocol="vot-realtime")
    assert read(outcome.folder / "ants" / "ants_001.txt")[12:18] == ["2", "0", "0", "0", "0", "1"]


@pytest.mark.parametrize("settings", [{"fps": -1}, {"fps": float("nan")}, {"grace": -1}, {"grace": 1.5}])
def test_clock_refuses(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        protocol("vot-realtime", **settings)


def test_rate() -> None:
    assert RealTime().start(25)._interval == 1 / 25
    assert RealTime().start(None)._interval == 1 / 20
    assert RealTime(50).start(25)._interval == 1 / 50


def test_rules_that_do_not_exist() -> None:
    with pytest.raises(UnknownName, match="area_plus1"):
        protocol("vot-supervised", first_box="area_plus")
    with pytest.raises(UnknownName, match="pysot"):
        protocol("vot-multistart", first_box="area:pyzot")
    with pytest.raises(SettingsError, match="has no setting 'grace'"):
        protocol("vot-multistart", grace=3)


def test_without_anchors(tmp_path: Path) -> None:
    """The sequence's one trial fails with the reason; the other sequence is run."""
    votmini.sequence(tmp_path / "data", "ants")
    votmini.sequence(tmp_path / "data", "ball", anchors={0: 1})
    outcome = run(votmini.choice(), open_dataset("vot2022-stb", tmp_path / "data"), results=tmp_path / "runs")
    [(trial, cause)] = outcome.failed
    assert trial.name == "ants_00000000"
    assert "no file anchor.value" in str(cause)
    assert "vot-supervised" in str(cause)
    assert [done.name for done in outcome.done] == ["ball_00000000"]
    assert outcome.exit_code == 2


def test_an_anchor_without_a_target(tmp_path: Path) -> None:
    votmini.sequence(tmp_path / "data", "ants", anchors={5: 1}, absent=(5,))
    outcome = run(votmini.choice(), open_dataset("vot2022-stb", tmp_path / "data"), results=tmp_path / "runs")
    [(_, cause)] = outcome.failed
    assert "special code" in str(cause)
    assert "00000006.jpg" in str(cause)


def test_resume(boxes: Any, tmp_path: Path) -> None:
    """A file that is deleted has its trial made again; one that was altered is refused, named, in one line."""
    first = run(votmini.choice(), boxes, results=tmp_path)
    assert run(votmini.choice(), boxes, results=tmp_path).done == []
    (first.folder / "ants" / "ants_00000010.txt").unlink()
    (first.folder / "ball" / "ball_00000000_time.value").unlink()
    assert [trial.name for trial in run(votmini.choice(), boxes, results=tmp_path).done] == [
        "ants_00000010",
        "ball_00000000",
    ]
    path = first.folder / "ball" / "ball_00000029.txt"
    path.write_text(path.read_text()[:-10])
    with pytest.raises(ResultsError, match=r"ball_00000029\.txt: found other content") as error:
        run(votmini.choice(), boxes, results=tmp_path)
    assert "\n" not in str(error.value)


def test_killed_and_resumed(boxes: Any, tmp_path: Path) -> None:
    """Killed at some moment, the run goes on with what is missing and ends with the files of an undisturbed one."""
    script = f"""
import votmini
from trackzoo.engine.runner import run
from trackzoo.registry import open_dataset
run(votmini.choice(wait=0.01), open_dataset("vot2022-stb", {str(boxes.root)!r}), results={str(tmp_path / "runs")!r})
"""
    path = os.pathsep.join([str(Path(votmini.__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path})
    folder = tmp_path / "runs" / "scripted" / "vot2022-stb" / "vot-multistart"
    deadline = time.monotonic() + 60
    while len(list(folder.glob("ants_*.json"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = run(votmini.choice(wait=0.01), boxes, results=tmp_path / "runs")
    assert again.complete
    assert again.skipped
    assert again.done
    whole = run(votmini.choice(wait=0.01), boxes, results=tmp_path / "other")
    for file in whole.folder.glob("*/*.txt"):
        assert (again.folder / file.relative_to(whole.folder)).read_bytes() == file.read_bytes()
    assert not list(again.folder.rglob("*.tmp"))


def test_real_clip(shared: Path, tmp_path: Path) -> None:
    """A real clip with polygons: the tracker that never moves fails where the target has left its box, three times."""
    data = open_dataset("vot2015", shared / "data" / "sequences" / "vot2015")
    outcome = run("static", data, results=tmp_path, available=True)
    regions = outcome.stored().regions("bag")
    codes = [each.code for each in regions if isinstance(each, Special)]
    assert codes.count(2) == 3
    assert codes.count(1) == 4
    failed = [index for index, each in enumerate(regions) if each == Special(2)]
    for index in failed:
        assert regions[index + 1 : index + 5] == (Special(0),) * 4
        assert regions[index + 5] == Special(1)
    assert isinstance(data["bag"].regions[0], Polygon)


def test_a_stored_run_of_boxes_has_no_regions(polygons: Any, tmp_path: Path) -> None:
    outcome = run(votmini.choice(), polygons, results=tmp_path, protocol="ope")
    stored: StoredRun = outcome.stored()
    assert stored.boxes("ants").shape == (30, 4)
    with pytest.raises(ResultsError, match="protocols of VOT"):
        stored.regions("ants")


def test_annotation_that_does_not_fit_the_frames(tmp_path: Path) -> None:
    home = votmini.sequence(tmp_path / "data", "ants", kind="polygon")
    (home / "groundtruth.txt").write_text((home / "groundtruth.txt").read_text() + "0\n")
    outcome = run(votmini.choice(), open_dataset("vot2015", tmp_path / "data"), results=tmp_path / "runs")
    [(_, cause)] = outcome.failed
    assert cause.mistake
    assert "00000031.jpg" in str(cause)
