"""Videos with several objects on the engine: who is called when, what is fed back, what is kept, what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import huer
import numpy as np
import pytest
import toys
import vosmini
import votmini
from vosmini import TWO, Listener, Videos, listener

from trackzoo.engine.plan import prepare
from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, SettingsError, UnknownName
from trackzoo.protocols import protocol
from trackzoo.registry import open_dataset, tracker
from trackzoo.store.read import StoredRun


def stored(tmp_path: Path, data: Videos | None = None, **settings: Any) -> StoredRun:
    outcome = run(listener(**settings), data or Videos(TWO), results=tmp_path)
    assert not outcome.failed, outcome.failed
    return outcome.stored()


def test_the_data_sets_own_protocol_is_taken(tmp_path: Path) -> None:
    assert stored(tmp_path).path == tmp_path / "listener" / "videos" / "vos"
    assert open_dataset("synth-vos").protocol == "vos"
    assert open_dataset("synth").protocol == "ope"


def test_objects_go_on_then_begin_then_are_merged(tmp_path: Path) -> None:
    run(listener(), Videos({"late": {1: 1, 2: 4, 3: 4}}), results=tmp_path)
    # Frame 0 has no object and is left out; of a single object the merge is asked, too; new objects stand behind.
    assert Listener.log[:4] == [("start", 1, (1,)), ("merge", -1, (1,)), ("step", 2, (1,)), ("merge", -1, (1,))]
    at = Listener.log.index(("step", 4, (1,)))
    assert Listener.log[at : at + 5] == [
        ("step", 4, (1,)),
        ("start", 4, (2, 3)),
        ("merge", -1, (1, 2, 3)),
        ("step", 5, (1, 2, 3)),
        ("merge", -1, (1, 2, 3)),
    ]
    assert len([call for call in Listener.log if call[0] == "merge"]) == 7


def test_what_merge_says_is_what_is_kept(tmp_path: Path) -> None:
    result = stored(tmp_path)
    assert result.scores("both", 0, 2).tolist() == [0.75] * 8
    masks = result.masks("both")
    for index in range(8):
        np.testing.assert_array_equal(masks[index], vosmini.squares(TWO["both"], index))  # type: ignore[arg-type]
    assert list(masks.names.values()) == [f"{index:05d}.png" for index in range(8)]


def test_late_objects_and_frames_before_the_first(tmp_path: Path) -> None:
    result = stored(tmp_path)
    masks = result.masks("late")
    assert result.objects("late") == (1, 2)
    assert masks.frames == tuple(range(1, 8))
    assert masks[0] is None
    assert set(np.unique(masks[3])) == {0, 1}  # type: ignore[arg-type]
    assert set(np.unique(masks[4])) == {0, 1, 2}  # type: ignore[arg-type]
    # Row k of the boxes is frame k.
    assert len(result.boxes("late", 0, 2)) == 8
    assert result.boxes("late", 0, 2)[6].tolist() == [3 + 12 + 8, 16, 12, 11]
    # A single object keeps the number that the annotation gives it.
    assert result.objects("alone") == (2,)
    assert set(np.unique(result.masks("alone")[2])) == {0, 2}  # type: ignore[arg-type]


def test_other_protocols_never_merge(tmp_path: Path) -> None:
    huer.Huer.merges.clear()
    data = "synth-vos:sequences=1,length=4,objects=2,width=96,height=80"
    run(huer.choice(), data, protocol="ope", results=tmp_path)
    assert not huer.Huer.merges
    run(huer.choice(), data, results=tmp_path)
    assert huer.Huer.merges == [1] * 4


def test_merging_takes_time_that_counts(tmp_path: Path) -> None:
    result = stored(tmp_path, wait=0.01)
    seconds = sum(result.seconds("both", 0, obj) for obj in (1, 2))
    assert (seconds >= 0.01).all()
    assert result.record("both")["stages"]["tracker"] >= 0.08
    assert result.record("both")["stages"]["masks"] > 0


def test_from_masks_and_from_boxes(tmp_path: Path) -> None:
    data = Videos({"both": {1: 0, 2: 0}})
    masks = stored(tmp_path / "masks", data)
    first, second = Listener.targets
    assert (first.obj, second.obj) == (1, 2)
    np.testing.assert_array_equal(second.mask, vosmini.squares(data.videos["both"], 0) == 2)  # type: ignore[arg-type]
    # Width and height are last minus first pixel, as PyTracking's loaders have them: no pixel is added.
    assert first.box.tolist() == [7, 2, 10, 10]
    assert masks.identity["identity"]["protocol"]["settings"] == {"init": "mask"}

    run(listener(), data, protocol=protocol("vos", init="box"), results=tmp_path / "boxes")
    assert [target.mask for target in Listener.targets] == [None, None]
    assert Listener.targets[0].box.tolist() == [7, 2, 10, 10]
    with pytest.raises(ResultsError, match="init: folder has mask, this run box"):
        run(listener(), data, protocol=protocol("vos", init="box"), results=tmp_path / "masks")


def test_what_a_tracker_takes_decides_where_nobody_says(tmp_path: Path) -> None:
    data = Videos({"both": {1: 0, 2: 0}})
    outcome = run(listener(takes=("box",)), data, results=tmp_path)
    assert outcome.stored().identity["identity"]["protocol"]["settings"] == {"init": "box"}
    with pytest.raises(SettingsError, match=r"'listener' cannot be started with a mask; --set-protocol init=box"):
        run(listener(takes=("box",)), data, protocol=protocol("vos", init="mask"), results=tmp_path / "no")
    with pytest.raises(SettingsError, match=r"'static' gives boxes alone, protocol 'vos' scores masks; --protocol ope"):
        run("static", data, results=tmp_path / "no")
    with pytest.raises(SettingsError, match="init=text, expected mask or box"):
        protocol("vos", init="text")
    with pytest.raises(SettingsError, match="protocol 'vos' has no setting 'first_box'"):
        protocol("vos", first_box="bounds")
    with pytest.raises(UnknownName, match="did you mean vos"):
        protocol("vso")
    assert not (tmp_path / "no").exists()


def test_a_tracker_that_needs_masks_is_refused_boxes_alone_before_anything_is_written(tmp_path: Path) -> None:
    data = Videos({"both": {1: 0, 2: 0}})
    for name, kind in (("masks", "mask"), ("boxes", "rectangle"), ("polygons", "polygon")):
        votmini.sequence(tmp_path / name, "ball", count=4, kind=kind)
    votmini.sequence(tmp_path / "mixed", "ant", count=4, kind="rectangle")
    votmini.sequence(tmp_path / "mixed", "ball", count=4, kind="mask")
    vot = {name: open_dataset("vot2021", tmp_path / name) for name in ("masks", "boxes", "polygons", "mixed")}
    for fine, rules in (
        (data, protocol("vos")),
        (data, protocol("ope")),
        (vot["masks"], protocol("vot-multistart")),
        (vot["polygons"], protocol("vot-multistart")),
        (vot["mixed"], protocol("vot-multistart")),  # what lacks one fails alone
    ):
        assert prepare("toys:Particular", fine, protocol=rules, results=tmp_path / "runs").trials
    for bare, rules in (
        (data, protocol("vos", init="box")),
        (toys.Toy({"a": 4}), protocol("ope")),
        (vot["boxes"], protocol("vot-multistart")),
        (vot["boxes"], protocol("vot-supervised")),
    ):
        with pytest.raises(SettingsError, match="^tracker 'Particular': a box alone is not enough$"):
            run("toys:Particular", bare, protocol=rules, results=tmp_path / "runs")
        assert run("toys:Walk", bare, protocol=rules, results=tmp_path / "other", dry_run=True).plan
    assert not (tmp_path / "runs").exists()


def test_boxes_with_a_refiner_behind_them_are_masks(tmp_path: Path) -> None:
    text = "'static+alpharefine' makes masks of them"
    with pytest.raises(SettingsError, match=re.escape(text)):
        run("static", "synth-vos", results=tmp_path)
    # What the registry says of a composition decides, before any network is loaded.
    chosen = tracker("static+alpharefine")
    rules = protocol("vos").fitted(chosen.id, chosen.spec)
    assert rules.settings() == {"init": "box"}


def test_a_tracker_that_repeats_the_first_box_alone_is_given_its_mask(tmp_path: Path) -> None:
    result = stored(tmp_path, silent=True)
    assert set(np.unique(result.masks("both")[0])) == {0, 1, 2}  # type: ignore[arg-type]
    outcome = run(listener(silent=True), Videos(TWO), protocol=protocol("vos", init="box"), results=tmp_path / "box")
    assert not outcome.failed
    assert not outcome.stored().masks("both")[0].any()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        ("none", "the tracker returned no mask of object 1"),
        ("small", "the tracker returned a mask of 64x47 for a picture of 64x48 pixels"),
        ("grey", r"the tracker returned a mask of shape \(48, 64\), float32; expected \(H, W\) bool"),
        ("raise", "cannot agree"),
    ],
)
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_fault_of_the_tracker_is_one_line_and_leaves_nothing(tmp_path: Path, odd: str, text: str, lanes: int) -> None:
    data = Videos(TWO | {"short": {1: 7}})  # too short for the fault
    outcome = run(listener(odd=odd), data, results=tmp_path, lanes=lanes)
    assert len(outcome.failed) == 3 if odd != "raise" else len(outcome.failed) >= 1
    for _, cause in outcome.failed:
        assert len(str(cause).splitlines()) == 1
    assert re.search(text, str(outcome.failed[0][1])), outcome.failed[0][1]
    assert "short" in {trial.name for trial in outcome.done}
    left = [path.name for path in outcome.folder.iterdir() if path.is_dir() and path.name[0] != "."]
    assert sorted(left) == sorted(trial.name for trial in outcome.done)
    assert not list(tmp_path.rglob(".spool"))


def test_whole_numbers_will_do_as_a_mask(tmp_path: Path) -> None:
    result = stored(tmp_path, odd="whole")
    np.testing.assert_array_equal(result.masks("both")[6], vosmini.squares(TWO["both"], 6))  # type: ignore[arg-type]


def _grows(starts: Any, index: int) -> np.ndarray:
    drawn = vosmini.picture(starts, index)
    return np.pad(drawn, ((0, 2), (0, 0), (0, 0))) if index >= 3 else drawn


def _small(starts: Any, index: int) -> np.ndarray:
    return vosmini.picture(starts, index)[:-2]


def test_faults_of_the_data_are_one_line(tmp_path: Path) -> None:
    outcome = run(listener(), Videos(TWO, paint=_grows), results=tmp_path / "a")
    assert "found a picture of 64x50 pixels, expected 64x48 as the first" in str(outcome.failed[0][1])
    assert outcome.exit_code == 2
    outcome = run(listener(), Videos(TWO, paint=_small), results=tmp_path / "b")
    assert "found a label map of 64x48 pixels, expected 64x46 as the picture" in str(outcome.failed[0][1])
    outcome = run(listener(), open_dataset("synth:sequences=1,length=4"), protocol="vos", results=tmp_path / "c")
    assert not outcome.failed  # a single object with masks is a video of one object


def test_a_data_set_without_label_maps(tmp_path: Path) -> None:
    outcome = run(listener(), toys.Toy({"a": 4}), protocol="vos", results=tmp_path)
    text = "a: found an annotation of boxes alone, expected label maps; --protocol ope needs none"
    assert text in str(outcome.failed[0][1])


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix == ".png" or (path.suffix == ".txt" and not path.name.endswith("_time.txt"))
    }


@pytest.mark.parametrize(("lanes", "jobs"), [(4, 1), (2, 2)])
def test_lanes_and_processes_leave_the_same_files(tmp_path: Path, lanes: int, jobs: int) -> None:
    data = "synth-vos:sequences=3,length=14,objects=2,width=96,height=80"
    calm = run(huer.choice(), data, results=tmp_path / "calm")
    other = run(huer.choice(), data, results=tmp_path / "other", lanes=lanes, jobs=jobs)
    assert not calm.failed
    assert not other.failed
    first = files(calm.folder)
    assert len([name for name in first if name.endswith(".png")]) == 42
    assert first == files(other.folder)
    assert not list((tmp_path / "other").rglob(".spool"))


def test_a_persons_own_class_says_what_it_gives() -> None:
    spec = tracker("huer:Huer").spec
    assert spec.gives == {"box", "mask"}
    assert spec.takes == {"box", "mask", "text"}
    assert spec.optional == {"text"}  # data without descriptions will do
    assert tracker("toys:Walk").spec.gives == {"box", "mask"}  # it does not say


def test_a_class_that_gives_no_mask_after_all_is_told_what_helps(tmp_path: Path) -> None:
    outcome = run("toys:Walk", Videos({"both": {1: 0, 2: 0}}), results=tmp_path)
    text = "the tracker returned no mask of object 1: protocol 'vos' scores masks, --protocol ope runs it with boxes"
    assert text in str(outcome.failed[0][1])
