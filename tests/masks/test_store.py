"""Masks in the results folder: written as they come, whole or not there, checked when read."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import huer
import numpy as np
import pytest
import vosmini
from vosmini import TWO, Videos, listener

from trackzoo.engine.runner import run
from trackzoo.errors import ResultsError, SettingsError
from trackzoo.label_maps import encode
from trackzoo.protocols import protocol
from trackzoo.regions import Mask, Special
from trackzoo.store.read import StoredRun, find_runs
from trackzoo.store.spool import SPOOL, Spool
from trackzoo.trial import FILES, LINES, Piece

SYNTH = "synth:sequences=2,length=8,width=96,height=80"
OPE = protocol("ope", masks=True)


def videos(tmp_path: Path) -> StoredRun:
    return run(listener(), Videos(TWO), results=tmp_path).stored()


def test_a_record_names_every_file_of_masks(tmp_path: Path) -> None:
    result = videos(tmp_path)
    entry = result.record("late")["masks"]
    assert entry["kind"] == "files"
    assert entry["size"] == [64, 48]
    assert entry["first_frame"] == 1
    assert list(entry["files"]) == [f"{index:05d}.png" for index in range(1, 8)]
    for name, digest in entry["files"].items():
        assert hashlib.sha256((result.path / "late" / name).read_bytes()).hexdigest() == digest
    result.verify("late")
    masks = result.masks("late")
    assert (masks.size, len(masks)) == ((64, 48), 7)
    assert masks.data(3) == (result.path / "late" / "00003.png").read_bytes()
    np.testing.assert_array_equal(masks.mask(5, 2), vosmini.squares(TWO["late"], 5) == 2)  # type: ignore[arg-type]
    assert isinstance(masks.region(0), Special)


def test_a_deleted_label_map_has_its_video_made_again(tmp_path: Path) -> None:
    result = videos(tmp_path)
    before = (result.path / "both" / "00004.png").read_bytes()
    (result.path / "both" / "00004.png").unlink()
    (result.path / "both" / "leftover.png").write_bytes(b"of another run")
    outcome = run(listener(), Videos(TWO), results=tmp_path)
    assert [trial.name for trial in outcome.done] == ["both"]
    assert (result.path / "both" / "00004.png").read_bytes() == before
    assert not (result.path / "both" / "leftover.png").exists()


def test_an_altered_label_map_is_refused(tmp_path: Path) -> None:
    result = videos(tmp_path)
    path = result.path / "both" / "00004.png"
    path.write_bytes(encode(np.zeros((48, 64))))
    text = r"both/00004\.png: found other content than its record's SHA-256 promises"
    with pytest.raises(ResultsError, match=text):
        run(listener(), Videos(TWO), results=tmp_path)
    with pytest.raises(ResultsError, match=text):
        result.masks("both")[4]
    with pytest.raises(ResultsError, match=text):
        result.verify("both")
    path.unlink()
    with pytest.raises(ResultsError, match=r"both/00004\.png: found no such file"):
        result.masks("both")[4]


@pytest.mark.parametrize("entry", [{"kind": "files"}, {"kind": "odd", "size": [1, 1], "first_frame": 0}, 7, []])
def test_a_record_whose_masks_have_parts_missing_is_refused(tmp_path: Path, entry: object) -> None:
    result = videos(tmp_path)
    path = result.path / "both.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "masks": entry}))
    [again] = find_runs(tmp_path)
    with pytest.raises(ResultsError, match="a record with parts missing"):
        again.names()


def test_masks_of_a_run_on_boxes_are_lines_beside_them(tmp_path: Path) -> None:
    result = run(huer.choice(), SYNTH, protocol=OPE, results=tmp_path).stored()
    name = result.expected[0]
    assert result.record(name)["masks"]["file"] == f"{name}_masks.txt"
    assert len((result.path / f"{name}_masks.txt").read_text().splitlines()) == 8
    masks = result.masks(name)
    plain = run(huer.choice(), SYNTH, results=tmp_path / "plain").stored()
    np.testing.assert_array_equal(result.boxes(name), plain.boxes(name))
    assert not plain.has_masks(name)
    for index in (0, 3, 7):
        labels, region = masks[index], masks.region(index)
        assert labels is not None and isinstance(region, Mask)  # noqa: PT018
        x, y, w, h = result.boxes(name)[index]
        assert (region.x, region.y, region.pixels.shape) == (x, y, (h, w))
        assert labels.sum() == region.pixels.sum()
    with pytest.raises(ResultsError, match="found boxes alone, expected masks; 'trackzoo run --masks' keeps them"):
        plain.masks(name)
    path = result.path / f"{name}_masks.txt"
    path.write_text(path.read_text()[:-9])
    with pytest.raises(ResultsError, match=r"_masks\.txt: found other content"):
        StoredRun({0: result.path}).masks(name)[2]


def test_whether_masks_are_kept_belongs_to_the_run(tmp_path: Path) -> None:
    run(huer.choice(), SYNTH, results=tmp_path)
    with pytest.raises(ResultsError, match=r"protocol\.settings\.masks: folder has nothing, this run true"):
        run(huer.choice(), SYNTH, protocol=OPE, results=tmp_path)
    with pytest.raises(SettingsError, match="'static' gives boxes alone, there are no masks to keep"):
        run("static", SYNTH, protocol=OPE, results=tmp_path)
    with pytest.raises(SettingsError, match="masks='yes', expected true or false"):
        protocol("ope", masks="yes")


def test_an_empty_mask_and_none_are_told_apart_from_a_missing_line(tmp_path: Path) -> None:
    result = run(huer.choice(settles=False), SYNTH, protocol=OPE, results=tmp_path).stored()
    name = result.expected[0]
    path = result.path / f"{name}.json"
    record = json.loads(path.read_text())
    data = b"0\nm0,0,1,1,1\n" + b"m2,3,2,1,0,2\n" * 6
    (result.path / f"{name}_masks.txt").write_bytes(data)
    record["masks"]["sha256"] = hashlib.sha256(data).hexdigest()
    path.write_text(json.dumps(record))
    masks = StoredRun({0: result.path}).masks(name)
    assert masks[0] is None
    assert not masks[1].any()  # type: ignore[union-attr]
    assert np.argwhere(masks[2]).tolist() == [[3, 2], [3, 3]]
    (result.path / f"{name}_masks.txt").write_bytes(data[:-13])
    record["masks"]["sha256"] = hashlib.sha256(data[:-13]).hexdigest()
    path.write_text(json.dumps(record))
    with pytest.raises(ResultsError, match="found 7 rows, expected 8"):
        StoredRun({0: result.path}).masks(name)[2]


def test_nothing_waits_in_memory(tmp_path: Path) -> None:
    files, lines = Spool(tmp_path, FILES), Spool(tmp_path, LINES)
    assert files.finish() is None
    for index in range(3):
        files.add(index, Piece(f"{index}.png", b"x" * index, (4, 4)))
        lines.add(index, Piece("", b"0\n", (4, 4)))
        assert len(list(tmp_path.rglob("*.png"))) == index + 1
    with pytest.raises(ValueError, match="two frames called '1.png'"):
        files.add(3, Piece("1.png", b"", (4, 4)))
    with pytest.raises(ValueError, match="found a picture of 5x4, expected 4x4"):
        lines.add(3, Piece("", b"0\n", (5, 4)))
    done = lines.finish()
    assert done is not None
    assert done.path.read_bytes() == b"0\n0\n0\n"
    files.discard()
    assert not list(tmp_path.rglob("*.png"))


def test_what_a_dead_run_left_is_removed_and_a_living_ones_kept(tmp_path: Path) -> None:
    result = videos(tmp_path)
    parent = result.path.parent
    (parent / SPOOL / "123-dead" / "piece").mkdir(parents=True)
    living = f"{os.getpid()}-living"
    (parent / SPOOL / living).mkdir()
    from trackzoo.store.claims import birth, machine

    (parent / ".claims").mkdir()
    facts = {"machine": machine(), "host": "here", "pid": os.getpid(), "birth": birth(os.getpid()), "protocol": "ope"}
    (parent / ".claims" / f"{living}.run").write_text(json.dumps(facts))
    run(listener(), Videos(TWO), results=tmp_path)
    assert [path.name for path in (parent / SPOOL).iterdir()] == [living]


# Killed with kill -9 and started again.

DATA = "synth-vos:sequences=5,length=10,objects=2,width=96,height=80"


def start(folder: Path) -> subprocess.Popen[str]:
    helpers = str(Path(huer.__file__).parent)
    words = ["run", "-t", "huer:Huer", "-d", DATA, "--set", "wait=0.02", "--results", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "trackzoo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": helpers},
    )


def contents(folder: Path) -> dict[str, bytes]:
    kept = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in kept
        if not path.name.endswith(("_time.txt", ".json"))
    }


def wait_for(process: subprocess.Popen[str], folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.rglob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_killed_and_started_again_no_mask_is_lost_or_half_written(tmp_path: Path) -> None:
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    whole = start(calm)
    chance = random.Random(5)
    kept: dict[str, int] = {}
    for number in range(3):
        process = start(rough)
        # While masks of a video are under way, which is nearly always.
        wait_for(process, rough, f"{SPOOL}/*/*/*.png" if number else "*.json")
        time.sleep(chance.uniform(0.05, 0.35))
        process.kill()
        process.communicate()
        runs = find_runs(rough)
        now = {}
        for result in runs:
            for name in result.names():
                result.verify(name)
                now[name] = (result.path / name).stat().st_mtime_ns
        assert kept.items() <= now.items(), "a finished video was lost or made again"
        kept = now
    final = start(rough)
    text, _ = final.communicate(timeout=120)
    assert final.returncode == 0, text
    text, _ = whole.communicate(timeout=120)
    assert whole.returncode == 0, text
    [result] = find_runs(rough)
    assert result.complete
    assert contents(rough) == contents(calm)
    assert not list(rough.rglob(SPOOL))
    assert not list(rough.rglob(".*.tmp"))


def test_two_runs_on_one_folder_share_the_videos(tmp_path: Path) -> None:
    pair = [start(tmp_path) for _ in range(2)]
    done = []
    for process in pair:
        text, _ = process.communicate(timeout=120)
        assert process.returncode == 0, text
        done.append(int(text.split("done ")[1].split(",")[0]))
    assert sum(done) == 5, done
    [result] = find_runs(tmp_path)
    for name in result.expected:
        result.verify(name)
    assert not list(tmp_path.rglob(SPOOL))


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    outcome = run(listener(), Videos({"both": {1: 0, 2: 0}}), results=tmp_path)
    [(_, cause)] = outcome.failed
    assert "no space left on device, expected room for masks; finished trials are kept" in str(cause)
    assert not list(tmp_path.rglob(SPOOL))
