"""What is written is read back; a kill between two files, a damaged file and another run's folder are noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackzoo.errors import ResultsError
from trackzoo.store import write as writing
from trackzoo.store.read import StoredRun, find_runs, stored_run
from trackzoo.store.write import Place
from trackzoo.trial import Track, TrialResult

IDENTITY = {"tracker": "walk", "settings": {"stride": 1.5}, "seed": 0}


def result(
    name: str = "a", repeat: int = 0, frames: int = 5, first: int = 0, objects: tuple[int, ...] = (1,)
) -> TrialResult:
    rng = np.random.default_rng(len(name) + repeat)
    tracks = {
        obj: Track(
            list(range(first, frames)),
            list(rng.random((frames - first, 4)) * 100 + obj),
            list(rng.random(frames - first)),
            [0.25] * (frames - first),
        )
        for obj in objects
    }
    record = {"sequence": name, "fingerprint": "f" * 64, "decoder": "memory", "throughput": False, "lanes": 1}
    return TrialResult(name, repeat, 7, tracks, {"tracker": 0.5}, record)


def place(folder: Path, repeats: int = 1) -> Place:
    return Place(folder, "walk", "toy", "ope", repeats)


def fill(
    folder: Path, names: tuple[str, ...] = ("a", "b"), expected: tuple[str, ...] = ("a", "b"), **more: Any
) -> Path:
    with place(folder).open(IDENTITY, list(expected), **more) as session:
        for name in names:
            assert session.take(0, name) is True
            assert session.commit(result(name))
        session.complete(lambda: "e" * 64)
    return session.folders[0]


def only(folder: Path) -> StoredRun:
    [run] = find_runs(folder)
    return run


def test_boxes_seconds_scores_and_record_come_back(tmp_path: Path) -> None:
    fill(tmp_path)
    run, made = only(tmp_path), result("b").tracks[1]
    assert (run.tracker, run.dataset, run.protocol, run.repeats) == ("walk", "toy", "ope", (0,))
    assert run.names() == run.expected == ("a", "b")
    assert run.boxes("b").tobytes() == np.array(made.boxes).tobytes()
    assert run.scores("b").tobytes() == np.array(made.scores).tobytes()
    assert run.seconds("b").tolist() == made.seconds
    record = run.record("b")
    assert (record["seed"], record["lanes"], record["stages"]) == (7, 1, {"tracker": 0.5})
    assert run.complete
    assert run.fingerprint == "e" * 64
    assert run.identity["identity"] == IDENTITY


def test_files_are_named_as_pytracking_names_them(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    assert folder == tmp_path / "walk" / "toy" / "ope"
    assert {"a.txt", "a_time.txt", "a_object_presence_scores.txt", "a.json", "run.json"} <= set(os.listdir(folder))
    assert np.loadtxt(folder / "a.txt", delimiter="\t").shape == (5, 4)
    assert not list(folder.glob(".*"))


def test_unfinished_set_is_incomplete_and_has_no_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, names=("b",))
    run = only(tmp_path)
    assert (run.complete, run.missing(), run.names(), run.fingerprint) == (False, ("a",), ("b",), None)
    with pytest.raises(ResultsError, match="no finished trial 'a', expected one of b"):
        run.boxes("a")


def test_several_objects_have_a_file_each(tmp_path: Path) -> None:
    with place(tmp_path).open(IDENTITY, ["a"]) as session:
        session.commit(result("a", objects=(1, 3)))
    run = only(tmp_path)
    assert (run.path / "a_3.txt").exists()
    assert run.boxes("a", obj=3)[0, 0] != run.boxes("a")[0, 0]
    with pytest.raises(ResultsError, match="no object 2"):
        run.boxes("a", obj=2)


def test_target_that_begins_later_has_a_row_for_every_frame(tmp_path: Path) -> None:
    with place(tmp_path).open(IDENTITY, ["a"]) as session:
        session.commit(result("a", frames=6, first=2))
    run = only(tmp_path)
    boxes = run.boxes("a")
    assert boxes.shape == (6, 4)
    assert (boxes[:2] == boxes[2]).all()
    assert run.seconds("a").tolist() == [0, 0] + [0.25] * 4
    assert run.record("a")["objects"]["1"]["first_frame"] == 2


def test_repetitions_lie_side_by_side(tmp_path: Path) -> None:
    with place(tmp_path, 2).open(IDENTITY, ["a"]) as session:
        session.commit(result("a", repeat=1))
    run = only(tmp_path)
    assert run.repeats == (0, 1)
    assert [run.names(repeat) for repeat in run.repeats] == [(), ("a",)]
    assert run.missing() == ("a",)
    assert not run.complete
    with pytest.raises(ResultsError, match="no repetition 2"):
        run.names(2)


def test_single_run_is_the_first_of_several_later(tmp_path: Path) -> None:
    fill(tmp_path, names=("a",), expected=("a",))
    with place(tmp_path, 3).open(IDENTITY, ["a"]) as session:
        assert session.take(0, "a") is False
        assert session.take(1, "a") is True
        session.commit(result("a", 1))
        session.commit(result("a", 2))
    run = only(tmp_path)
    assert run.repeats == (0, 1, 2)
    assert run.complete
    assert sorted(path.name for path in run.path.parent.glob("ope*")) == ["ope", "ope_001", "ope_002"]


def test_kill_between_any_two_writes_leaves_the_trial_finished_or_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writing.write_atomically
    for stop in range(5):
        folder = tmp_path / str(stop)
        left = stop

        def write(path: Path, data: bytes, **options: Any) -> None:
            nonlocal left
            if path.name != "run.json":
                if left == 0:
                    raise KeyboardInterrupt  # as SIGKILL: nothing after it happens
                left -= 1
            real(path, data, **options)

        monkeypatch.setattr(writing, "write_atomically", write)
        with place(folder).open(IDENTITY, ["a"]) as session:
            if stop < 4:
                with pytest.raises(KeyboardInterrupt):
                    session.commit(result("a"))
            else:
                session.commit(result("a"))
        monkeypatch.setattr(writing, "write_atomically", real)
        run = only(folder)
        assert run.names() == (("a",) if stop == 4 else ())
        assert place(folder).finished(["a"]).keys() == ({(0, "a")} if stop == 4 else set())
        fill(folder, names=("a",) if stop < 4 else (), expected=("a",))
        assert only(folder).boxes("a").tobytes() == np.array(result("a").tracks[1].boxes).tobytes()


def test_kill_while_a_trial_is_made_again_does_not_mix_old_and_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path, names=("a",), expected=("a",))
    (folder / "a_object_presence_scores.txt").unlink()
    real = writing.write_atomically

    def write(path: Path, data: bytes, **options: Any) -> None:
        if path.name == "a.json":
            raise KeyboardInterrupt
        real(path, data, **options)

    slower = result("a")
    slower.tracks[1].seconds = [0.5] * 5
    monkeypatch.setattr(writing, "write_atomically", write)
    with place(tmp_path).open(IDENTITY, ["a"]) as session, pytest.raises(KeyboardInterrupt):
        session.commit(slower)
    monkeypatch.setattr(writing, "write_atomically", real)
    assert place(tmp_path).finished(["a"]) == {}, "the record of before does not stand beside the seconds of now"


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    folder = fill(tmp_path, names=("a",))
    (folder / ".b.txt.x7f3.tmp").write_text("1\t2")
    fill(tmp_path, names=("b",))
    assert not list(folder.glob(".*.tmp"))


@pytest.mark.parametrize("file", ["a.txt", "a_time.txt", "a_object_presence_scores.txt"])
def test_file_cut_in_the_middle_is_refused(tmp_path: Path, file: str) -> None:
    folder = fill(tmp_path)
    text = (folder / file).read_bytes()
    (folder / file).write_bytes(text[: len(text) // 2])
    run = only(tmp_path)
    with pytest.raises(ResultsError, match=rf"{file}: found 2 rows.*, expected 5 rows .*; delete it and run again"):
        run.verify("a")
    with pytest.raises(ResultsError, match="expected 5 rows"):
        place(tmp_path).finished(["a", "b"])
    run.verify("b")


@pytest.mark.parametrize("file", ["a.txt", "a_time.txt", "a_object_presence_scores.txt", "a.json"])
def test_deleting_a_file_has_the_trial_made_again(tmp_path: Path, file: str) -> None:
    folder = fill(tmp_path)
    (folder / file).unlink()
    assert only(tmp_path).names() == ("b",)
    fill(tmp_path, names=("a",))
    run = only(tmp_path)
    run.verify("a")
    assert run.complete


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "found list"),
        ('{"format": 1}', "parts missing"),
        ('{"format": 99}', "layout version 99"),
    ],
)
def test_damaged_record_is_refused(tmp_path: Path, text: str, message: str) -> None:
    folder = fill(tmp_path)
    (folder / "a.json").write_text(text)
    with pytest.raises(ResultsError, match=rf"a\.json: .*{message}"):
        only(tmp_path).names()


def test_damaged_run_file_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    facts = json.loads((folder / "run.json").read_text())
    del facts["expected"]
    (folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(ResultsError, match=r"run\.json: .*'expected'"):
        find_runs(tmp_path)


def test_other_identity_is_refused_with_the_difference(tmp_path: Path) -> None:
    fill(tmp_path)
    other = {"tracker": "walk", "settings": {"stride": 2.0, "extra": True}, "seed": 0}
    with pytest.raises(ResultsError) as caught:
        place(tmp_path).open(other, ["a", "b"])
    text = str(caught.value)
    assert "settings.stride: folder has 1.5, this run 2.0" in text
    assert "settings.extra: folder has nothing, this run true" in text
    assert "seed" not in text
    assert "--new" in text
    assert "\n" not in text
    place(tmp_path).open(IDENTITY, ["a", "b"]).close()


def test_new_moves_aside_and_deletes_nothing(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    before = (folder / "a.txt").read_bytes()
    for number in (1, 2):
        fill(tmp_path, names=(), new=True)
        assert sorted(path.name for path in folder.parent.glob("ope.old-*"))[-1] == f"ope.old-00{number}"
    assert (folder.parent / "ope.old-001" / "a.txt").read_bytes() == before
    assert only(tmp_path).names() == ()


def test_new_is_refused_while_another_run_is_at_work(tmp_path: Path) -> None:
    with place(tmp_path).open(IDENTITY, ["a"]) as session:
        session.take(0, "a")
        with pytest.raises(ResultsError, match="at work here"):
            place(tmp_path).open(IDENTITY, ["a"], new=True)
        assert session.commit(result("a"))


def test_expected_set_grows_and_never_shrinks(tmp_path: Path) -> None:
    fill(tmp_path, names=("a",), expected=("a",))
    assert only(tmp_path).fingerprint is not None
    fill(tmp_path, names=(), expected=("a", "b", "c"))
    assert only(tmp_path).expected == ("a", "b", "c")
    assert only(tmp_path).fingerprint is None
    fill(tmp_path, names=(), expected=("a",))
    assert only(tmp_path).expected == ("a", "b", "c")


def test_first_to_finish_a_trial_keeps_it(tmp_path: Path) -> None:
    with place(tmp_path).open(IDENTITY, ["a"]) as first, place(tmp_path).open(IDENTITY, ["a"]) as second:
        assert first.commit(result("a"))
        kept = (first.folders[0] / "a.json").read_bytes()
        assert not second.commit(result("a", frames=4))
        assert (first.folders[0] / "a.json").read_bytes() == kept
        only(tmp_path).verify("a")


def test_traceback_of_a_failure_is_kept_until_the_trial_succeeds(tmp_path: Path) -> None:
    with place(tmp_path).open(IDENTITY, ["a"]) as session:
        session.take(0, "a")
        path = session.fail(0, "a", "Traceback …")
        assert path.read_text() == "Traceback …"
    assert path.exists()
    fill(tmp_path, names=("a",), expected=("a",))
    assert not path.parent.exists()


def test_results_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "walk").write_text("in the way")
    with pytest.raises(ResultsError, match="expected a folder that can be written") as caught:
        place(tmp_path).open(IDENTITY, ["a"])
    assert "\n" not in str(caught.value)


def test_runs_are_found_by_tracker_and_dataset(tmp_path: Path) -> None:
    for tracker, dataset in (("x", "one"), ("x", "two"), ("m:C", "one")):
        with Place(tmp_path, tracker, dataset, "ope").open({"tracker": tracker}, ["a"]):
            pass
    (tmp_path / "notes").mkdir()
    assert [(run.dataset, run.tracker) for run in find_runs(tmp_path)] == [("one", "m:C"), ("one", "x"), ("two", "x")]
    assert [run.dataset for run in find_runs(tmp_path, ["x"])] == ["one", "two"]
    assert [run.tracker for run in find_runs(tmp_path, datasets=["two"])] == ["x"]
    assert stored_run(tmp_path / "x" / "one", "vot") is None
    with pytest.raises(ResultsError, match="no such folder"):
        find_runs(tmp_path / "nowhere")


def test_throughput_is_told(tmp_path: Path) -> None:
    fill(tmp_path)
    assert not only(tmp_path).throughput
    shared = result("c")
    shared.record["throughput"] = True
    with place(tmp_path).open(IDENTITY, ["a", "b", "c"]) as session:
        session.commit(shared)
    assert only(tmp_path).throughput


def test_a_folder_in_which_nothing_was_finished_is_taken_over(tmp_path: Path) -> None:
    place(tmp_path).open(IDENTITY, ["a", "b"]).close()
    other = {**IDENTITY, "seed": 7}
    with place(tmp_path).open(other, ["a"]) as session:
        assert only(tmp_path).identity["identity"]["seed"] == 7
        with pytest.raises(ResultsError, match="seed: folder has 7"):
            place(tmp_path).open(IDENTITY, ["a"])
        session.take(0, "a")
        assert session.commit(result("a"))
    with pytest.raises(ResultsError, match="seed: folder has 7"):
        place(tmp_path).open(IDENTITY, ["a"])
