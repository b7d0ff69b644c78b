"""Run a tracker on a data set: the engine's front door, for Python and for the command line."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trackzoo.engine.build import Job, build_lanes, load_tracker
from trackzoo.engine.devices import threads_kept
from trackzoo.engine.failure import Cause
from trackzoo.engine.lane import Task, label
from trackzoo.engine.lanes import Lanes
from trackzoo.engine.plan import Plan, prepare
from trackzoo.engine.processes import run_in_processes
from trackzoo.engine.progress import Progress
from trackzoo.engine.schedule import LOOK, Schedule
from trackzoo.registry import TrackerChoice
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun, stored_run
from trackzoo.store.write import Session
from trackzoo.trial import Protocol, Trial, TrialResult


@dataclass
class RunOutcome:
    """What became of a run. Prints itself.

    Attributes:
        folder: the run's folder (of its first repetition).
        tracker: id of the tracker.
        dataset: id of the data set.
        protocol: name of the protocol.
        done: trials that were run now.
        skipped: trials that were finished before, or by another run in the meantime.
        failed: trials that failed, with their causes.
        complete: whether the folder has every trial of the whole set, in every repetition.
        frames: frames that were run now.
        seconds: how long it took.
        lanes: trials at once in each worker.
        jobs: workers.
        plan: what was planned; all there is of a dry run.
    """

    folder: Path
    tracker: str
    dataset: str
    protocol: str
    done: list[Trial] = field(default_factory=list)
    skipped: list[Trial] = field(default_factory=list)
    failed: list[tuple[Trial, Cause]] = field(default_factory=list)
    complete: bool = False
    frames: int = 0
    seconds: float = 0.0
    lanes: int = 1
    jobs: int = 1
    plan: Plan | None = field(default=None, repr=False)

    def stored(self) -> StoredRun:
        """The results, for reading. Raises `ResultsError` where there are none."""
        run = stored_run(self.folder.parent, self.protocol)
        if run is None:
            from trackzoo.errors import ResultsError

            raise ResultsError(self.folder, "no results", "a run's folder")
        return run

    @property
    def exit_code(self) -> int:
        """0 when no trial failed, 2 when all failures are the data's fault, else 1."""
        return (2 if all(cause.mistake for _, cause in self.failed) else 1) if self.failed else 0

    @property
    def speed(self) -> str:
        """Frames per second over the whole run, named for what it is."""
        if not self.frames or not self.seconds:
            return ""
        rate = f"{self.frames / self.seconds:.1f} frames/s"
        if self.lanes == self.jobs == 1:
            return rate + " with decoding"
        parts = [f"{self.jobs} jobs"] * (self.jobs > 1) + [f"{self.lanes} lanes"] * (self.lanes > 1)
        return f"{rate} throughput ({', '.join(parts)})"

    def __str__(self) -> str:
        counts = f"done {len(self.done)}, resumed {len(self.skipped)}, failed {len(self.failed)}"
        parts = [counts, self.speed, str(self.folder)]
        if not self.complete:
            parts.insert(1, "set incomplete")
        return f"{self.tracker} on {self.dataset}: {', '.join(part for part in parts if part)}"


def run(
    tracker: str | TrackerChoice,
    dataset: str | Dataset,
    *,
    results: str | Path | None = None,
    protocol: str | Protocol | None = None,
    lanes: int = 1,
    jobs: int | None = None,
    device: str | None = None,
    dtype: str = "fp32",
    repeats: int | None = None,
    seed: int = 0,
    sequences: ListOf[str] = (),
    limit: int | None = None,
    shard: str | tuple[int, int] | None = None,
    new: bool = False,
    available: bool = False,
    data_root: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    text: str | None = None,
    progress: bool | None = False,
    dry_run: bool = False,
) -> RunOutcome:
    """Run a tracker on a data set; what is finished in the results folder is left as it is.

    Args:
        tracker: a name, `module:Class`, or a looked-up tracker.
        dataset: a name, or an open data set.
        results: results folder; by default the config's, else `runs`.
        protocol: name, or one with settings of its own; by default the one that the benchmark prescribes.
        lanes: trials at once in one worker. With more than one, boxes agree with those of one lane to floating-point noise.
        jobs: worker processes; by default one a GPU, or none (the run is made in this process).
        device: `auto` (default: every GPU, else the CPU), `cpu`, `cuda`, `cuda:N`, or several by commas.
        dtype: `fp32`, `fp16` or `bf16`.
        repeats: repetitions, each with its own seed; by default as many as the protocol prescribes, which is one for most.
        seed: from which every trial's own seed is made.
        sequences: these alone.
        limit: the first so many sequences alone.
        shard: `"i/n"`: the i-th of n parts, for n machines with a shared disk.
        new: move the folder's results aside and begin afresh.
        available: make do with those sequences that are on disk.
        data_root: where the benchmarks lie.
        settings: of the tracker; they go before the variant's.
        weights: of the tracker's network: a name in the cache, a file, or `random` for tests of speed, whose results no report
            takes for accuracy; by default the tracker's own, or those that the benchmark's rules ask for.
        text: what a tracker that takes text is told of every object in place of its sequence's description; empty for nothing.
        progress: show a bar; None shows one when standard error is a terminal.
        dry_run: only plan.

    Returns:
        `RunOutcome`; a trial that failed is told there and does not stop the others.

    Raises:
        TrackzooError: what was asked for cannot be run, or the folder holds another run's results (without `new`).
    """
    plan = prepare(
        tracker,
        dataset,
        results=results,
        protocol=protocol,
        lanes=lanes,
        jobs=jobs,
        device=device,
        dtype=dtype,
        repeats=repeats,
        seed=seed,
        sequences=sequences,
        limit=limit,
        shard=shard,
        new=new,
        available=available,
        data_root=data_root,
        settings=settings,
        weights=weights,
        text=text,
    )
    return begin(plan) if dry_run else execute(plan, progress=progress)


