"""What reports keep between two calls: never stale, never needed; and several runs at once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from stored_runs import ID, shifted, store

import trackzoo
from trackzoo.config import cache_folder
from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.report import ahead as reading, collect as collecting, kept, parallel
from trackzoo.report.records import records
from trackzoo.store.read import StoredRun


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    store(tmp_path / "runs", "dcf", shifted(2), repeats=2)
    store(tmp_path / "runs", "static", shifted(9))
    time.sleep(0.15)  # younger files are not trusted
    return tmp_path / "runs"


def everything(folder: Path, **options: object) -> str:
    report = trackzoo.compare(results=folder, **options)  # type: ignore[arg-type]
    curves = [
        curve.per_sequence.tobytes().hex() + curve.values.tobytes().hex()
        for board in report.boards
        for entry in board.entries
        for curve in entry.scores.curves.values()
    ]
    return repr([list(records(report.comparison)), curves, str(report)])


def files() -> list[Path]:
    return sorted((cache_folder() / "reports").glob("*"))


def test_nothing_is_read_again_and_nothing_changes(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = everything(runs)
    assert files()
    with monkeypatch.context() as patch:

        def fail(*arguments: object, **more: object) -> None:
            raise AssertionError("read again")

        patch.setattr(StoredRun, "boxes", fail)
        patch.setattr(StoredRun, "seconds", fail)
        patch.setattr(collecting, "evaluate", fail)
        assert everything(runs) == first
    shutil.rmtree(cache_folder())
    assert everything(runs) == first


def test_profiles_and_options_have_entries_of_their_own(runs: Path) -> None:
    made = {}
    for options in ({}, {"profiles": ["got10k"]}, {"as_released": True}, {"profiles": ["all"]}):
        made[repr(options)] = (everything(runs, **options), options)
    assert len({text for text, _ in made.values()}) == 4
    for text, options in made.values():
        assert everything(runs, **options) == text  # type: ignore[arg-type]


def test_a_file_that_changed_is_seen_even_with_its_size_and_time_set_back(runs: Path) -> None:
    everything(runs)
    file = next((runs / "static" / ID / "ope").glob("*[0-9].txt"))
    status, data = file.stat(), file.read_bytes()
    digit = next(place for place, byte in enumerate(data) if byte in b"12345678")
    file.write_bytes(data[:digit] + b"9" + data[digit + 1 :])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ResultsError, match="SHA-256"):
        everything(runs)


def test_a_new_run_takes_the_place_of_the_old_one(runs: Path) -> None:
    before = everything(runs)
    count = len(files())
    shutil.rmtree(runs / "static")
    store(runs, "static", shifted(5))
    time.sleep(0.15)
    after = everything(runs)
    assert after != before
    assert everything(runs) == after
    assert len(files()) == count


@pytest.mark.parametrize("damage", ["cut", "altered", "empty", "folder"])
def test_a_damaged_cache_costs_time_only(runs: Path, damage: str) -> None:
    first = everything(runs)
    for file in files():
        data = file.read_bytes()
        if damage == "folder":
            file.unlink()
            file.mkdir()
        else:
            changed = {"cut": data[:-9], "empty": b"", "altered": data[:-9] + b"\x01" + data[-8:]}[damage]
            file.write_bytes(changed)
    assert everything(runs) == first


def test_young_files_are_not_trusted(tmp_path: Path) -> None:
    path = store(tmp_path, "dcf", shifted(2))
    assert kept.signature(StoredRun({0: path})) is None
    time.sleep(0.15)
    assert kept.signature(StoredRun({0: path}))


def test_several_processes_give_the_same(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = everything(runs)
    shutil.rmtree(cache_folder())
    monkeypatch.setattr(collecting, "WORTH", 1)
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    assert everything(runs) == alone
    shutil.rmtree(cache_folder())
    file = next((runs / "static" / ID / "ope").glob("*[0-9].txt"))
    file.write_text("1\t2\t3\n")
    with pytest.raises(TrackzooError, match="4 numbers"):
        everything(runs)


def test_what_is_read_ahead_is_what_is_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "processors", lambda: 3)
    run, other = (StoredRun({0: runs / name / ID / place}) for name, place in (("dcf", "ope_000"), ("static", "ope")))
    damaged, gone = other.names()[:2]
    (runs / "static" / ID / "ope" / f"{damaged}_time.txt").write_text("0.1\n")
    (runs / "static" / ID / "ope" / f"{gone}.txt").unlink()
    with reading.ahead([(run, run.names()), (other, other.names())], worth=True) as finish:
        finish()
        held = {(each.tracker, kind, name) for each in (run, other) for kind, name, _ in each._held}
        assert len(held) == 2 * 2 * 3 - 2
        assert ("static", "seconds", damaged) not in held
        assert ("static", "boxes", gone) not in held
        for each in (run, other):
            fresh = StoredRun(each.folders)
            for kind, name in ((kind, name) for kind, name, _ in each._held if name != gone):
                assert np.array_equal(getattr(each, kind)(name), getattr(fresh, kind)(name))
        run.boxes(run.names()[0])[:] = -1  # a copy: others are not disturbed
        assert (run.boxes(run.names()[0]) >= 0).all()
        with pytest.raises(ResultsError):
            other.boxes(gone)
    assert not run._held
    # What ends before it is finished leaves no process behind.
    with pytest.raises(KeyError), reading.ahead([(run, run.names())], worth=True):
        raise KeyError
    assert not multiprocessing.active_children()


def test_arrays_come_back_bit_by_bit() -> None:
    arrays = {"a": np.array([[np.nan, -0.0, 1e-300]]), "b": np.zeros((0, 3)), "c": np.arange(5, dtype=np.int32)}
    slot = kept.Slot("test", ["here"], ["key", ["x", 1]])
    assert slot.get() is None
    slot.put({"one": 1}, arrays)
    found = slot.get()
    assert found is not None
    assert found[0] == {"one": 1}
    for name, values in arrays.items():
        assert found[1][name].tobytes() == values.tobytes()
        assert (found[1][name].dtype, found[1][name].shape) == (values.dtype, values.shape)
    assert kept.Slot("test", ["here"], ["key", ["x", 2]]).get() is None
