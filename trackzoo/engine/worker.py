"""A worker process: gets trials through a pipe, runs them, sends back what became of them.

Not started by multiprocessing, whose children import the person's own script again: a script or notebook that calls
`trackzoo.run(...)` at its top level works as it stands.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from multiprocessing.connection import Connection

from trackzoo.engine.build import build_lanes
from trackzoo.engine.devices import limit_threads
from trackzoo.engine.failure import Cause, cause_of
from trackzoo.engine.lane import Task
from trackzoo.errors import tell_warnings_plainly
from trackzoo.trial import TrialResult

#: Seconds between two messages about progress.
PROGRESS = 0.2


def _die_with_parent() -> None:
    """End when the parent is gone, however it went: its end of our standard input closes with it."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _not_here(error: Exception) -> Cause:
    """Why a task could not be read in this process: as a rule its class stands in the person's own script."""
    cause = cause_of(error)
    text = f"the trial cannot be read in a worker process ({cause}); define its classes in a module, not in a script"
    return Cause(text, True, cause.traceback)


def serve(connection: Connection) -> None:
    """Speak with the parent until it says stop.

    To us: a `Job`, then any number of (key, pickled `Task`), then None. From us: `("ready",)` or `("unable", cause)`, then
    `("visits", n)` now and then, and `("end", key, result or cause)` for each task.
    """
    try:
        job = connection.recv()
        lanes = build_lanes(job)
    except (Exception, SystemExit) as error:
        connection.send(("unable", cause_of(error)))
        return
    connection.send(("ready",))
    stopped = False
    visits, told = 0, time.monotonic()

    def source(idle: bool) -> Task | None:
        nonlocal stopped
        while not stopped and (idle or connection.poll()):
            message = connection.recv()
            if message is None:
                stopped = True
                break
            key, data = message
            try:
                task: Task = pickle.loads(data)
                return task
            except Exception as error:
                connection.send(("end", key, _not_here(error)))
        return None

    def sink(task: Task, outcome: TrialResult | Cause) -> None:
        connection.send(("end", task.key, outcome))

    def progress(count: int) -> None:
        nonlocal visits, told
        visits += count
        if time.monotonic() - told > PROGRESS:
            if job.threads is not None:
                limit_threads(job.threads)  # OpenCV is loaded with the first picture
            connection.send(("visits", visits))
            visits, told = 0, time.monotonic()

    with lanes.pool:
        lanes.run(source, sink, progress)
    connection.send(("visits", visits))


def main(handle: int) -> None:
    """Entry point of the process; `handle` is its end of the pipe."""
    tell_warnings_plainly()
    _die_with_parent()
    connection = Connection(handle)
    try:
        serve(connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)