def begin(plan: Plan) -> RunOutcome:
    """The outcome before anything has been run."""
    skipped = [trial for trial in plan.trials if (trial.repeat, trial.name) in plan.finished]
    return RunOutcome(
        plan.place.folder(),
        plan.choice.id,
        plan.dataset.id,
        plan.protocol.name,
        skipped=skipped,
        lanes=plan.jobs[0].lanes,
        jobs=len(plan.jobs),
        plan=plan,
    )


def execute(plan: Plan, *, progress: bool | None = False) -> RunOutcome:
    """Run a plan.

    Raises:
        TrackzooError: the tracker cannot be loaded, or the results cannot be written. What was finished is kept.
    """
    outcome = begin(plan)
    tasks = plan.ordered_tasks()
    tracker = plan.tracker
    if tasks and not plan.in_processes and tracker is None:
        # Before anything is written: a tracker that cannot be loaded leaves no folder behind.
        tracker = load_tracker(plan.jobs[0])
    started = time.perf_counter()
    with plan.place.open(plan.identity, plan.expected, plan.about, new=plan.new) as session:
        outcome.folder = session.folders[0]
        jobs = plan.jobs
        if any(task.trial.keeps for task in tasks):
            jobs = [replace(job, spool=session.spool()) for job in jobs]
        if tasks:
            title = f"{plan.choice.id} on {plan.dataset.id}"
            with Progress(title, tasks, plan.dataset, progress) as bar:
                schedule = Schedule(session, tasks, bar.wait)
                sink = _Sink(plan, session, outcome, bar)
                try:
                    if plan.in_processes:
                        run_in_processes(jobs, schedule, sink, bar.visits, isolated=plan.choice.spec.isolated)
                    else:
                        _run_here(jobs[0], tracker, schedule, sink, bar)
                finally:
                    outcome.frames, outcome.seconds = bar.frames, time.perf_counter() - started
                outcome.skipped += [task.trial for task in schedule.elsewhere]
        outcome.complete = session.complete(lambda: plan.dataset.fingerprint(_sequences(plan, session.expected())))
    return outcome


def _sequences(plan: Plan, expected: ListOf[str]) -> list[str]:
    """The sequences of the trials of that name, in the data set's order: where they are all that are available, their
    fingerprint is the one that `trackzoo datasets check` writes."""
    names = set(expected)
    trials = plan.protocol.trials(plan.dataset, list(plan.dataset.available()), 1, 0)
    return list(dict.fromkeys(trial.sequence.name for trial in trials if trial.name in names))


class _Sink:
    """Takes what becomes of each trial: results to the store, causes to the outcome."""

    def __init__(self, plan: Plan, session: Session, outcome: RunOutcome, bar: Progress) -> None:
        self._plan, self._session, self._outcome, self._bar = plan, session, outcome, bar

    def __call__(self, task: Task, outcome: TrialResult | Cause) -> None:
        if isinstance(outcome, Cause):
            self._session.fail(task.trial.repeat, task.trial.name, outcome.traceback or outcome.text)
            self._outcome.failed.append((task.trial, outcome))
        else:
            outcome.record = {
                **outcome.record,
                "tracker": self._plan.choice.id,
                "dataset": self._plan.dataset.id,
                "fingerprint": self._plan.dataset.fingerprint([task.trial.sequence.name]),
                "code": self._plan.about["code"],
                **({"random_weights": True} if self._plan.random_weights else {}),
            }
            fresh = self._session.commit(outcome)
            (self._outcome.done if fresh else self._outcome.skipped).append(task.trial)
        self._bar.end(None if isinstance(outcome, Cause) else int(outcome.record["frames"]))


def _run_here(job: Job, tracker: Any, schedule: Schedule, sink: _Sink, bar: Progress) -> None:
    """Run the schedule in this process, whose owner gets its threads back."""
    with threads_kept():
        _drive(build_lanes(job, tracker), schedule, sink, bar)


def _drive(lanes: Lanes, schedule: Schedule, sink: _Sink, bar: Progress) -> None:
    in_hand = 0

    def source(idle: bool) -> Task | None:
        nonlocal in_hand
        while True:
            task = schedule.take(in_hand, in_hand)
            if task is not None:
                in_hand += 1
                return task
            if not idle or schedule.done:
                return None
            time.sleep(LOOK / 5)

    def settle(task: Task, outcome: TrialResult | Cause) -> None:
        nonlocal in_hand
        in_hand -= 1
        schedule.over(task)
        sink(task, outcome)

    with lanes.pool:
        lanes.run(source, settle, bar.visits)


def failures(outcome: RunOutcome) -> list[str]:
    """One line for each trial that failed."""
    return [f"{outcome.tracker} on {outcome.dataset}, {label(trial)}: {cause}" for trial, cause in outcome.failed]
