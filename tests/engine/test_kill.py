"""Killed at random moments and started again, a run ends with the files of an undisturbed one; two processes share a folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trackzoo.store.read import StoredRun, find_runs

#: Many short sequences: most of the time is spent in beginning and ending trials, where a kill could hurt.
COUNT = 10
DATA = f"synth:sequences={COUNT},length=5,width=96,height=64"


def start(folder: Path, tracker: str, *arguments: str, data: str = DATA, group: bool = False) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "trackzoo",
        "run",
        "--tracker",
        tracker,
        "--dataset",
        data,
        "--results",
        str(folder),
    ]
    return subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=group,
        # A job in a shell's background ignores Ctrl-C, and so would all that it starts; here it is what is tested.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    text, _ = process.communicate(timeout=300)
    assert process.returncode == code, text
    return text


def first_trial(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a trial is being written."""
    deadline = time.monotonic() + 60
    while not list(folder.rglob("*_time.txt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but records and times, with its bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kept = path.is_file() and not path.name.endswith(("_time.txt", ".json")) and path.name != ".lock"
        if kept:
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def only(folder: Path) -> StoredRun:
    [run] = find_runs(folder)
    return run


def finished(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Records of finished trials, with their time and bytes."""
    runs = find_runs(folder) if folder.exists() else []
    paths = [run.path / f"{name}.json" for run in runs for name in run.names()]
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


@pytest.mark.parametrize(
    ("tracker", "kills", "jobs"),
    [
        ("static", 4, 1),
        pytest.param("static", 20, 1, marks=pytest.mark.slow),
        pytest.param("static", 20, 2, marks=pytest.mark.slow),
        pytest.param("dcf", 20, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_and_started_again_the_files_are_the_same(tmp_path: Path, tracker: str, kills: int, jobs: int) -> None:
    arguments = ["--jobs", str(jobs)]
    calm = tmp_path / "calm"
    begin = time.monotonic()
    finish(start(calm, tracker, *arguments))
    whole = time.monotonic() - begin

    rough = tmp_path / "rough"
    chance = random.Random(kills)
    kept: dict[str, tuple[int, bytes]] = {}
    struck = 0
    while struck < kills:
        process = start(rough, tracker, *arguments)
        # Mostly while trials are made (after the interpreter has started), at times before.
        time.sleep(chance.uniform(0.25, 0.9) * whole if chance.random() < 0.9 else chance.random() * 0.2)
        if process.poll() is None:
            process.kill()
            struck += 1
        process.communicate()
        now = finished(rough)
        assert kept.items() <= now.items(), "a finished trial was lost or made again"
        kept = now
        if len(kept) == COUNT:  # all done before the last kill: begin another
            finish(start(rough, tracker, *arguments))
            assert contents(rough) == contents(calm)
            rough, kept = rough.with_name(f"{rough.name}-more"), {}
    text = finish(start(rough, tracker, *arguments))
    assert f"resumed {len(kept)}" in text
    assert kept.items() <= finished(rough).items()
    assert contents(rough) == contents(calm)
    run = only(rough)
    assert run.complete
    for name in run.names():
        run.verify(name)


def test_two_processes_on_one_folder_share_the_work(tmp_path: Path) -> None:
    finish(start(tmp_path / "alone", "static"))
    pair = [start(tmp_path / "pair", "static") for _ in range(2)]
    done = [int(finish(process).split("done ")[1].split(",")[0]) for process in pair]
    assert sum(done) == COUNT, done
    assert contents(tmp_path / "pair") == contents(tmp_path / "alone")
    assert not list((tmp_path / "pair").rglob(".claims"))


def test_when_one_of_two_is_killed_the_other_does_its_work(tmp_path: Path) -> None:
    pair = [start(tmp_path / "pair", "static") for _ in range(2)]
    first_trial(tmp_path / "pair", pair[1])
    pair[0].kill()
    pair[0].communicate()
    finish(pair[1])
    assert only(tmp_path / "pair").complete


def test_interrupt_ends_with_130_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    process = start(tmp_path, "static", data="synth:sequences=100,length=3,width=96,height=64")
    first_trial(tmp_path, process)
    process.send_signal(signal.SIGINT)
    text = finish(process, code=130)
    assert text.splitlines()[-1] == "trackzoo: interrupted; finished trials are kept, the same command goes on"
    assert "Traceback" not in text
    assert not list(tmp_path.rglob(".*.tmp"))
    assert not list(tmp_path.rglob(".claims"))
    run = only(tmp_path)
    assert len(run.names()) < 100
    for name in run.names():
        run.verify(name)


def test_interrupt_of_the_whole_group_is_one_line(tmp_path: Path) -> None:
    """As Ctrl-C does it: the workers get it too, at whatever they are."""
    for pause in (0.0, 0.1, 0.3):
        folder = tmp_path / str(pause)
        process = start(folder, "static", "--jobs", "2", group=True)
        deadline = time.monotonic() + 60
        while not list(folder.rglob("*.run")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
        if "done 10" not in text:  # else it was done before
            assert (process.returncode, text) == (
                130,
                "trackzoo: interrupted; finished trials are kept, the same command goes on\n",
            )


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see the workers")
    process = start(tmp_path, "static", "--jobs", "2", data="synth:sequences=60,length=3,width=96,height=64")
    first_trial(tmp_path, process)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(children) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/cmdline").exists() and b"worker" in _command(pid) for pid in children):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.02)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
