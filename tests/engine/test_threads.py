"""A run takes the threads its tracker is worth, and gives the process its own back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import trackzoo
from trackzoo.engine.devices import cores
from trackzoo.engine.plan import prepare
from trackzoo.registry import tracker


def test_tracker_of_small_operations_runs_on_one_thread_and_the_process_keeps_its_own(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        outcome = trackzoo.run("dcf", "synth:sequences=1,length=3", results=tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    from trackzoo.store.read import find_runs

    [run] = find_runs(tmp_path)
    assert run.record(run.names()[0])["threads"] == 1
    assert not outcome.failed


@pytest.mark.parametrize("threads", [0, 1, 64])
def test_no_more_threads_than_a_worker_has_cores(tmp_path: Path, threads: int) -> None:
    choice = tracker("static")
    choice = replace(choice, spec=replace(choice.spec, threads=threads))
    [job] = prepare(choice, "synth:sequences=1,length=3", results=tmp_path).jobs
    assert job.threads == (min(threads, cores()) if threads else None)
    assert 1 <= job.decoders <= 4
