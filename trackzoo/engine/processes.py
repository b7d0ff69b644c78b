"""Worker processes: started, fed, watched and, when one dies, replaced."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence as ListOf
from multiprocessing.connection import Connection, wait
from typing import Any

from trackzoo.engine.build import Job
from trackzoo.engine.devices import thread_environment
from trackzoo.engine.failure import Cause, cause_of
from trackzoo.engine.lane import Task
from trackzoo.engine.lanes import Sink
from trackzoo.engine.schedule import LOOK, Schedule
from trackzoo.errors import TrackzooError


class Worker:
    """One worker process, seen from the parent.

    Args:
        job: what it is told.
        once: it is given one trial and ends.
    """

    def __init__(self, job: Job, once: bool) -> None:
        self.job, self.once = job, once
        self.tasks: dict[tuple[int, str], Task] = {}
        self.ready = self.fed = self.closing = False
        ours, theirs = socket.socketpair()
        environment = {**os.environ, **(thread_environment(job.threads) if job.threads is not None else {})}
        # It finds every module where we find it, whatever a script has done to `sys.path`.
        begin = (
            f"import sys; sys.path[:] = {sys.path!r}; from trackzoo.engine.worker import main; main({theirs.fileno()})"
        )
        # Ctrl-C reaches the whole process group, and we decide what becomes of the workers: they inherit that it is blocked.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            # Its standard input is a pipe that nobody writes to: it closes when we are gone, and the worker ends with us.
            self.process = subprocess.Popen(
                [sys.executable, "-c", begin],
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=environment,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self.connection = Connection(ours.detach())
        self.send(job)

    def send(self, message: Any) -> None:
        """Send; a worker that has died meanwhile is noticed when it is next listened to."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def room(self) -> int:
        """How many trials it can take now."""
        if not self.ready or self.closing or (self.once and self.fed):
            return 0
        if any(task.alone for task in self.tasks.values()):
            return 0
        return (1 if self.once else self.job.lanes) - len(self.tasks)

    def give(self, task: Task, data: bytes) -> None:
        """Hand it a trial."""
        self.tasks[task.key] = task
        self.fed = True
        self.send((task.key, data))

    def stop(self) -> None:
        """Tell it that there will be no more."""
        if not self.closing:
            self.closing = True
            self.send(None)

    def end(self) -> str:
        """Collect the process, ending it if need be. Returns how it ended, for a message."""
        self.connection.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
            return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
        return f"exit code {code}"

    def kill(self) -> None:
        """End it now."""
        self.process.kill()
        self.end()


def run_in_processes(
    jobs: ListOf[Job],
    schedule: Schedule,
    sink: Sink,
    progress: Callable[[int], None] | None = None,
    *,
    isolated: bool = False,
) -> None:
    """Run all trials of the schedule in worker processes.

    Args:
        jobs: one a worker; they differ in their devices.
        schedule: the trials.
        sink: takes what becomes of each.
        progress: called with the number of visits that were made.
        isolated: a fresh process for every trial.

    Raises:
        TrackzooError: the tracker cannot be loaded in a worker.
    """
    workers: list[Worker] = []
    free = list(jobs)
    try:
        while workers or not schedule.done:
            in_hand = sum(len(worker.tasks) for worker in workers)
            starting = sum(not worker.fed for worker in workers)
            while free and schedule.left > starting:
                workers.append(Worker(free.pop(0), isolated))
                starting += 1
            for worker in workers:
                while worker.room() > 0 and (task := schedule.take(len(worker.tasks), in_hand)) is not None:
                    try:
                        data = pickle.dumps(task)
                    except Exception as error:
                        schedule.over(task)
                        sink(task, _unsendable(error))
                        continue
                    worker.give(task, data)
                    in_hand += 1
                if not worker.tasks and (schedule.done or (worker.once and worker.fed)):
                    worker.stop()
            if not workers:
                # Everything that is left is in the hands of another run.
                time.sleep(LOOK)
                continue
            sockets = [worker.connection for worker in workers]
            for ready in wait(sockets, timeout=LOOK if schedule.waiting else None):
                worker = next(worker for worker in workers if worker.connection is ready)
                if not _hear(worker, schedule, sink, progress):
                    workers.remove(worker)
                    free.append(worker.job)
    finally:
        for worker in workers:
            worker.kill()


def _hear(worker: Worker, schedule: Schedule, sink: Sink, progress: Callable[[int], None] | None) -> bool:
    """Take one message from a worker; false when it has gone."""
    try:
        message = worker.connection.recv()
    except (EOFError, ConnectionResetError):
        _bury(worker, schedule, sink)
        return False
    match message:
        case ("ready",):
            worker.ready = True
        case ("unable", Cause() as cause):
            worker.end()
            raise TrackzooError(cause.text)
        case ("visits", int(count)):
            if progress is not None:
                progress(count)
        case ("end", key, outcome):
            task = worker.tasks.pop(key)
            schedule.over(task)
            sink(task, outcome)
    return True


def _bury(worker: Worker, schedule: Schedule, sink: Sink) -> None:
    """A worker has ended: by our wish, or by a fault of the trials that it had in hand."""
    how = worker.end()
    tasks = list(worker.tasks.values())
    worker.tasks.clear()
    if not worker.ready:
        raise TrackzooError(
            f"tracker '{worker.job.choice.id}': its worker process ended while loading ({how}); 'trackzoo doctor' may know why"
        )
    if len(tasks) == 1:
        schedule.over(tasks[0])
        sink(tasks[0], Cause(f"its worker process died ({how})"))
    else:
        # Which of them it was shows when each is run apart.
        for task in reversed(tasks):
            schedule.again(task)


def _unsendable(error: Exception) -> Cause:
    cause = cause_of(error)
    text = f"the trial cannot be sent to a worker process ({cause}); --jobs 1 runs it in this one"
    return Cause(text, True, cause.traceback)
