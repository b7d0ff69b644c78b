"""A bar with frames per second and time left, on a terminal; nothing elsewhere."""

from __future__ import annotations

import contextlib
import pickle
import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from trackzoo.engine.lane import Task
from trackzoo.sequence import Dataset


class Progress:
    """Counts frames and shows them.

    Args:
        title: what is being run.
        tasks: what is left to do.
        dataset: its lengths give the time that is left.
        show: whether to show a bar; None shows it when standard error is a terminal, and else says what is waited for.
    """

    def __init__(self, title: str, tasks: Iterable[Task], dataset: Dataset, show: bool | None = None) -> None:
        names = [task.trial.sequence.name for task in tasks]
        self.frames = self.ended = self.failed = 0
        self._tasks, self._title = len(names), title
        self._plainly, self._said = show is None, ""
        self._bar: Any = None
        if sys.stderr.isatty() if show is None else show:
            from tqdm import tqdm

            self._bar = tqdm(desc=title, unit=" frames", dynamic_ncols=True, smoothing=0.1, file=sys.stderr)
            self._say(self._counts())
            # Lengths stand in annotation files: nobody waits for them, the time that is left shows when they are known.
            threading.Thread(target=self._measure, args=(names, dataset), daemon=True).start()

    def _measure(self, names: list[str], dataset: Dataset) -> None:
        with contextlib.suppress(Exception):
            # A copy: what the data set remembers is not made for two threads.
            lengths = pickle.loads(pickle.dumps(dataset)).lengths(list(dict.fromkeys(names)))
            # A sequence whose annotation cannot be read ends before it begins.
            self._bar.total = sum(lengths.get(name) or 0 for name in names)
            self._bar.refresh()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def visits(self, count: int) -> None:
        """So many frames more."""
        self.frames += count
        if self._bar is not None:
            self._bar.update(count)

    def end(self, failed: bool) -> None:
        """One trial more."""
        self.ended += 1
        self.failed += failed
        self._say(self._counts())

    def wait(self, text: str) -> None:
        """Say what is being waited for."""
        if self._bar is not None:
            self._say(text)
        elif self._plainly and text != self._said:
            print(f"{self._title}: {text}", flush=True)
            self._said = text

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=True)

    def _counts(self) -> str:
        return f"{self.ended}/{self._tasks} trials" + (f", {self.failed} failed" if self.failed else "")
