"""Work on several runs at once: reading text is bound by the processor, and Python lets one thread at a time do it."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence as ListOf
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: What a forked process finds as it was when it was forked.
_work: Callable[[int], Any] | None = None


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[Item], Result], items: ListOf[Item], *, worth: bool) -> list[Result]:
    """`work` done on every item, in order; in forked processes where that is safe and `worth` it.

    Raises:
        Exception: the first item's that failed, by its place.
    """
    global _work
    count = min(processors(), len(items))
    # Elsewhere than on Linux, forking a process that has used the system's libraries may hang.
    if not worth or count < 2 or not sys.platform.startswith("linux") or _work is not None:
        return [work(item) for item in items]
    _work = lambda place: work(items[place])  # noqa: E731
    try:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("fork")) as pool:
            waiting = [pool.submit(_do, place) for place in range(len(items))]
            return [future.result() for future in waiting]
    finally:
        _work = None


def _do(place: int) -> Any:
    assert _work is not None
    return _work(place)
