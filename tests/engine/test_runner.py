"""A run from Python: it resumes, refuses to mix, shares its folder, and says what became of every trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import Counted, Dies, Mixed, Toy, Trips, Unborn, Walk, choice

import trackzoo
from trackzoo.engine.plan import parse_shard, prepare
from trackzoo.engine.runner import RunOutcome, run
from trackzoo.errors import ResultsError, SettingsError, TrackzooError, UnknownName
from trackzoo.store.read import StoredRun, find_runs
from trackzoo.trial import Trial

LENGTHS = {"a": 6, "b": 9, "c": 3, "d": 7}


def go(
    folder: Path, kind: type[Walk] = Walk, data: Toy | None = None, *, facts: Any = None, **options: Any
) -> RunOutcome:
    return run(choice(kind, **(facts or {})), data or Toy(LENGTHS), results=folder, **options)


def names(trials: list[Trial]) -> list[str]:
    return [trial.name for trial in trials]


def contents(folder: Path) -> dict[str, bytes]:
    """What must be the same byte for byte: everything but records and times."""
    return {
        path.name: path.read_bytes() for path in sorted(folder.glob("*.txt")) if not path.name.endswith("_time.txt")
    }


def only(folder: Path) -> StoredRun:
    [found] = find_runs(folder)
    return found


def test_run_is_stored_and_complete(tmp_path: Path) -> None:
    outcome = go(tmp_path)
    assert names(outcome.done) == list(LENGTHS)
    assert (outcome.skipped, outcome.failed, outcome.complete, outcome.exit_code) == ([], [], True, 0)
    assert outcome.folder == tmp_path / "walk" / "toy" / "ope"
    assert outcome.frames == 25
    stored = outcome.stored()
    assert stored.complete
    assert stored.fingerprint == Toy(LENGTHS).fingerprint()
    for name, length in LENGTHS.items():
        assert stored.boxes(name).shape == (length, 4)
    record = stored.record("a")
    assert record["fingerprint"] == Toy(LENGTHS).fingerprint(["a"])
    for key in (
        "device",
        "device_name",
        "host",
        "lanes",
        "jobs",
        "dtype",
        "seed",
        "seconds",
        "started",
        "finished",
        "frames",
    ):
        assert record[key] is not None, key
    assert record["throughput"] is False
    assert record["versions"]["trackzoo"] == trackzoo.__version__
    assert record["versions"].keys() == {"trackzoo", "python", "numpy", "torch", "cv2"}
    assert set(record["stages"]) == {"decode", "tracker", "walk"}
    identity = stored.identity["identity"]
    assert identity["protocol"] == {"name": "ope", "version": 1, "settings": {"first_box": "bounds"}}
    assert (identity["seed"], identity["dtype"], identity["weights"]) == (0, "fp32", None)
    assert stored.identity["code"]["version"] == trackzoo.__version__


def test_second_run_does_nothing_over(tmp_path: Path) -> None:
    folder = go(tmp_path).folder
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file()}
    outcome = go(tmp_path)
    assert (outcome.done, names(outcome.skipped), outcome.complete) == ([], list(LENGTHS), True)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_two_runs_are_equal_byte_for_byte(tmp_path: Path) -> None:
    first, second = go(tmp_path / "1"), go(tmp_path / "2")
    assert contents(first.folder) == contents(second.folder)
    assert len(contents(first.folder)) == 8


@pytest.mark.parametrize("options", [{"lanes": 4}, {"jobs": 2, "lanes": 2}])
def test_lanes_and_jobs_give_the_same_boxes_and_are_told_as_throughput(tmp_path: Path, options: dict[str, int]) -> None:
    one, many = go(tmp_path / "1"), go(tmp_path / "2", **options)
    assert contents(one.folder) == contents(many.folder)
    assert many.stored().throughput
    assert not one.stored().throughput
    assert "throughput" in many.speed
    assert "throughput" not in one.speed
    assert many.frames == one.frames == 25


def test_longest_first_where_trials_run_side_by_side(tmp_path: Path) -> None:
    data = Toy(LENGTHS)
    one = prepare(choice(), data, results=tmp_path)
    many = prepare(choice(), data, results=tmp_path, lanes=2)
    assert [task.trial.name for task in one.ordered_tasks()] == ["a", "b", "c", "d"]
    assert [task.trial.name for task in many.ordered_tasks()] == ["b", "d", "a", "c"]


def test_limit_then_all(tmp_path: Path) -> None:
    first = go(tmp_path, limit=2)
    assert (names(first.done), first.complete) == (["a", "b"], False)
    assert only(tmp_path).missing() == ("c", "d")
    second = go(tmp_path)
    assert (names(second.done), names(second.skipped), second.complete) == (["c", "d"], ["a", "b"], True)


def test_named_sequences_then_all(tmp_path: Path) -> None:
    assert names(go(tmp_path, sequences=["d", "b"]).done) == ["b", "d"]
    assert names(go(tmp_path).done) == ["a", "c"]
    with pytest.raises(UnknownName, match="sequence 'e'"):
        go(tmp_path, sequences=["e"])


def test_shards_fill_one_folder(tmp_path: Path) -> None:
    first, second = go(tmp_path, shard="1/2"), go(tmp_path, shard="2/2")
    assert (names(first.done), names(second.done)) == (["a", "c"], ["b", "d"])
    assert (first.complete, second.complete) == (False, True)
    assert contents(first.folder) == contents(go(tmp_path / "whole").folder)
    assert go(tmp_path, shard="3/4").skipped


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/2/3", "1/0", "-1/2"])
def test_wrong_shard_is_refused(shard: str) -> None:
    with pytest.raises(SettingsError, match="--shard"):
        parse_shard(shard)


def test_shards_are_disjoint_and_whole(tmp_path: Path) -> None:
    data = Toy({f"s{k}": 2 for k in range(11)})
    parts = [
        {trial.name for trial in prepare(choice(), data, results=tmp_path, shard=(part, 3)).trials}
        for part in (1, 2, 3)
    ]
    assert sum(map(len, parts)) == 11
    assert set().union(*parts) == set(data.names)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_repetitions_have_folders_and_seeds_of_their_own(tmp_path: Path) -> None:
    outcome = go(tmp_path, repeats=3)
    stored = outcome.stored()
    assert stored.repeats == (0, 1, 2)
    assert stored.complete
    assert len({stored.boxes("a", repeat).tobytes() for repeat in range(3)}) == 3
    assert len({stored.record("a", repeat)["seed"] for repeat in range(3)}) == 3
    assert len(go(tmp_path, repeats=4).done) == 4
    assert np.array_equal(go(tmp_path / "single").stored().boxes("b"), stored.boxes("b", 0))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": 1}, "seed: folder has 0, this run 1"),
        ({"dtype": "bf16"}, "dtype: folder has fp32, this run bf16"),
        ({"settings": {"stride": 2.0}}, "settings.stride: folder has nothing, this run 2.0"),
        ({"facts": {"settings": {"stride": 3}}}, "settings.stride: folder has nothing, this run 3"),
    ],
)
def test_other_run_is_refused_until_new(tmp_path: Path, change: dict[str, Any], key: str) -> None:
    before = contents(go(tmp_path).folder)
    with pytest.raises(ResultsError) as caught:
        go(tmp_path, **change)
    assert key in str(caught.value)
    assert contents(only(tmp_path).path) == before
    outcome = go(tmp_path, new=True, **change)
    assert len(outcome.done) == 4
    assert contents(outcome.folder.parent / "ope.old-001") == before


def test_changed_annotation_of_a_finished_sequence_is_refused(tmp_path: Path) -> None:
    go(tmp_path, limit=2)
    moved = Toy(LENGTHS, firsts={"b": (11.0, 12.0, 16.5, 9.25)})
    with pytest.raises(
        ResultsError, match=r"b\.json: .*another annotation of 'b' \(fingerprint: folder has .*, this run"
    ):
        go(tmp_path, data=moved)
    # A sequence that nobody has run may change.
    other = Toy(LENGTHS, firsts={"c": (11.0, 12.0, 16.5, 9.25)})
    assert names(go(tmp_path, data=other).done) == ["c", "d"]
    # The file is what the message names: without it the sequence is made again on the new annotation.
    again = Toy(LENGTHS, firsts={"b": (11.0, 12.0, 16.5, 9.25), "c": (11.0, 12.0, 16.5, 9.25)})
    (only(tmp_path).path / "b.json").unlink()
    assert names(go(tmp_path, data=again).done) == ["b"]


def test_other_decoder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path)
    monkeypatch.setattr("trackzoo.frames.ArrayFrames.decoder", "turbo")
    with pytest.raises(ResultsError, match="decoder: folder has memory, this run turbo"):
        go(tmp_path)


def test_cut_file_is_refused_and_made_again_once_deleted(tmp_path: Path) -> None:
    folder = go(tmp_path).folder
    whole = contents(folder)
    (folder / "b.txt").write_bytes(whole["b.txt"][:70])
    with pytest.raises(ResultsError, match=r"b\.txt: found \d rows and a part of one, expected 9 rows"):
        go(tmp_path)
    (folder / "b.txt").unlink()
    assert names(go(tmp_path).done) == ["b"]
    assert contents(folder) == whole


@pytest.mark.parametrize("options", [{}, {"lanes": 3}, {"jobs": 2}])
def test_failing_trial_is_told_and_tried_again(tmp_path: Path, options: dict[str, int]) -> None:
    data = Toy({"a": 6, "bad": 9, "c": 3})
    outcome = go(tmp_path, Trips, data, **options)
    assert sorted(names(outcome.done)) == ["a", "c"]
    [(trial, cause)] = outcome.failed
    assert trial.name == "bad"
    assert str(cause) == "frame 4 (toy/bad[4]): RuntimeError: the ground gave way"
    assert (outcome.complete, outcome.exit_code) == (False, 1)
    assert "failed 1" in str(outcome)
    assert "incomplete" in str(outcome)
    assert only(tmp_path).missing() == ("bad",)
    trace = (outcome.folder / ".failures" / "bad.txt").read_text()
    assert "Traceback" in trace
    assert "the ground gave way" in trace
    again = go(tmp_path, Trips, data, **options)
    assert (names(again.skipped), len(again.failed)) == (["a", "c"], 1)


def test_exit_code_says_whose_fault_it_was(tmp_path: Path) -> None:
    data = Toy({"torn": 6, "b": 6}, firsts={"b": (1, 1, 0, 0)})
    outcome = go(tmp_path / "1", data=data)
    assert (len(outcome.failed), outcome.exit_code) == (2, 2)
    mixed = go(tmp_path / "2", Trips, Toy({"torn": 6, "bad": 6}))
    assert (len(mixed.failed), mixed.exit_code) == (2, 1)


@pytest.mark.parametrize("options", [{"jobs": 2, "lanes": 3}, {"facts": {"isolated": True}}])
def test_killed_worker_is_its_trials_failure(tmp_path: Path, options: dict[str, Any]) -> None:
    data = Toy({"a": 6, "bad-1": 9, "c": 3, "bad-2": 5, "e": 6, "f": 6})
    outcome = go(tmp_path, Dies, data, **options)
    assert sorted(names(outcome.done)) == ["a", "c", "e", "f"]
    assert sorted(trial.name for trial, _ in outcome.failed) == ["bad-1", "bad-2"]
    assert all("died (killed by SIGKILL (out of memory?))" in str(cause) for _, cause in outcome.failed)
    assert outcome.exit_code == 1
    assert np.array_equal(outcome.stored().boxes("a"), go(tmp_path / "walk", data=data).stored().boxes("a"))


def test_exclusive_trials_run_alone(tmp_path: Path) -> None:
    data = Toy(dict.fromkeys("abcdef", 12))
    Walk.calls.clear()
    outcome = go(tmp_path, data=data, protocol=Mixed(), lanes=2)
    assert sorted(names(outcome.done)) == list("abcdef")
    steps = [size for kind, size in Walk.calls if kind == "step"]
    assert steps == [2] * 11 + [1] * 44, "b and d wait for a and c, and e for them"
    stored = outcome.stored()
    assert [stored.record(name)["throughput"] for name in "abcdef"] == [True, False] * 3


def test_exclusive_trials_run_alone_among_processes(tmp_path: Path) -> None:
    data = Toy(dict.fromkeys("abcdef", 12))
    outcome = go(tmp_path, data=data, protocol=Mixed(), jobs=2, facts={"settings": {"wait": 0.003}})
    assert sorted(names(outcome.done)) == list("abcdef")
    spans = {name: [outcome.stored().record(name)[key] for key in ("started", "finished")] for name in "abcdef"}
    for alone in "bdf":
        for other in set("abcdef") - {alone}:
            (begin, end), (first, last) = spans[alone], spans[other]
            assert end <= first or last <= begin, (alone, other, spans)


def test_isolated_tracker_has_a_process_for_each_trial(tmp_path: Path) -> None:
    outcome = go(tmp_path, Counted, Toy({"a": 4, "b": 4}), facts={"isolated": True}, lanes=4)
    stored = outcome.stored()
    assert stored.scores("a").tolist() == stored.scores("b").tolist() == [1, 1, 2, 3]
    assert stored.record("a")["lanes"] == 1
    assert not stored.throughput
    shared = go(tmp_path / "shared", Counted, Toy({"a": 4, "b": 4}), jobs=1).stored()
    assert shared.scores("b").tolist() != stored.scores("b").tolist()


@pytest.mark.parametrize("options", [{}, {"jobs": 2}])
def test_tracker_that_cannot_be_made_is_one_line(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(TrackzooError, match="tracker 'unborn' cannot be loaded: OSError: no such model") as caught:
        go(tmp_path, Unborn, **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.txt"))
    assert options or not list(tmp_path.iterdir()), "nothing is left behind"


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="strode"):
        go(tmp_path, settings={"strode": 1})
    assert not list(tmp_path.iterdir())


def test_missing_sequences_are_refused_unless_available(tmp_path: Path) -> None:
    data = Toy(LENGTHS, here=["b", "d"])
    with pytest.raises(TrackzooError, match=r"toy: 2 of 4 sequences missing .* first 'a'; --available runs"):
        go(tmp_path, data=data)
    with pytest.raises(TrackzooError, match="1 of 2 sequences missing"):
        go(tmp_path, data=data, sequences=["c", "b"])
    assert not list(tmp_path.iterdir())
    outcome = go(tmp_path, data=data, available=True)
    assert (names(outcome.done), outcome.complete) == (["b", "d"], True)
    # Then the rest arrives.
    assert names(go(tmp_path).done) == ["a", "c"]
    assert only(tmp_path).expected == tuple(LENGTHS)
    assert only(tmp_path).complete


def test_named_sequence_that_is_there_runs_on_a_part_of_the_data(tmp_path: Path) -> None:
    outcome = go(tmp_path, data=Toy(LENGTHS, here=["b"]), sequences=["b"])
    assert (names(outcome.done), outcome.complete) == (["b"], False)
    assert only(tmp_path).expected == tuple(LENGTHS)


def test_nothing_available_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="4 of 4 sequences missing"):
        go(tmp_path, data=Toy(LENGTHS, here=[]), available=True)


@pytest.mark.parametrize(
    "options",
    [
        {"lanes": 0},
        {"jobs": 0},
        {"repeats": 0},
        {"limit": 0},
        {"dtype": "fp8"},
        {"device": "gpu"},
        {"device": "cuda:x"},
    ],
)
def test_senseless_options_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"--{next(iter(options))}"):
        go(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackzooError, match="--device cuda:99"):
        go(tmp_path, device="cuda:99")


def test_dry_run_writes_nothing_and_says_what_is_left(tmp_path: Path) -> None:
    go(tmp_path, limit=1)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    outcome = go(tmp_path, dry_run=True)
    assert (outcome.done, names(outcome.skipped)) == ([], ["a"])
    text = str(outcome.plan)
    assert "4 trials, 1 done, 3 left" in text
    assert "b, c, d" in text
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_two_runs_at_once_share_the_work(tmp_path: Path) -> None:
    data = Toy({f"s{k}": 12 for k in range(8)})
    found: list[RunOutcome] = []
    slow = {"settings": {"wait": 0.004}}
    threads = [threading.Thread(target=lambda: found.append(go(tmp_path, data=data, facts=slow))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 3
    done = [name for outcome in found for name in names(outcome.done)]
    assert sorted(done) == sorted(data.names), "every trial was made once"
    assert all(outcome.complete for outcome in found)
    assert all(len(outcome.done) < 8 for outcome in found)
    assert contents(found[0].folder) == contents(go(tmp_path / "alone", data=data, facts=slow).folder)
    assert not (found[0].folder.parent / ".claims").exists()


def test_script_without_a_guard_runs_in_processes_and_its_own_functions_are_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent / 'helpers')!r})\n"
        "import toys\n"
        "from trackzoo.engine.runner import run\n"
        "def paint(name, index): return toys.picture(name, index)\n"
        "lengths = {'a': 3, 'b': 3}\n"
        "print(run(toys.choice(), toys.Toy(lengths), results='module', jobs=2))\n"
        "print(run(toys.choice(), toys.Toy(lengths, make=paint), results='here'))\n"
        "away = run(toys.choice(), toys.Toy(lengths, make=paint), results='away', jobs=2)\n"
        "print(*[cause for _, cause in away.failed], sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "done 2, resumed 0, failed 0" in lines[0]
    assert "done 2, resumed 0, failed 0" in lines[1]
    assert len(lines) == 4
    assert all("cannot be read in a worker process" in line and "'paint'" in line for line in lines[2:])


def test_facade_runs_too(tmp_path: Path) -> None:
    outcome = trackzoo.run("static", "synth:sequences=2,length=4,width=96,height=72", results=tmp_path)
    assert len(outcome.done) == 2
    boxes = outcome.stored().boxes(outcome.done[0].name)
    assert (boxes == boxes[0]).all()


def test_run_file_is_for_people_too(tmp_path: Path) -> None:
    folder = go(tmp_path).folder
    facts = json.loads((folder / "run.json").read_text())
    assert list(facts)[:4] == ["format", "tracker", "dataset", "protocol"]
    assert facts["expected"] == list(LENGTHS)
    assert os.access(folder / "run.json", os.R_OK)
