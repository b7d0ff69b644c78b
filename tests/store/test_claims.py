"""Claims: a living run keeps its trials, a dead one's are taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trackzoo.store import claims as claiming
from trackzoo.store.claims import Claims, birth, machine
from trackzoo.store.lock import locked


def opened(folder: Path) -> Claims:
    claims = Claims(folder, "ope")
    claims.open()
    return claims


def test_living_run_keeps_its_trial(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    assert first.take("ope", "a") is None
    owner = second.take("ope", "a")
    assert owner is not None
    assert owner.pid == os.getpid()
    assert second.take("ope", "b") is None
    assert second.take("ope_001", "a") is None
    first.drop("ope", "a")
    assert second.take("ope", "a") is None
    assert [other.token for other in first.others()] == [second.token]
    first.close()
    second.close()
    assert not list(tmp_path.iterdir())


def test_killed_run_is_taken_over_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from trackzoo.store.claims import Claims\n"
        "claims = Claims(Path(sys.argv[1]), 'ope'); claims.open(); claims.take('ope', 'a')\n"
        "print('taken', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "taken\n"
    mine = opened(tmp_path)
    owner = mine.take("ope", "a")
    assert owner is not None
    assert owner.pid == other.pid
    other.kill()
    # Not waited for yet: a process that has ended but was not collected is dead all the same.
    deadline = time.monotonic() + 10
    while mine.take("ope", "a") is not None:
        assert time.monotonic() < deadline
    other.wait()
    other.stdout.close()
    assert mine.others() == []
    mine.close()
    assert not list(tmp_path.iterdir())


def _elsewhere(claims: Claims, age: float) -> None:
    """Make a run look as if it were on another machine and had last been heard of so long ago."""
    path = claims.folder / f"{claims.token}.run"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "machine": "elsewhere", "host": "elsewhere", "pid": 1}))
    then = time.time() - age
    os.utime(path, (then, then))


@pytest.mark.parametrize(("age", "lives"), [(5, True), (1000, False)])
def test_run_on_another_host_lives_as_long_as_it_is_heard_of(tmp_path: Path, age: float, lives: bool) -> None:
    far, mine = opened(tmp_path), opened(tmp_path)
    far.take("ope", "a")
    _elsewhere(far, age)
    assert (mine.take("ope", "a") is not None) == lives
    mine.close()
    far.close()


def test_run_is_heard_of_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "HEARTBEAT", 0.01)
    run = opened(tmp_path)
    path = run.folder / f"{run.token}.run"
    os.utime(path, (1, 1))
    deadline = time.monotonic() + 10
    while path.stat().st_mtime == 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    path.unlink()  # somebody held it for dead
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    run.close()
    assert not path.exists()


def test_reused_process_id_is_not_the_same_run(tmp_path: Path) -> None:
    if not birth(os.getpid()):
        pytest.skip("this system does not tell when a process was born")
    old, mine = opened(tmp_path), opened(tmp_path)
    old.take("ope", "a")
    path = old.folder / f"{old.token}.run"
    path.write_text(json.dumps({**json.loads(path.read_text()), "birth": "1"}))
    assert mine.take("ope", "a") is None
    old.close()
    assert mine.folder.joinpath("a.ope.claim").exists(), "the one that lost its claim must not remove its successor's"
    mine.close()


def test_empty_claim_of_a_run_killed_while_claiming_is_taken(tmp_path: Path) -> None:
    mine = opened(tmp_path)
    mine.folder.joinpath("a.ope.claim").touch()
    assert mine.take("ope", "a") is None
    mine.close()


def test_runs_of_another_protocol_are_not_others(tmp_path: Path) -> None:
    mine, other = opened(tmp_path), Claims(tmp_path, "vot")
    other.open()
    assert mine.others() == []
    other.close()
    mine.close()


def test_machine_is_stable_and_names_the_host() -> None:
    assert machine() == machine()
    assert machine().split()[0]


def test_lock_keeps_threads_apart(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with locked(tmp_path) as held:
                assert held
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_lock_that_is_sat_on_does_not_stop_a_run(tmp_path: Path) -> None:
    with locked(tmp_path), locked(tmp_path, patience=0.05) as held:
        assert not held
