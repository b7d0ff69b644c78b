"""A worker's engine, made from plain data."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackzoo.engine.devices import cores, limit_threads, synchronizer
from trackzoo.engine.facts import environment
from trackzoo.engine.lanes import Lanes
from trackzoo.engine.prefetch import MEMORY, FramePool
from trackzoo.errors import TrackzooError
from trackzoo.registry import TrackerChoice
from trackzoo.tracker import Tracker


@dataclass(frozen=True)
class Job:
    """What a worker is told when it starts.

    Attributes:
        choice: the tracker.
        settings: go before the variant's.
        device: its device.
        dtype: its precision.
        lanes: trials at once.
        threads: threads of the numeric libraries; None leaves them as they are.
        decoders: threads that decode ahead.
        memory: bytes for pictures decoded ahead.
        jobs: how many workers there are, for the records.
        wants: what the trials use of a prediction; see `Tracker.wants`.
        spool: folder for the masks of running trials, where they are kept.
        text: told of every object in place of its sequence's description; None leaves that.
    """

    choice: TrackerChoice
    settings: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    dtype: str = "fp32"
    lanes: int = 1
    threads: int | None = None
    decoders: int = 2
    memory: int = MEMORY
    jobs: int = 1
    wants: frozenset[str] = frozenset({"boxes"})
    spool: Path | None = None
    text: str | None = None


def load_tracker(job: Job) -> Tracker[Any]:
    """Build the job's tracker.

    Raises:
        TrackzooError: it cannot be built; whatever its constructor raises becomes one line.
    """
    try:
        return job.choice.load(device=job.device, dtype=job.dtype, **job.settings)
    except TrackzooError:
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        see = f"python -c \"import trackzoo; trackzoo.load('{job.choice.id}')\""
        raise TrackzooError(f"tracker '{job.choice.id}' cannot be loaded: {text} ({see} shows where)") from error


def build_lanes(job: Job, tracker: Tracker[Any] | None = None) -> Lanes:
    """The engine of one worker; its `pool` is to be closed by the caller.

    Args:
        job: what it is to do.
        tracker: the job's tracker, where it is loaded already.
    """
    tracker = load_tracker(job) if tracker is None else tracker
    tracker.wants = job.wants
    if job.threads is not None:
        limit_threads(job.threads)
    facts = environment(job.device, lanes=job.lanes, jobs=job.jobs, dtype=job.dtype, threads=_threads(job))
    return Lanes(
        tracker,
        pool=FramePool(job.decoders, job.memory),
        lanes=job.lanes,
        batched=job.choice.spec.batched,
        facts=facts,
        synchronize=synchronizer(job.device),
        text=job.text,
        spool=job.spool,
    )


def _threads(job: Job) -> int:
    torch = sys.modules.get("torch")
    if job.threads is not None:
        return job.threads
    return int(torch.get_num_threads()) if torch is not None else cores()
