"""A lock on a folder of results, held for moments: two runs never write to it at the same time."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # Windows: runs on one folder are then kept apart by their claims alone.
    HAS_LOCKS = False

NAME = ".lock"


@contextmanager
def locked(folder: Path, patience: float = 60.0) -> Iterator[bool]:
    """Hold the lock of `folder` (made if need be).

    The lock dies with its process, whatever kills it. Where a file system has no locks, or somebody sits on this one for
    longer than `patience` seconds, the block runs all the same and is told so: every write is atomic and a trial that is made
    twice gives the same result, so that the lock saves work and the last bit of order, never the results.

    Yields:
        whether the lock is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        yield _acquire(handle, patience)
    finally:
        os.close(handle)  # gives the lock back


def _acquire(handle: int, patience: float) -> bool:
    if not HAS_LOCKS:
        return False
    give_up, pause = time.monotonic() + patience, 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR) or time.monotonic() > give_up:
                return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
