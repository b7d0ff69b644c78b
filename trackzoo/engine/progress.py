"""A bar with frames per second and time left, on a terminal; nothing elsewhere."""

from __future__ import annotations

import sys
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
        dataset: the number of its frames, where it is known, gives the time that is left.
        show: whether to show a bar; None shows it when standard error is a terminal, and else says what is waited for.
    """

    def __init__(self, title: str, tasks: Iterable[Task], dataset: Dataset, show: bool | None = None) -> None:
        names = [task.trial.sequence.name for task in tasks]
        self.frames = self.ended = self.failed = 0
        self._tasks, self._title = len(names), title
        self._plainly, self._said = show is None, ""
        self._whole: list[int] = []
        self._known: int | None = None
        self._bar: Any = None
        if sys.stderr.isatty() if show is None else show:
            from tqdm import tqdm

            self._known = _known_frames(names, dataset)
            self._bar = tqdm(
                total=self._known, desc=title, unit=" frames", dynamic_ncols=True, smoothing=0.1, file=sys.stderr
            )
            self._say(self._counts())

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

    def end(self, frames: int | None) -> None:
        """One trial more, of so many frames; None for one that failed."""
        self.ended += 1
        if frames is None:
            self.failed += 1
        else:
            self._whole.append(frames)
        if self._bar is not None and self._known is None and self._whole:
            # Lengths stand in annotation files that nobody has read yet; the rest is taken to be as long as what has ended.
            mean = sum(self._whole) / len(self._whole)
            self._bar.total = max(self.frames, round(sum(self._whole) + mean * (self._tasks - self.ended)))
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


def _known_frames(names: list[str], dataset: Dataset) -> int | None:
    """Frames of all trials, where the data set knows without reading; else None."""
    whole = dataset.available()
    known = dataset.known_frames() if set(names) == set(whole) else None
    return known if known is None else known * len(names) // len(whole)
