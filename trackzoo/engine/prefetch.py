"""Decodes ahead: threads fill a bounded memory with the pictures that the trials will visit next.

Each trial has a `Reel`, its own view of its sequence's frames. Handles come from a pool, so that the objects and the trials
that visit the same picture share one decoding; a picture is forgotten when no trial needs it any more.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence as ListOf
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from trackzoo.frames import Frame, Frames, Pixels

#: Bytes that pictures decoded ahead may take, besides the one that each trial looks at.
MEMORY = 512 << 20
#: Pictures that are decoded ahead for one trial at most.
AHEAD = 12
#: Taken for the size of a picture of a trial that has not decoded one yet (1920 x 1080).
_USUAL = 1920 * 1080 * 3

Key = tuple[Any, ...]


@dataclass
class _Entry:
    frame: Frame
    size: int
    users: set[int] = field(default_factory=set)
    #: Somebody decodes it; set when a thread that does has ended.
    begun: bool = False
    decoded: threading.Event | None = None


class FramePool:
    """The pictures in memory, and the threads that decode.

    Args:
        threads: number of threads; 0 decodes nothing ahead. By default as many as cores, four at most.
        memory: bytes that pictures decoded ahead may take.
        ahead: pictures decoded ahead for one trial at most.

    Used from one thread (and its own decoders).
    """

    def __init__(self, threads: int | None = None, memory: int = MEMORY, ahead: int = AHEAD) -> None:
        threads = min(4, os.cpu_count() or 1) if threads is None else threads
        self.memory, self.ahead = memory, ahead
        self._executor = ThreadPoolExecutor(threads, "trackzoo-decode") if threads else None
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry] = {}
        self._reels: list[Reel] = []
        self._taken = 0

    def __enter__(self) -> FramePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and forget all pictures."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        for reel in list(self._reels):
            reel.close()

    def open(self, frames: Frames, hint: ListOf[int], *, looks: bool = True) -> Reel:
        """A trial's view of its frames.

        Args:
            frames: of its sequence.
            hint: indices that it will probably visit, in order.
            looks: whether anybody will look at the pixels; else nothing is decoded ahead.
        """
        reel = Reel(self, frames, hint if looks and self._executor else ())
        self._reels.append(reel)
        return reel

    def fill(self) -> None:
        """Set the threads to work on what comes next, the trial with the least ahead first."""
        if self._executor is None:
            return
        hungry = [reel for reel in self._reels if reel.wants(self.ahead)]
        while hungry:
            reel = min(hungry, key=lambda reel: len(reel.window))
            if self._taken + reel.size > self.memory:
                return
            self._executor.submit(self._decode, reel.next_ahead())
            if not reel.wants(self.ahead):
                hungry.remove(reel)

    def _decode(self, frame: Frame) -> None:
        with self._lock:
            entry = self._entries.get(frame.key)
            if entry is None or entry.begun or entry.frame is not frame:
                return  # nobody waits for it any more, or somebody was quicker
            entry.begun, entry.decoded = True, threading.Event()
        try:
            frame.array()
        except Exception:
            pass  # the trial meets the same error when it gets there
        finally:
            entry.decoded.set()
        with self._lock:
            dropped = self._entries.get(frame.key) is not entry
        if dropped:
            frame.release()

    def settle(self, frame: Frame) -> None:
        """Before a picture is looked at: wait for the thread that decodes it, or see that none begins to."""
        with self._lock:
            entry = self._entries.get(frame.key)
            decoded = entry.decoded if entry is not None else None
            if entry is not None:
                entry.begun = True
        if decoded is not None:
            decoded.wait()

    def share(self, reel: Reel, frame: Frame) -> Frame:
        """The one handle of a picture, held for `reel` until it is dropped."""
        with self._lock:
            entry = self._entries.get(frame.key)
            if entry is None:
                entry = self._entries[frame.key] = _Entry(frame, reel.size)
                self._taken += entry.size
            entry.users.add(id(reel))
            return entry.frame

    def drop(self, reel: Reel, key: Key) -> None:
        """`reel` needs the picture no longer; without other users its pixels are forgotten."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return
            entry.users.discard(id(reel))
            if entry.users:
                return
            del self._entries[key]
            self._taken -= entry.size
        entry.frame.release()

    def forget(self, reel: Reel) -> None:
        """The reel is closed."""
        if reel in self._reels:
            self._reels.remove(reel)


class Reel(Frames):
    """A trial's frames, by way of the pool. Made by `FramePool.open`.

    Attributes:
        window: indices that are being decoded ahead, in the order of the visits.
        size: bytes of one picture, as far as known.
    """

    def __init__(self, pool: FramePool, frames: Frames, hint: ListOf[int]) -> None:
        self._pool, self._frames, self._hint = pool, frames, hint
        self._next = 0
        self.window: deque[int] = deque()
        self._held: dict[int, Key] = {}
        self.size, self._measured = _USUAL, False

    def __len__(self) -> int:
        return len(self._frames)

    def read(self, index: int) -> Pixels:
        """Decode, past the pool."""
        return self._frames.read(index)

    def label(self, index: int) -> str:
        """As the sequence calls it."""
        return self._frames.label(index)

    def key(self, index: int) -> Key:
        """As the sequence's."""
        return self._frames.key(index)

    def check(self, index: int) -> None:
        """As the sequence's."""
        self._frames.check(index)

    def __getitem__(self, index: int) -> Frame:
        # Negative indices, and errors for those out of range, are the sequence's.
        frame = self._frames[index]
        self._held[frame.index] = frame.key
        return self._pool.share(self, frame)

    def wants(self, ahead: int) -> bool:
        """Whether there is more to decode ahead; a single picture while nobody knows how large they are."""
        return self._next < len(self._hint) and len(self.window) < (ahead if self._measured else 1)

    def next_ahead(self) -> Frame:
        """Take the next index of the hint into the window."""
        index = self._hint[self._next]
        self._next += 1
        self.window.append(index)
        return self[index]

    def arrive(self, frame: Frame) -> float:
        """The trial visits `frame` now: have it decoded, and the next ones begun.

        Returns:
            seconds that were spent waiting.

        Raises:
            DataError: the picture cannot be decoded.
        """
        self._advance(frame.index)
        self._pool.fill()
        begin = time.perf_counter()
        self._pool.settle(frame)
        self.size, self._measured = frame.array().nbytes, True
        return time.perf_counter() - begin

    def _advance(self, index: int) -> None:
        """Leave behind everything of the window that comes before the visit."""
        if index in self.window:
            while self.window[0] != index:
                self._drop(self.window.popleft())
            self.window.popleft()
            return
        # A visit that nobody prepared: the first one, one after a jump, or one that the hint did not foresee.
        ahead = range(self._next, len(self._hint))
        position = next((position for position in ahead if self._hint[position] == index), None)
        if position is None:
            return
        self._next = position + 1
        while self.window:
            self._drop(self.window.popleft())

    def depart(self) -> None:
        """The visit is over: drop every picture that is not in the window."""
        ahead = set(self.window)
        for index in [index for index in self._held if index not in ahead]:
            self._drop(index)

    def _drop(self, index: int) -> None:
        key = self._held.pop(index, None)
        if key is not None:
            self._pool.drop(self, key)

    def close(self) -> None:
        """Drop everything."""
        self.window.clear()
        for index in list(self._held):
            self._drop(index)
        self._next = len(self._hint)
        self._pool.forget(self)
