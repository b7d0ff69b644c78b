"""Hands out the trials of a run: what is finished is left out, what another run is making is waited for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from trackzoo.engine.lane import Task
from trackzoo.store.claims import Owner
from trackzoo.store.write import Session

#: Seconds between two looks at what another run is making.
LOOK = 0.5


class Schedule:
    """The trials that are left, in the order in which they are to be run.

    Args:
        session: of the store, where trials are claimed.
        tasks: what is left to do.
        notice: told which runs are being waited for when there is nothing else to do.

    Attributes:
        elsewhere: trials that another run has finished since.
        waiting: trials that another run is making now -> that run.
    """

    def __init__(self, session: Session, tasks: Iterable[Task], notice: Callable[[str], None] | None = None) -> None:
        self._session, self._notice = session, notice
        self._pending = deque(tasks)
        self._exclusive: tuple[int, str] | None = None
        self._looked = 0.0
        self.elsewhere: list[Task] = []
        self.waiting: dict[tuple[int, str], tuple[Task, Owner]] = {}

    @property
    def done(self) -> bool:
        """Whether everything has been handed out, or finished elsewhere."""
        return not self._pending and not self.waiting

    @property
    def left(self) -> int:
        """Trials that are not handed out yet."""
        return len(self._pending) + len(self.waiting)

    def take(self, here: int, everywhere: int) -> Task | None:
        """The next trial that may begin now, claimed, or None.

        Args:
            here: trials that the worker who asks has in hand.
            everywhere: trials that all workers have in hand.
        """
        if self._exclusive is not None:
            return None
        passed: list[Task] = []
        found = None
        while self._pending and found is None:
            task = self._pending.popleft()
            if (task.trial.exclusive and everywhere) or (task.alone and here):
                passed.append(task)
            else:
                found = self._claim(task)
        self._pending.extendleft(reversed(passed))
        if found is None and self.waiting and time.monotonic() - self._looked >= LOOK:
            found = self._look(here, everywhere)
            if found is None and not everywhere and self.waiting and self._notice is not None:
                owners = sorted({str(owner) for _, owner in self.waiting.values()})
                self._notice(f"waiting for {len(self.waiting)} trials of {', '.join(owners)}")
        if found is not None and found.trial.exclusive:
            self._exclusive = found.key
        return found

    def _claim(self, task: Task) -> Task | None:
        taken = self._session.take(*task.key)
        if taken is True:
            return task
        if taken is False:
            self.elsewhere.append(task)
        else:
            self.waiting[task.key] = (task, taken)
        return None

    def _look(self, here: int, everywhere: int) -> Task | None:
        """See whether what another run was making is finished, or given up."""
        self._looked = time.monotonic()
        for key, (task, _) in list(self.waiting.items()):
            if (task.trial.exclusive and everywhere) or (task.alone and here):
                continue
            del self.waiting[key]
            found = self._claim(task)
            if found is not None:
                return found
        return None

    def again(self, task: Task) -> None:
        """A trial whose worker broke down goes back, to be run apart from others."""
        self.over(task)
        self._session.drop(*task.key)
        self._pending.appendleft(Task(task.trial, alone=True))

    def over(self, task: Task) -> None:
        """A trial has ended, one way or the other."""
        if self._exclusive == task.key:
            self._exclusive = None
